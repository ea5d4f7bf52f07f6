// node.exe as the base of snaphook.exe: our version and icon in place of Node's.
import { readFileSync, writeFileSync } from 'node:fs';
import { Data, NtExecutable, NtExecutableResource, Resource } from 'resedit';
import { iconFile } from './icon.mjs';

const ENGLISH = 1033;
const UNICODE = 1200;

/** Writes the base and returns its path. Node's signature goes: it would not fit what is added later. */
export function windowsBase(node, output, { version, nodeVersion }) {
  const executable = NtExecutable.from(readFileSync(node), { ignoreCert: true });
  const resources = NtExecutableResource.from(executable);
  const info = Resource.VersionInfo.fromEntries(resources.entries)[0];
  for (const language of info.getAllLanguagesForStringValues()) info.removeAllStringValues(language);
  const [major, minor, patch] = version.split('.').map(Number);
  info.setFileVersion(major, minor, patch, 0, ENGLISH);
  info.setProductVersion(major, minor, patch, 0, ENGLISH);
  info.setStringValues(
    { lang: ENGLISH, codepage: UNICODE },
    {
      FileDescription: 'snaphook',
      ProductName: 'snaphook',
      InternalName: 'snaphook',
      OriginalFilename: 'snaphook.exe',
      FileVersion: version,
      ProductVersion: version,
      LegalCopyright: `The snaphook authors. Apache-2.0. Contains Node.js ${nodeVersion}.`,
    },
  );
  info.outputToResourceEntries(resources.entries);
  const [group] = Resource.IconGroupEntry.fromEntries(resources.entries);
  const icons = Data.IconFile.from(iconFile()).icons.map(({ data }) => data);
  Resource.IconGroupEntry.replaceIconsForResource(resources.entries, group?.id ?? 1, group?.lang ?? ENGLISH, icons);
  resources.outputResource(executable);
  writeFileSync(output, Buffer.from(executable.generate()));
  return output;
}

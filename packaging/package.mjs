// npm run package [-- --target linux|windows|all] [--output FOLDER]: makes a release in build/release/, see docs/packaging.md.
// The .deb needs dpkg-deb, the Linux guests' helper a C compiler with a static libc, and that of Windows guests mingw-w64; what cannot
// be made is said. The helpers are made with the Linux release.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildFreezeHelper, buildPlugIns } from '../scripts/build-guest.mjs';
import { putVssHelper, VSS_HELPER_ARCHITECTURES } from '../scripts/build-vss-helper.mjs';
import { root, version } from '../scripts/bundle-options.mjs';
import { run } from '../scripts/debian.mjs';
import { helpOnRequest } from '../scripts/help.mjs';
import { install } from '../scripts/setup.mjs';

helpOnRequest(import.meta.url);
const { values } = parseArgs({ options: { target: { type: 'string', default: 'all' }, output: { type: 'string' } } });
const targets = values.target === 'all' ? ['linux', 'windows'] : [values.target];
const unknown = targets.find((name) => !['linux', 'windows'].includes(name));
if (unknown !== undefined) {
  console.error(`There is no target "${unknown}". Targets: linux, windows, all.`);
  process.exit(2);
}
if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error('A release is made on Linux x64, for all targets.');
  process.exit(2);
}
process.umask(0o022);
install();
const { billOfMaterials, licenceTexts } = await import('./components.mjs');
const { bundleProgram, installBase, makeExecutable, runOnBase } = await import('./executables.mjs');
const { debianPackage } = await import('./debian-package.mjs');
const { manPage } = await import('./man-page.mjs');
const { nativeParts } = await import('./native-parts.mjs');

const release = path.resolve(values.output ?? path.join(root, 'build/release'));
// Whatever else lies in a folder that somebody names is not ours to delete.
const found = existsSync(release) ? readdirSync(release) : [];
if (found.length > 0 && !found.includes('SHA256SUMS') && values.output !== undefined) {
  console.error(`"${release}" has files and is no release: name an empty folder, or one that is not there.`);
  process.exit(2);
}
rmSync(release, { recursive: true, force: true });
mkdirSync(release, { recursive: true });
const write = (file, text) => writeFileSync(path.join(release, file), text);

/** Of the .deb's files: the last commit's, so that a commit gives the same bytes on every day. */
function secondsSinceEpoch() {
  if (process.env.SOURCE_DATE_EPOCH !== undefined) return Number(process.env.SOURCE_DATE_EPOCH);
  return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' }));
}

/** What is linked into each, by its path in the release. */
function makeGuestHelpers() {
  const freeze = buildFreezeHelper({ output: path.join(release, 'snaphook-freeze') });
  const linked = freeze ? { 'snaphook-freeze': freeze.linked } : {};
  for (const arch of VSS_HELPER_ARCHITECTURES) {
    const folder = `guest/windows-${arch}`;
    for (const [name, files] of Object.entries(putVssHelper(arch, path.join(release, folder))))
      linked[`${folder}/${name}`] = files;
  }
  return linked;
}

installBase();
const { bundle, inputs } = await bundleProgram();
for (const target of targets) makeExecutable(target, release);
const linked = targets.includes('linux') ? makeGuestHelpers() : {};
const native = nativeParts(linked);
const said = (name, words) => runOnBase([bundle, ...words], { argv0: name });
write('sbom.cdx.json', billOfMaterials(inputs, native));
write('THIRD-PARTY-LICENSES.txt', licenceTexts(inputs, native));
copyFileSync(path.join(root, 'LICENSE'), path.join(release, 'LICENSE'));
write('snaphook.1', manPage(said('snaphook', ['--help']), said('pre-backup', ['--help']), version));
write('snaphook.bash', said('snaphook', ['completion']));
if (targets.includes('linux')) {
  const plugIns = buildPlugIns(path.join(root, 'build/package/plug-ins'));
  if (run('dpkg-deb', ['--version']).status === 0)
    debianPackage(release, plugIns, path.join(root, 'build/package/debian'), secondsSinceEpoch());
  else console.error('no .deb is made: it needs dpkg-deb.');
}
const programs = ['snaphook', 'snaphook.exe', 'snaphook-freeze'];
const sums = readdirSync(release, { recursive: true })
  .filter((file) => statSync(path.join(release, file)).isFile())
  .sort()
  .map((file) => {
    chmodSync(path.join(release, file), programs.includes(file) ? 0o755 : 0o644);
    const sum = createHash('sha256')
      .update(readFileSync(path.join(release, file)))
      .digest('hex');
    return `${sum}  ${file}\n`;
  });
write('SHA256SUMS', sums.join(''));
process.stdout.write(sums.join(''));

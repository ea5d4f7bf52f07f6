// What is linked into the helpers of guests: packages of the Debian system that builds them, and their licences by its word.
import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { run } from '../scripts/debian.mjs';

const FIELDS = ['Package', 'Version', 'Architecture', 'source:Package', 'source:Version'];

/** The package that a file is of; undefined where the system does not tell, or is none of Debian's kind. */
function packageOf(file) {
  const { status, stdout } = run('dpkg-query', ['--search', file]);
  if (status !== 0) return undefined;
  const name = stdout.split('\n')[0].slice(0, -`: ${file}`.length);
  const format = FIELDS.map((field) => `\${${field}}\\n`).join('');
  const told = run('dpkg-query', ['--show', '--showformat', format, name.split(', ')[0]]).stdout.split('\n');
  const [packageName, version, architecture, source, sourceVersion] = told;
  return { name: packageName, version, architecture, source, sourceVersion, ...copyrightOf(packageName) };
}

/** The copyright file, and where it has the machine-readable form the short names of its licences. */
function copyrightOf(name) {
  let text;
  try {
    text = readFileSync(realpathSync(`/usr/share/doc/${name}/copyright`), 'utf8');
  } catch {
    return {}; // a system without documentation
  }
  const isReadable = /^Format: \S*copyright-format/m.test(text);
  const licences = isReadable ? [...text.matchAll(/^License: *(\S.*)$/gm)].map(([, licence]) => licence.trim()) : [];
  return { text, licences: [...new Set(licences)].sort() };
}

/** `linked`: by the name of a program, the files that its linker took. One part a package, in the order of their names. */
export function nativeParts(linked) {
  const parts = new Map();
  for (const [program, files] of Object.entries(linked)) {
    for (const file of files) {
      const found = packageOf(file) ?? { name: path.basename(file) };
      const part = parts.get(found.name) ?? { ...found, programs: [] };
      if (!part.programs.includes(program)) part.programs.push(program);
      parts.set(found.name, part);
    }
  }
  return [...parts.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

const property = (name, value) => ({ name: `snaphook:${name}`, value });

/** CycloneDX. What is not known is said to be so. */
export function nativeComponent({ name, version, architecture, source, sourceVersion, licences = [], text, programs }) {
  const where =
    text === undefined ? '' : ': none is named in a form for programs, the text is in THIRD-PARTY-LICENSES.txt';
  return {
    type: 'library',
    name,
    ...(version && { version, purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}` }),
    ...(licences.length > 0 && { licenses: licences.map((licence) => ({ license: { name: licence } })) }),
    properties: [
      property('linked into', programs.join(', ')),
      ...(version ? [] : [property('version', 'unknown')]),
      property(
        'licences',
        licences.length > 0 ? 'of all files of the package, by its copyright file' : `unknown${where}`,
      ),
      ...(source ? [property('source', `${source} ${sourceVersion}`)] : []),
    ],
  };
}

/** One heading and text for each of different copyright files, and the licences of Debian's own folder that they speak of. */
export function nativeLicenceTexts(parts) {
  const headings = new Map();
  for (const { name, version = 'of unknown version', programs, text = 'No licence is known.' } of parts) {
    const heading = `${name} ${version}, linked into ${programs.join(', ')}`;
    headings.set(text, [...(headings.get(text) ?? []), heading]);
  }
  const named = [...headings.keys()].flatMap((text) => text.match(/\/usr\/share\/common-licenses\/[\w.+-]*\w/g) ?? []);
  const common = [...new Set(named)].sort().flatMap((file) => {
    try {
      return [[`${path.basename(file)}, which is spoken of as ${file}`, readFileSync(file, 'utf8').trim()]];
    } catch {
      return [];
    }
  });
  return [...[...headings].map(([text, names]) => [names.join('\n'), text.trim()]), ...common];
}

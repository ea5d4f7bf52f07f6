// Installs what package-lock.json names, if it is not there yet, and builds dist/ when a source is newer.
// Everything it prints goes to stderr: stdout belongs to the command that called it.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...parts) => path.join(root, ...parts);
const mtimeMs = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0);
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`snaphook needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

function run(command, args) {
  execFileSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
}

export function install() {
  const stamp = at('node_modules', '.package-lock.json');
  if (mtimeMs(stamp) >= mtimeMs(at('package-lock.json'))) return;
  console.error('Installing packages ...');
  // Not `npm ci`: newer npm refuses a lock file that does not name the optional packages of every other platform.
  // The versions and checksums of the lock file hold here too, and it is not changed.
  run('npm', ['install', '--no-save', '--loglevel=error']);
}

function newestMs(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) newest = Math.max(newest, mtimeMs(path.join(entry.parentPath ?? entry.path, entry.name)));
  }
  return newest;
}

/** Of a file that is made of the sources; false when there is none. */
export function isNewerThanSources(file) {
  const sources = Math.max(
    ...['src', 'hooks', 'integrations', 'guest', 'scripts'].map((folder) => newestMs(at(folder))),
    mtimeMs(at('package.json')),
    mtimeMs(at('node_modules', '.package-lock.json')),
  );
  return mtimeMs(file) >= sources;
}

export function build() {
  if (isNewerThanSources(at('dist', 'snaphook.cjs'))) return;
  console.error('Building dist/ ...');
  run(process.execPath, [at('scripts', 'build.mjs')]);
}

export function prebuildJest() {
  const stamp = at('build', 'jest', 'wa-sqlite-wasm.cjs');
  if (mtimeMs(stamp) >= Math.max(mtimeMs(at('package-lock.json')), mtimeMs(at('scripts', 'prebuild-jest.mjs')))) return;
  run(process.execPath, [at('scripts', 'prebuild-jest.mjs')]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  install();
  build();
}

// Builds the programs that run inside guests into dist/guest/: snaphook-freeze for Linux, when a C compiler with a static
// libc is there, and the application plug-ins. Without a compiler it says so, and everything else works: the lab brings its own
// simulated guests.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { helpOnRequest } from './help.mjs';
import { linkedFiles, TELL_LINKED } from './linked-files.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = path.join(root, 'guest', 'linux');
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));

const COMMON = ['-std=c11', '-D_GNU_SOURCE', `-DSNAPHOOK_VERSION="${version}"`, '-Wall', '-Wextra', '-Werror'];
const RELEASE = [...COMMON, '-Os', '-static', '-s'];
/** For tests: stops at the first access or arithmetic that C does not define. */
const SANITIZED = [...COMMON, '-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

function compiles(compiler, flags) {
  const folder = mkdtempSync(path.join(tmpdir(), 'snaphook-cc-'));
  try {
    const file = path.join(folder, 'empty.c');
    writeFileSync(file, 'int main(void) { return 0; }\n');
    return spawnSync(compiler, [...flags, file, '-o', path.join(folder, 'empty')]).status === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Where the helper for this machine's kind of processor is built to. */
export const freezeHelper = path.join(root, 'dist', 'guest', `linux-${process.arch}`, 'snaphook-freeze');

/** `otherSysfs`: with the option that tests need to invent block devices. The program and the files of others that are linked into it; undefined, with the reason on standard error, where it cannot be built. */
export function buildFreezeHelper({ output = freezeHelper, sanitized = false, otherSysfs = false } = {}) {
  const flags = [...(sanitized ? SANITIZED : RELEASE), ...(otherSysfs ? ['-DSNAPHOOK_OTHER_SYSFS'] : [])];
  const compiler = process.platform === 'linux' && ['cc', 'musl-gcc'].find((name) => compiles(name, flags));
  if (!compiler) {
    console.error('snaphook-freeze is not built: it needs Linux and a C compiler with a static libc.');
    return undefined;
  }
  mkdirSync(path.dirname(output), { recursive: true });
  const files = readdirSync(sources).filter((name) => name.endsWith('.c'));
  const { status, stdout } = spawnSync(compiler, [...flags, TELL_LINKED, ...files, '-o', output], {
    cwd: sources,
    stdio: ['ignore', 'pipe', 2],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${compiler} could not build snaphook-freeze`);
  return { file: output, linked: linkedFiles(stdout) };
}

/** One program each: what is of the application, and the frame that all have in common. By its name a program finds its settings. */
const PLUG_INS = {
  postgresql: 'postgresql.sh',
  mysql: 'mysql.sh',
  mariadb: 'mysql.sh',
  oracle: 'oracle.sh',
  mongodb: 'mongodb.sh',
  hana: 'hana.sh',
};

/** The folder with the application plug-ins. */
export function buildPlugIns(output = path.join(root, 'dist', 'guest', 'plug-ins')) {
  const part = (name) => readFileSync(path.join(sources, 'plug-ins', name), 'utf8');
  mkdirSync(output, { recursive: true });
  for (const [name, application] of Object.entries(PLUG_INS)) {
    writeFileSync(path.join(output, name), part(application) + part('frame.sh'));
    chmodSync(path.join(output, name), 0o755);
  }
  return output;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  helpOnRequest(import.meta.url);
  buildFreezeHelper();
  buildPlugIns();
}

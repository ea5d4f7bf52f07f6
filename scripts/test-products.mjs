// npm run test:products [-- NAME ...]: set up, then real jobs of the backup products in test/products, which call the hooks.
// As root on Debian it installs their packages; a product that cannot be had or run here is skipped and says why.
// Each runs in namespaces of its own: its mounts and its daemons are gone with its suite, also when that fails.
// The hooks are the executable of a release (build/release, or one that is made here); of dist/ where none can be made.
// Prints a line a check, and at the end `products: N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPackages, must, needRoot } from './debian.mjs';
import { helpOnRequest } from './help.mjs';
import { leftLoops } from './left-loops.mjs';
import { runSuite } from './run-suite.mjs';
import { build, install, isNewerThanSources, prebuildJest } from './setup.mjs';

helpOnRequest(import.meta.url);

const root = fileURLToPath(new URL('..', import.meta.url));
const program = fileURLToPath(import.meta.url);
const INSIDE = '--inside';

/** What every product needs here: file systems of targets, mounted. */
const PACKAGES = ['e2fsprogs', 'fdisk', 'mount', 'util-linux', 'attr'];
/** By the name of the suite's file, or of its start before a dash. */
const PRODUCTS = [
  { name: 'amanda', packages: ['amanda-server', 'amanda-client', 'libencode-locale-perl', 'sudo'] },
  { name: 'backuppc', packages: ['backuppc', 'sudo'] },
  { name: 'burp', packages: ['burp'] },
  {
    name: 'bacula',
    packages: [
      'bacula-director',
      'bacula-director-sqlite3',
      'bacula-sd',
      'bacula-fd',
      'bacula-console',
      'sqlite3',
      'sudo',
    ],
  },
  { name: 'borgmatic', packages: ['borgmatic', 'borgbackup'] },
  { name: 'restic', packages: ['restic'] },
];

/** Throws why no product can run here. */
function requireMachine() {
  if (process.platform !== 'linux') throw new Error('needs Linux');
  needRoot('mount file systems of targets');
  installPackages(PACKAGES);
  must('losetup', ['--find']);
  // Whoever starts daemons needs them to end; a shell as the first process takes the dead ones away.
  must('unshare', [...NAMESPACES, 'true']);
}

const NAMESPACES = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** The executable of a release of these sources; why it is another program is printed. */
function snaphookProgram(folder) {
  const folders = [path.join(root, 'build/release'), process.env.SNAPHOOK_TEST_RELEASE ?? ''];
  const released = folders.map((one) => path.join(one, 'snaphook')).find(isNewerThanSources);
  if (released !== undefined) return released;
  const output = path.join(folder, 'release');
  const args = [path.join(root, 'packaging/package.mjs'), '--target', 'linux', '--output', output];
  if (spawnSync(process.execPath, args, { stdio: ['ignore', 2, 2] }).status === 0) return path.join(output, 'snaphook');
  console.log('no release could be made: the hooks are those of dist/');
  return path.join(root, 'dist/snaphook.cjs');
}

async function inside(name, folder) {
  const { passed, failed, skipped } = await runSuite({
    config: 'jest.products.config.cjs',
    suites: `test/products/${name}[-.]`,
    environment: { FILES_FOLDER: folder, TMPDIR: folder, SNAPHOOK_PROGRAM: process.env.SNAPHOOK_PROGRAM },
  });
  console.log(`${INSIDE}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed === 0 ? 0 : 1;
}

/** Daemons of products run as users of their own: they have to come into the folder. */
function runInside(name) {
  const folder = mkdtempSync(path.join(tmpdir(), `snaphook-${name}-`));
  try {
    must('chmod', ['755', folder]);
    const script = '"$@"; exit $?';
    const command = [...NAMESPACES, 'sh', '-c', script, 'sh', process.execPath, program, INSIDE, name, folder];
    const { stdout } = spawnSync('unshare', command, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
    const lines = stdout.trimEnd().split('\n');
    const summary = new RegExp(`^${INSIDE}: (\\d+) passed, (\\d+) failed, (\\d+) skipped$`).exec(lines.at(-1) ?? '');
    console.log((summary ? lines.slice(0, -1) : [...lines, `not ok ${name}: did not come to its end`]).join('\n'));
    const [passed, failed, skipped] = summary ? summary.slice(1).map(Number) : [0, 1, 0];
    const left = leftLoops(folder);
    if (left.length > 0) console.log(`not ok ${name}: loop devices are left: ${left.join(', ')}`);
    for (const loop of left) must('losetup', ['--detach', `/dev/${loop}`]);
    return { passed, failed: failed + left.length, skipped };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runProduct({ name, packages }) {
  console.log(`# ${name}`);
  try {
    installPackages(packages);
  } catch (error) {
    console.log(`skipped ${name}: ${error.message}`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  try {
    return runInside(name);
  } catch (error) {
    console.log(`not ok ${name}: ${error.message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

function outside(wanted) {
  const unknown = wanted.filter((name) => !PRODUCTS.some((product) => product.name === name));
  if (unknown.length > 0) {
    console.error(
      `There is no product ${unknown.join(', ')}. Products: ${PRODUCTS.map(({ name }) => name).join(', ')}.`,
    );
    return 2;
  }
  install();
  build();
  prebuildJest();
  try {
    requireMachine();
  } catch (error) {
    console.log(`skipped products: ${error.message}`);
    console.log('products: 0 passed, 0 failed, 1 skipped');
    return 0;
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'snaphook-products-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  // Daemons of products call it as users of their own.
  must('chmod', ['755', folder]);
  process.env.SNAPHOOK_PROGRAM = snaphookProgram(folder);
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const product of PRODUCTS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const { passed, failed, skipped } = runProduct(product);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  console.log(`products: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 ? 0 : 1;
}

const words = process.argv.slice(2);
const [first, name = '', folder = ''] = words;
process.exit(first === INSIDE ? await inside(name, folder) : outside(words));

// npm run test:files [-- PATH]: set up, then the suites of test/files: file systems of targets, mounted on this machine.
// As root on Debian it installs what they need; where they cannot run the stage is skipped and says why.
// They run in a mount namespace of their own, on loop devices that vanish with their last mount.
// Prints a line a check, and at the end `files: N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPackages, run } from './debian.mjs';
import { helpOnRequest } from './help.mjs';
import { leftLoops } from './left-loops.mjs';
import { requireLoopDisks } from './loop-disks.mjs';
import { runSuite } from './run-suite.mjs';
import { build, install, prebuildJest } from './setup.mjs';

helpOnRequest(import.meta.url);

const PACKAGES = [
  'e2fsprogs',
  'xfsprogs',
  'btrfs-progs',
  'ntfs-3g',
  'dosfstools',
  'libvshadow-utils',
  'fdisk',
  'fuse2fs',
  'fuse3',
  'lvm2',
  'mount',
  'util-linux',
  'sqlite3',
  'postgresql',
];
/** Of disks without a copy, and to read them. */
const EXPOSE_PACKAGES = ['qemu-system-common', 'libnbd-bin', 'iproute2', 'procps'];
const IMAGE_BYTES = 2e9;
const INSIDE = '--inside';
const program = fileURLToPath(import.meta.url);

/** Images in memory need no disk to wait for. */
function makeFolder() {
  const shared = '/dev/shm';
  const memory = existsSync(shared) ? statfsSync(shared) : { bavail: 0, bsize: 0 };
  const parent = memory.bavail * memory.bsize > IMAGE_BYTES ? shared : tmpdir();
  return mkdtempSync(path.join(parent, 'snaphook-files-'));
}

/** Throws why the suites cannot run here. */
function requireMachine() {
  if (process.platform !== 'linux') throw new Error('needs Linux');
  if (process.getuid?.() !== 0) throw new Error('needs root');
  installPackages([...PACKAGES, ...EXPOSE_PACKAGES]);
  requireLoopDisks(['ext4', 'xfs', 'btrfs', 'fuseblk']);
}

/** In a mount namespace of its own: what is mounted there is gone with its last process. */
async function inside(suites, folder) {
  const environment = { FILES_FOLDER: folder, TMPDIR: folder };
  const { passed, failed, skipped } = await runSuite({ config: 'jest.files.config.cjs', suites, environment });
  const left = leftLoops(folder);
  if (left.length > 0) console.log(`not ok loop devices are left: ${left.join(', ')}`);
  console.log(`files: ${passed} passed, ${failed + left.length} failed, ${skipped} skipped`);
  return failed + left.length === 0 ? 0 : 1;
}

function outside(suites) {
  try {
    requireMachine();
  } catch (error) {
    console.log(`skipped files: ${error.message}`);
    console.log('files: 0 passed, 0 failed, 1 skipped');
    return 0;
  }
  const folder = makeFolder();
  try {
    const inNamespace = ['--mount', '--propagation', 'private', process.execPath, program, INSIDE, suites, folder];
    const { status } = spawnSync('unshare', inNamespace, { stdio: ['ignore', 'inherit', 'inherit'] });
    for (const loop of leftLoops(folder)) run('losetup', ['--detach', `/dev/${loop}`]);
    return status ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [first = 'test/files/', suites = 'test/files/', folder = ''] = process.argv.slice(2);
if (first === INSIDE) {
  process.exit(await inside(suites, folder));
} else {
  install();
  build();
  prebuildJest();
  process.exit(outside(first));
}

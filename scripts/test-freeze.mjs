// npm run test:freeze [-- PATH]: set up, then the suites of test/freeze: the helper of Linux guests on real file systems.
// As root on Debian it installs what they need; where they cannot run the stage is skipped and says why.
// They run in a mount namespace of their own, on loop devices that vanish with their last mount.
// Prints a line a check, and at the end `freeze: N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildFreezeHelper } from './build-guest.mjs';
import { installPackages, must, run } from './debian.mjs';
import { helpOnRequest } from './help.mjs';
import { leftLoops } from './left-loops.mjs';
import { requireLoopDisks } from './loop-disks.mjs';
import { runSuite } from './run-suite.mjs';
import { install, prebuildJest } from './setup.mjs';

helpOnRequest(import.meta.url);

const PACKAGES = ['e2fsprogs', 'xfsprogs', 'btrfs-progs', 'util-linux', 'gcc', 'libc6-dev', 'openssh-server'];
const IMAGE_BYTES = 1.5e9;
/** No directory above it is writable by others, as the helper demands of scripts. Inside the namespace it is memory. */
const SAFE_FOLDER = '/run/snaphook-test';
const INSIDE = '--inside';
const program = fileURLToPath(import.meta.url);

/** Images in memory need no disk to wait for. */
function makeFolder() {
  const shared = '/dev/shm';
  const memory = existsSync(shared) ? statfsSync(shared) : { bavail: 0, bsize: 0 };
  const parent = memory.bavail * memory.bsize > IMAGE_BYTES ? shared : tmpdir();
  return mkdtempSync(path.join(parent, 'snaphook-freeze-'));
}

function requireKernel() {
  if (process.platform !== 'linux') throw new Error('needs Linux');
  if (process.getuid?.() !== 0) throw new Error('needs root');
  requireLoopDisks(['ext4', 'xfs', 'btrfs']);
}

/** Throws why the suites cannot run here. */
function requireMachine() {
  if (process.platform === 'linux' && process.getuid?.() === 0) installPackages(PACKAGES);
  requireKernel();
}

/** A helper that cannot be built is a failure, not a reason to skip. */
function buildHelpers(folder) {
  const helper = buildFreezeHelper({ output: path.join(folder, 'snaphook-freeze') });
  const sanitized = buildFreezeHelper({ output: path.join(folder, 'snaphook-freeze-sanitized'), sanitized: true });
  const otherSysfs = buildFreezeHelper({ output: path.join(folder, 'snaphook-freeze-sysfs'), otherSysfs: true });
  if (!helper || !sanitized || !otherSysfs) throw new Error('the helper cannot be built');
  return {
    FREEZE_FOLDER: folder,
    FREEZE_SAFE_FOLDER: SAFE_FOLDER,
    FREEZE_HELPER: helper.file,
    FREEZE_HELPER_SANITIZED: sanitized.file,
    FREEZE_HELPER_OTHER_SYSFS: otherSysfs.file,
  };
}

/** In a mount namespace of its own: what is mounted there is gone with its last process. */
async function inside(suites) {
  must('mkdir', ['-p', '-m', '700', '/run/snaphook']);
  must('mount', ['-t', 'tmpfs', '-o', 'mode=700', 'tmpfs', '/run/snaphook']);
  must('mkdir', ['-p', SAFE_FOLDER]);
  must('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', SAFE_FOLDER]);
  const { passed, failed, skipped } = await runSuite({ config: 'jest.freeze.config.cjs', suites, environment: {} });
  console.log(`freeze: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed === 0 ? 0 : 1;
}

function runInNamespace(folder, suites) {
  try {
    const { status } = spawnSync(
      'unshare',
      ['--mount', '--propagation', 'private', process.execPath, program, INSIDE, suites],
      { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...buildHelpers(folder) } },
    );
    for (const loop of leftLoops(folder)) run('losetup', ['--detach', `/dev/${loop}`]);
    return status ?? 1;
  } catch (error) {
    console.log(`not ok freeze: ${error.message}`);
    console.log('freeze: 0 passed, 1 failed, 0 skipped');
    return 1;
  }
}

function outside(suites) {
  try {
    requireMachine();
  } catch (error) {
    console.log(`skipped freeze: ${error.message}`);
    console.log('freeze: 0 passed, 0 failed, 1 skipped');
    return 0;
  }
  const folder = makeFolder();
  try {
    return runInNamespace(folder, suites);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [first = 'test/freeze/', second = 'test/freeze/'] = process.argv.slice(2);
if (first === INSIDE) {
  process.exit(await inside(second));
} else {
  // What an earlier helper did is no figure of this one.
  rmSync(path.join(path.dirname(program), '../build/freeze-results.json'), { force: true });
  install();
  prebuildJest();
  process.exit(outside(first));
}

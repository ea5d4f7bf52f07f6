// npm run test:applications [-- PATH]: set up, then the suites of test/applications: the plug-ins of Linux guests with databases.
// As root on Debian it installs what they need; where they cannot run the stage is skipped and says why.
// They run in a mount namespace of their own with an /etc of their own, on loop devices that vanish with their last mount.
// Prints a line a check, and at the end `applications: N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildFreezeHelper, buildPlugIns } from './build-guest.mjs';
import { installPackages, must, run } from './debian.mjs';
import { helpOnRequest } from './help.mjs';
import { leftLoops } from './left-loops.mjs';
import { requireLoopDisks } from './loop-disks.mjs';
import { runSuite } from './run-suite.mjs';
import { install, prebuildJest } from './setup.mjs';

helpOnRequest(import.meta.url);

const PACKAGES = ['e2fsprogs', 'xfsprogs', 'util-linux', 'gcc', 'libc6-dev', 'procps', 'postgresql', 'mariadb-server'];
const IMAGE_BYTES = 2e9;
const INSIDE = '--inside';
const program = fileURLToPath(import.meta.url);

/** Images in memory need no disk to wait for. */
function makeFolder() {
  const shared = '/dev/shm';
  const memory = existsSync(shared) ? statfsSync(shared) : { bavail: 0, bsize: 0 };
  const parent = memory.bavail * memory.bsize > IMAGE_BYTES ? shared : tmpdir();
  return mkdtempSync(path.join(parent, 'snaphook-applications-'));
}

/** Throws why the suites cannot run here. */
function requireMachine() {
  if (process.platform !== 'linux') throw new Error('needs Linux');
  if (process.getuid?.() !== 0) throw new Error('needs root');
  installPackages(PACKAGES);
  requireLoopDisks(['ext4', 'xfs', 'overlay']);
}

/** What is written to /etc and to the records of the helper is gone with the namespace. */
function makeOwnPlaces() {
  const etc = '/run/snaphook-test-etc';
  must('mkdir', ['-p', '-m', '700', '/run/snaphook', etc]);
  must('mount', ['-t', 'tmpfs', '-o', 'mode=700', 'tmpfs', '/run/snaphook']);
  must('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', etc]);
  must('mkdir', [`${etc}/upper`, `${etc}/work`]);
  const layers = `lowerdir=/etc,upperdir=${etc}/upper,workdir=${etc}/work`;
  must('mount', ['-t', 'overlay', '-o', layers, 'overlay', '/etc']);
}

async function inside(suites, folder) {
  makeOwnPlaces();
  const environment = {
    FREEZE_FOLDER: folder,
    FREEZE_SAFE_FOLDER: '/etc/snaphook',
    FREEZE_HELPER: path.join(folder, 'snaphook-freeze'),
    PLUG_INS_FOLDER: path.join(folder, 'plug-ins'),
  };
  if (!buildFreezeHelper({ output: environment.FREEZE_HELPER })) throw new Error('the helper cannot be built');
  buildPlugIns(environment.PLUG_INS_FOLDER);
  const { passed, failed, skipped } = await runSuite({ config: 'jest.applications.config.cjs', suites, environment });
  console.log(`applications: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed === 0 ? 0 : 1;
}

function outside(suites) {
  try {
    requireMachine();
  } catch (error) {
    console.log(`skipped applications: ${error.message}`);
    console.log('applications: 0 passed, 0 failed, 1 skipped');
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

const [first = 'test/applications/', suites = 'test/applications/', folder = ''] = process.argv.slice(2);
if (first === INSIDE) {
  process.exit(
    await inside(suites, folder).catch((error) => {
      console.log(`not ok applications: ${error.message}`);
      console.log('applications: 0 passed, 1 failed, 0 skipped');
      return 1;
    }),
  );
} else {
  install();
  prebuildJest();
  process.exit(outside(first));
}

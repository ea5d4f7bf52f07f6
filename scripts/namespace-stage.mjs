// The frame of a stage that runs as root in a mount namespace of its own, on loop devices that vanish with their last mount.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPackages, run } from './debian.mjs';
import { leftLoops } from './left-loops.mjs';
import { requireLoopDisks } from './loop-disks.mjs';
import { runSuite } from './run-suite.mjs';

const INSIDE = '--inside';

/**
 * Runs the suites of test/NAME, or those the command line names, and prints `NAME: N passed, N failed, N skipped`. Where they cannot run the
 * stage is skipped and says why. The script is called once more inside the namespace. Resolves to the exit code.
 *
 * `script`: its import.meta.url. `packages` of Debian, and `fileSystems` that the kernel has to have. `imageBytes`: room for images.
 * `setUp`: before anything else. `environment(folder)`: of the suites, made before the namespace is; an error is a failure.
 * `makeOwnPlaces`: mounts of the suites' own. `leavesLoops`: whether loop devices may be in use when the last suite has ended.
 */
export async function runStage(stage) {
  const [first = `test/${stage.name}/`, suites = first, folder = ''] = process.argv.slice(2);
  if (first === INSIDE) return await inside(stage, suites, folder).catch((error) => failed(stage, error));
  stage.setUp();
  return outside(stage, first);
}

function outside(stage, suites) {
  const { name } = stage;
  try {
    if (process.platform !== 'linux') throw new Error('needs Linux');
    if (process.getuid?.() !== 0) throw new Error('needs root');
    installPackages(stage.packages);
    requireLoopDisks(stage.fileSystems);
  } catch (error) {
    console.log(`skipped ${name}: ${error.message}`);
    console.log(`${name}: 0 passed, 0 failed, 1 skipped`);
    return 0;
  }
  const folder = makeFolder(stage);
  try {
    const command = [process.execPath, fileURLToPath(stage.script), INSIDE, suites, folder];
    const { status } = spawnSync('unshare', ['--mount', '--propagation', 'private', ...command], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...stage.environment(folder) },
    });
    for (const loop of leftLoops(folder)) run('losetup', ['--detach', `/dev/${loop}`]);
    return status ?? 1;
  } catch (error) {
    return failed(stage, error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function inside({ name, makeOwnPlaces = () => undefined, leavesLoops = false }, suites, folder) {
  makeOwnPlaces();
  const { passed, failed, skipped } = await runSuite({ config: `jest.${name}.config.cjs`, suites, environment: {} });
  const left = leavesLoops ? [] : leftLoops(folder);
  if (left.length > 0) console.log(`not ok loop devices are left: ${left.join(', ')}`);
  console.log(`${name}: ${passed} passed, ${failed + left.length} failed, ${skipped} skipped`);
  return failed + left.length === 0 ? 0 : 1;
}

function failed({ name }, error) {
  console.log(`not ok ${name}: ${error.message}`);
  console.log(`${name}: 0 passed, 1 failed, 0 skipped`);
  return 1;
}

/** Images in memory need no disk to wait for. */
function makeFolder({ name, imageBytes }) {
  const shared = '/dev/shm';
  const memory = existsSync(shared) ? statfsSync(shared) : { bavail: 0, bsize: 0 };
  const parent = memory.bavail * memory.bsize > imageBytes ? shared : tmpdir();
  return mkdtempSync(path.join(parent, `snaphook-${name}-`));
}

// npm run test:freeze [-- PATH]: set up, then the suites of test/freeze: the helper of Linux guests on real file systems.
// As root on Debian it installs what they need; where they cannot run the stage is skipped and says why.
// They run in a mount namespace of their own, on loop devices that vanish with their last mount.
// Prints a line a check, and at the end `freeze: N passed, N failed, N skipped`.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { buildFreezeHelper } from './build-guest.mjs';
import { root } from './bundle-options.mjs';
import { must } from './debian.mjs';
import { helpOnRequest } from './help.mjs';
import { runStage } from './namespace-stage.mjs';
import { install, prebuildJest } from './setup.mjs';

helpOnRequest(import.meta.url);

/** No directory above it is writable by others, as the helper demands of scripts. Inside the namespace it is memory. */
const SAFE_FOLDER = '/run/snaphook-test';

/** A helper that cannot be built is a failure, not a reason to skip. */
function environment(folder) {
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

function makeOwnPlaces() {
  must('mkdir', ['-p', '-m', '700', '/run/snaphook']);
  must('mount', ['-t', 'tmpfs', '-o', 'mode=700', 'tmpfs', '/run/snaphook']);
  must('mkdir', ['-p', SAFE_FOLDER]);
  must('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', SAFE_FOLDER]);
}

process.exit(
  await runStage({
    name: 'freeze',
    script: import.meta.url,
    packages: ['e2fsprogs', 'xfsprogs', 'btrfs-progs', 'util-linux', 'gcc', 'libc6-dev', 'openssh-server'],
    fileSystems: ['ext4', 'xfs', 'btrfs'],
    imageBytes: 1.5e9,
    setUp() {
      // What an earlier helper did is no figure of this one.
      rmSync(path.join(root, 'build/freeze-results.json'), { force: true });
      install();
      prebuildJest();
    },
    environment,
    makeOwnPlaces,
    leavesLoops: true,
  }),
);

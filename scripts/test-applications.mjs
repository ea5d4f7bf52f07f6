// npm run test:applications [-- PATH]: set up, then the suites of test/applications: the plug-ins of Linux guests with databases.
// As root on Debian it installs what they need; where they cannot run the stage is skipped and says why.
// They run in a mount namespace of their own with an /etc of their own, on loop devices that vanish with their last mount.
// Prints a line a check, and at the end `applications: N passed, N failed, N skipped`.
import path from 'node:path';
import { buildFreezeHelper, buildPlugIns } from './build-guest.mjs';
import { must } from './debian.mjs';
import { helpOnRequest } from './help.mjs';
import { runStage } from './namespace-stage.mjs';
import { install, prebuildJest } from './setup.mjs';

helpOnRequest(import.meta.url);

function environment(folder) {
  const helper = path.join(folder, 'snaphook-freeze');
  const plugIns = path.join(folder, 'plug-ins');
  if (!buildFreezeHelper({ output: helper })) throw new Error('the helper cannot be built');
  buildPlugIns(plugIns);
  return {
    FREEZE_FOLDER: folder,
    FREEZE_SAFE_FOLDER: '/etc/snaphook',
    FREEZE_HELPER: helper,
    PLUG_INS_FOLDER: plugIns,
  };
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

process.exit(
  await runStage({
    name: 'applications',
    script: import.meta.url,
    packages: ['e2fsprogs', 'xfsprogs', 'util-linux', 'gcc', 'libc6-dev', 'procps', 'postgresql', 'mariadb-server'],
    fileSystems: ['ext4', 'xfs', 'overlay'],
    imageBytes: 2e9,
    setUp() {
      install();
      prebuildJest();
    },
    environment,
    makeOwnPlaces,
    leavesLoops: true,
  }),
);

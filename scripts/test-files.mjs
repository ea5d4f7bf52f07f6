// npm run test:files [-- PATH]: set up, then the suites of test/files: file systems of targets, mounted on this machine.
// As root on Debian it installs what they need; where they cannot run the stage is skipped and says why.
// They run in a mount namespace of their own, on loop devices that vanish with their last mount.
// Prints a line a check, and at the end `files: N passed, N failed, N skipped`.
import { must } from './debian.mjs';
import { helpOnRequest } from './help.mjs';
import { runStage } from './namespace-stage.mjs';
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

/** Every user may open it where udev has set its rights. Where no udev is at work, the namespace gets one like that. */
function makeOwnPlaces() {
  const folder = '/run/snaphook-test-devices';
  must('mkdir', ['-p', folder]);
  must('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', folder]);
  must('mknod', ['--mode=666', `${folder}/fuse`, 'c', '10', '229']);
  must('mount', ['--bind', `${folder}/fuse`, '/dev/fuse']);
}

process.exit(
  await runStage({
    name: 'files',
    script: import.meta.url,
    packages: [...PACKAGES, ...EXPOSE_PACKAGES],
    fileSystems: ['ext4', 'xfs', 'btrfs', 'fuseblk'],
    imageBytes: 2e9,
    setUp() {
      install();
      build();
      prebuildJest();
    },
    environment: (folder) => ({ FILES_FOLDER: folder, TMPDIR: folder }),
    makeOwnPlaces,
  }),
);

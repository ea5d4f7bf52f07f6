// npm run test:files [-- PATH]: set up, then the suites of test/files: file systems of targets, mounted on this machine.
// As root on Debian it installs what they need; where they cannot run the stage is skipped and says why.
// They run in a mount namespace of their own, on loop devices that vanish with their last mount.
// Prints a line a check, and at the end `files: N passed, N failed, N skipped`.
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
  }),
);

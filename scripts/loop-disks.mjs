import { readFileSync } from 'node:fs';
import { must, run } from './debian.mjs';

/** Parts of the kernel that have another name than their file systems. */
const MODULES = { fuseblk: 'fuse' };

/** Throws why files cannot be mounted as disks with these file systems. */
export function requireLoopDisks(kinds) {
  must('losetup', ['--find']);
  for (const kind of kinds) {
    run('modprobe', [MODULES[kind] ?? kind]);
    if (!new RegExp(`^\\s*(nodev\\s+)?${kind}$`, 'm').test(readFileSync('/proc/filesystems', 'utf8')))
      throw new Error(`the kernel has no ${kind}`);
  }
}

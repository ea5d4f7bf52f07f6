import { execFileSync } from 'node:child_process';
import { chownSync, linkSync, lutimesSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { emptyImage, inGuest, MIB, partitionDisk, type Stretch } from '../files/disk-image.ts';
import { newFolder } from '../files/stage.ts';

const SIZE_BYTES = 32 * MIB;
/** Long before any backup, so that nothing depends on when it was written. */
const WRITTEN = new Date('2024-02-29T12:34:56Z');

/** The disk of a guest as its own machine writes it: one ext4 on one partition. */
export interface GuestDisk {
  readonly image: string;
  /** Mounts it to be written, as the guest does; copy the image to the lab's device afterwards. */
  write<Result>(work: (mountPoint: string) => Result): Result;
}

export function newGuestDisk(sizeBytes: number): GuestDisk {
  const image = path.join(newFolder('guest-disk'), 'disk');
  emptyImage(image, sizeBytes);
  const [offsetBytes = 0] = partitionDisk(image, 'gpt', [{ content: 'ext4', sizeBytes: SIZE_BYTES }]);
  const stretch: Stretch = { offsetBytes, sizeBytes: SIZE_BYTES };
  return { image, write: (work) => inGuest(image, stretch, 'ext4', work) };
}

/** Names, modes, owners, links, holes and attributes that backups get wrong. */
export function writeOddFiles(folder: string): void {
  const at = (...names: readonly string[]) => path.join(folder, ...names);
  mkdirSync(at('data', 'deep er', 'größe'), { recursive: true });
  mkdirSync(at('data', 'empty'), { mode: 0o700 });
  writeFileSync(at('data', 'plain'), Buffer.alloc(300_000, 'plain text '));
  writeFileSync(at('data', 'private'), 'for one user\n', { mode: 0o600 });
  writeFileSync(at('data', 'program'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  writeFileSync(at('data', 'deep er', 'größe', 'it\'s 100% \\ $HOME; "odd" '), 'odd name\n');
  writeFileSync(at('data', 'nothing'), '');
  writeFileSync(at('data', 'sparse'), 'start');
  truncateSync(at('data', 'sparse'), 4 * MIB);
  linkSync(at('data', 'plain'), at('data', 'second name'));
  symlinkSync('deep er/größe', at('data', 'link'));
  symlinkSync('/nowhere', at('data', 'dangling'));
  chownSync(at('data', 'private'), 12_345, 23_456);
  execFileSync('setfattr', ['-n', 'user.note', '-v', 'kept', at('data', 'plain')]);
  execFileSync('mkfifo', [at('data', 'pipe')]);
  for (const name of ['plain', 'private', 'program', 'nothing', 'sparse', 'link', 'dangling', 'pipe', 'empty'])
    lutimesSync(at('data', name), WRITTEN, WRITTEN);
}

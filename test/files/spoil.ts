import { inGuest, SIZE_BYTES, writeAt } from './disk-image.ts';
import { must } from './stage.ts';

/** Where metadata lie that the checker sees, and a mount does not: of a disk that is one file system, as small as those here. */
export const SPOIL: Readonly<Record<'ext4' | 'xfs' | 'btrfs' | 'ntfs', (disk: string) => void>> = {
  // The inode bitmap of the first group says that nothing is used.
  ext4: (disk) => {
    const [, block] = /Inode bitmap at (\d+)/.exec(must('dumpe2fs', [disk])) ?? [];
    const [, blockBytes] = /Block size:\s+(\d+)/.exec(must('dumpe2fs', ['-h', disk])) ?? [];
    writeAt(disk, Number(block) * Number(blockBytes), Buffer.alloc(64));
  },
  // A counter in the header of free space of the first allocation group.
  xfs: (disk) => writeAt(disk, 512 + 52, Buffer.from([0, 0, 0x77, 0x77])),
  // The map of clusters says that those of the first files are nobody's.
  ntfs: (disk) => {
    const [, cluster] = /VCN\s+LCN\s+Length\s+0\s+(\d+)/.exec(must('ntfscluster', ['--inode', '6', disk])) ?? [];
    const [, clusterBytes] = /Cluster Size: (\d+)/.exec(must('ntfsinfo', ['--mft', disk])) ?? [];
    writeAt(disk, Number(cluster) * Number(clusterBytes), Buffer.alloc(8));
  },
  // The tree of a subvolume that nobody has entered.
  btrfs: (disk) => {
    inGuest(disk, { offsetBytes: 0, sizeBytes: SIZE_BYTES.btrfs }, 'btrfs', (mountPoint) =>
      must('btrfs', ['subvolume', 'create', `${mountPoint}/inner`]),
    );
    const [, at] = /leaf (\d+)/.exec(must('btrfs', ['inspect-internal', 'dump-tree', '-t', '256', disk])) ?? [];
    const map = must('btrfs-map-logical', ['-l', String(at), disk]);
    for (const [, physical] of map.matchAll(/physical (\d+)/g))
      writeAt(disk, Number(physical) + 200, Buffer.alloc(64, 0x5a));
  },
};

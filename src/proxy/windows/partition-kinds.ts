import type { OtherVolume } from '../../ports/file-systems.ts';
import type { WindowsPartition, WindowsVolume } from './windows-disks.ts';

type Refusal = Pick<OtherVolume, 'state' | 'why'>;

const noFiles = (why: string): Refusal => ({ state: 'no-files', why });
const unreadable = (why: string): Refusal => ({ state: 'unreadable', why });

const DYNAMIC = unreadable('it is a part of a dynamic disk');

/** By the type in a GPT. */
const GPT_TYPES: Readonly<Record<string, Refusal>> = {
  'e3c9e316-0b5c-4db8-817d-f92df00215ae': noFiles('it is space that Windows reserves'),
  'c12a7328-f81f-11d2-ba4b-00a0c93ec93b': noFiles('it is the system partition of EFI: boot files of the machine alone'),
  'de94bba4-06d1-4d40-a16a-bfd50179d6ac': noFiles('it is a recovery partition of Windows'),
  '5808c8aa-7e8f-42e0-85d2-e1e90434cfb3': DYNAMIC,
  'af9b60a0-1431-4f62-bc68-3311714a69ad': DYNAMIC,
  'e75caf8f-f680-4cee-afa3-b001e56efc2d': unreadable('it is a part of a storage pool (Storage Spaces)'),
};

/** By the number in an MBR. */
const MBR_TYPES: Readonly<Record<number, Refusal>> = {
  39: noFiles('it is a recovery partition of Windows'),
  66: DYNAMIC,
};

/** The only type in a GPT whose volumes Windows mounts to letters and folders (MSFT_Partition, GptType). */
const BASIC_DATA = 'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7';

/** File systems that Windows mounts, as libblkid calls them. */
const KINDS: Readonly<Record<string, string>> = {
  NTFS: 'ntfs',
  ReFS: 'ReFS',
  FAT: 'vfat',
  FAT32: 'vfat',
  exFAT: 'exfat',
};

/** Why its type says that it is not to be mounted; undefined: its content decides. */
export function refusedByType({ GptType, MbrType }: WindowsPartition): Refusal | undefined {
  const type = GptType.toLowerCase().replace(/[{}]/g, '');
  if (type === '') return MBR_TYPES[MbrType];
  if (type === BASIC_DATA) return undefined;
  return GPT_TYPES[type] ?? unreadable(`Windows mounts no volume of partitions of type "${type}"`);
}

/** The file system in the words of libblkid, or why there is none. */
export function kindOf(volume: WindowsVolume | undefined): { readonly holds: string } | Refusal {
  const holds = KINDS[volume?.FileSystem ?? ''];
  if (holds !== undefined) return { holds };
  if (volume === undefined) return unreadable('Windows makes no volume of it');
  const isRaw = volume.FileSystem === '' || volume.FileSystem === 'RAW';
  return unreadable(
    isRaw
      ? 'Windows finds no file system on it: it is locked by BitLocker, or of another system'
      : `"${volume.FileSystem}" cannot be mounted here`,
  );
}

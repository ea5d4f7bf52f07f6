import * as z from 'zod';
import { SnaphookError } from '../../../ports/errors.ts';
import { plainSerial } from '../../disk-serial.ts';

const text = z.string();
const path = z.string().min(1);

const systemSchema = z.object({ Caption: text, Version: text, ProductType: z.int(), WindowsDirectory: path });
const diskSchema = z.object({ Number: z.int(), SerialNumber: text.nullable() });
const partitionSchema = z.object({
  DiskNumber: z.int(),
  GptType: text.nullable(),
  MbrType: z.int().nullable(),
  AccessPaths: text.nullable(),
});
const volumeSchema = z.object({
  DeviceID: path,
  Name: text,
  FileSystem: text.nullable(),
  SystemVolume: z.boolean().nullable(),
  Capacity: z.number().nullable(),
  FreeSpace: z.number().nullable(),
});
const storageSchema = z.object({ Volume: path, DiffVolume: path });
const guid = z.string().regex(/^\{[0-9A-Fa-f-]{36}\}$/);
const copySchema = z.object({ ID: guid, SetID: guid, VolumeName: path, InstallDate: text });
const madeSchema = z.object({ CreationTimeUtc: text });

export interface SystemFacts {
  readonly name: string;
  /** Client editions have no diskshadow. */
  readonly isServer: boolean;
  readonly folder: string;
}

export interface VolumeFacts {
  /** `\\?\Volume{guid}\` in lower case: what it is compared by. */
  readonly id: string;
  /** The same as Windows writes it. */
  readonly path: string;
  /** As people know it: `D:\`, or its path. */
  readonly name: string;
  readonly fileSystem: string | undefined;
  /** Holds what starts the machine and belongs to its firmware, as an EFI system partition does. */
  readonly isSystem: boolean;
  /** Windows' own tools to repair itself, which no application writes to. Mostly it is small and nearly full. */
  readonly isRecovery: boolean;
  readonly sizeBytes: number;
  readonly freeBytes: number;
  /** Plain serials; none where no partition tells of it, as on dynamic disks and in storage pools. */
  readonly diskUuids: readonly string[];
}

/** Where changes of a volume are kept for its shadow copies. Absent for a volume: Windows chooses with the first copy. */
export interface StorageFacts {
  readonly volume: string;
  readonly diffVolume: string;
}

export interface CopyFacts {
  readonly id: string;
  readonly setId: string;
  /** As `VolumeFacts.id`. */
  readonly volume: string;
  /** ISO 8601. */
  readonly createdAt: string;
}

type Rows = readonly unknown[];

export function systemOf(guest: string, rows: Rows): SystemFacts {
  const [system] = rowsOf(guest, systemSchema, rows);
  if (!system) throw unexpected(guest, 'no operating system');
  const { Caption, Version, ProductType, WindowsDirectory } = system;
  return { name: `${Caption.trim()} ${Version}`, isServer: ProductType !== 1, folder: WindowsDirectory };
}

/** Volumes with the disks that hold them, by the partitions they lie on. */
export function volumesOf(
  guest: string,
  rows: { readonly volumes: Rows; readonly partitions: Rows; readonly disks: Rows },
): readonly VolumeFacts[] {
  const serials = new Map(
    rowsOf(guest, diskSchema, rows.disks).map(({ Number: number, SerialNumber }) => [
      number,
      plainSerial(SerialNumber ?? ''),
    ]),
  );
  const partitions = rowsOf(guest, partitionSchema, rows.partitions).map((partition) => ({
    serial: serials.get(partition.DiskNumber) ?? '',
    isRecovery: isRecovery(partition),
    paths: (partition.AccessPaths ?? '').toLowerCase().split('|'),
  }));
  return rowsOf(guest, volumeSchema, rows.volumes).map((volume) => {
    const id = volume.DeviceID.toLowerCase();
    const on = partitions.filter(({ paths }) => paths.includes(id));
    return {
      id,
      path: volume.DeviceID,
      name: volume.Name || volume.DeviceID,
      fileSystem: volume.FileSystem ?? undefined,
      isSystem: volume.SystemVolume ?? false,
      isRecovery: on.length > 0 && on.every((partition) => partition.isRecovery),
      sizeBytes: volume.Capacity ?? 0,
      freeBytes: volume.FreeSpace ?? 0,
      diskUuids: [...new Set(on.map(({ serial }) => serial).filter((serial) => serial !== ''))],
    };
  });
}

/** By its type in a GPT, or by its number in an MBR (MSFT_Partition, GptType and MbrType). */
const isRecovery = ({ GptType, MbrType }: z.infer<typeof partitionSchema>): boolean =>
  GptType ? GptType.toLowerCase() === '{de94bba4-06d1-4d40-a16a-bfd50179d6ac}' : MbrType === 0x27;

export const storageOf = (guest: string, rows: Rows): readonly StorageFacts[] =>
  rowsOf(guest, storageSchema, rows).map(({ Volume, DiffVolume }) => ({
    volume: Volume.toLowerCase(),
    diffVolume: DiffVolume.toLowerCase(),
  }));

export const copiesOf = (guest: string, rows: Rows): readonly CopyFacts[] =>
  rowsOf(guest, copySchema, rows).map(({ ID, SetID, VolumeName, InstallDate }) => ({
    id: ID.toUpperCase(),
    setId: SetID.toUpperCase(),
    volume: VolumeName.toLowerCase(),
    createdAt: InstallDate,
  }));

/** When a file was made, by the clock of the guest, milliseconds since 1970; undefined: it is not there. */
export function fileMadeMs(guest: string, rows: Rows): number | undefined {
  const [made] = rowsOf(guest, madeSchema, rows);
  return made && Date.parse(made.CreationTimeUtc);
}

function rowsOf<Schema extends z.ZodType>(guest: string, schema: Schema, rows: Rows): readonly z.infer<Schema>[] {
  const parsed = z.array(schema).safeParse(rows);
  if (parsed.success) return parsed.data;
  throw unexpected(guest, z.prettifyError(parsed.error).replaceAll('\n', ' '));
}

const unexpected = (guest: string, what: string): SnaphookError =>
  new SnaphookError('E_GUEST', `PowerShell of guest "${guest}" told something unexpected: ${what}`, {
    hint: 'See whether WMI works in the guest: winmgmt /verifyrepository. docs/vss-diskshadow.md has what is asked.',
  });

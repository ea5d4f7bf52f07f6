import * as z from 'zod';
import { SnaphookError } from '../../ports/errors.ts';
import type { PowerShell } from './powershell-session.ts';
import { CMDLETS, type PartitionKey } from './powershell-text.ts';

/** Of `UniqueIdFormat` (MSFT_Disk): the identity of page 0x83 in NAA format. */
const FCPH_NAME = 3;
/** Of `OfflineReason` (MSFT_Disk). */
export const OFFLINE_REASON = { redundantPath: 2, collision: 4 } as const;

const text = z.string();
/** Windows tells no value as empty text. */
const number = z.string().regex(/^\d*$/).transform(Number);
const flag = z.enum(['True', 'False', '']).transform((word) => word === 'True');

const diskSchema = z.object({
  UniqueId: text,
  UniqueIdFormat: number,
  Path: text,
  Size: number,
  IsOffline: flag,
  OfflineReason: number,
  IsReadOnly: flag,
});

export type WindowsDisk = Readonly<z.infer<typeof diskSchema>>;

const partitionSchema = z.object({
  DiskId: text,
  PartitionNumber: number,
  Offset: number,
  Size: number,
  GptType: text,
  MbrType: number,
  Guid: text,
  AccessPaths: text.transform((paths) => paths.split('|').filter((one) => one !== '')),
});

export type WindowsPartition = Readonly<z.infer<typeof partitionSchema>>;

export const keyOf = ({ DiskId, Offset }: WindowsPartition): PartitionKey => ({ diskId: DiskId, offsetBytes: Offset });

const volumeSchema = z.object({ Path: text, FileSystem: text, FileSystemLabel: text });

export type WindowsVolume = Readonly<z.infer<typeof volumeSchema>>;

const shadowCopySchema = z.object({ ID: text, DeviceObject: text, VolumeName: text });

export type WindowsShadowCopy = Readonly<z.infer<typeof shadowCopySchema>>;

async function rowsOf<Row>(
  schema: z.ZodType<Row>,
  shell: PowerShell,
  pipeline: string,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const parsed = z.array(schema).safeParse(await shell.request(pipeline, signal));
  if (parsed.success) return parsed.data;
  throw new SnaphookError('E_PROXY', `"${pipeline}" tells what is unknown: ${z.prettifyError(parsed.error)}`, {
    hint: 'Please report it with the version of Windows and of its PowerShell.',
  });
}

export const disksOf = (shell: PowerShell, signal: AbortSignal): Promise<readonly WindowsDisk[]> =>
  rowsOf(diskSchema, shell, CMDLETS.disks(), signal);

/** Of disks that are online: Windows shows none of others. */
export const partitionsOf = (shell: PowerShell, signal: AbortSignal): Promise<readonly WindowsPartition[]> =>
  rowsOf(partitionSchema, shell, CMDLETS.partitions(), signal);

export const volumesOf = (shell: PowerShell, signal: AbortSignal): Promise<readonly WindowsVolume[]> =>
  rowsOf(volumeSchema, shell, CMDLETS.volumes(), signal);

/** Of all volumes of the machine, those of the proxy itself among them. */
export const shadowCopiesOf = (shell: PowerShell, signal: AbortSignal): Promise<readonly WindowsShadowCopy[]> =>
  rowsOf(shadowCopySchema, shell, CMDLETS.shadowCopies(), signal);

/** `OnlineAll`, `OfflineShared`, `OfflineAll`, `OfflineInternal`, or what Windows says. */
export async function sanPolicy(shell: PowerShell, signal: AbortSignal): Promise<string> {
  const [row] = await rowsOf(z.object({ NewDiskPolicy: text }), shell, CMDLETS.sanPolicy(), signal);
  // VDS_SAN_POLICY, where the number is told in place of its name.
  return row?.NewDiskPolicy === '1' ? 'OnlineAll' : (row?.NewDiskPolicy ?? 'unknown');
}

export async function requireElevated(shell: PowerShell, signal: AbortSignal): Promise<void> {
  const [row] = await rowsOf(z.string(), shell, CMDLETS.isElevated(), signal);
  if (row === 'True') return;
  throw new SnaphookError('E_PROXY', 'the hook is not elevated, and Windows lets only administrators see to disks', {
    hint: 'Let the service of the backup product run the hooks as SYSTEM or as an administrator.',
  });
}

/** Windows writes identities in upper or lower case, as the device or its driver does. */
export const hasId = ({ UniqueId, UniqueIdFormat }: WindowsDisk, wwn: string): boolean =>
  UniqueIdFormat === FCPH_NAME && UniqueId.toLowerCase() === wwn;

/** Which device was seen at a path by this process: without MPIO a path is an address, where another device may be by now. */
export class SeenDevices {
  readonly #wwns = new Map<string, string>();

  add(devicePath: string, wwn: string): void {
    this.#wwns.set(devicePath.toLowerCase(), wwn);
  }

  /** The device that was seen there; undefined when it is not there now, or was never seen. */
  find(disks: readonly WindowsDisk[], devicePath: string): WindowsDisk | undefined {
    const wwn = this.#wwns.get(devicePath.toLowerCase());
    return disks.find((disk) => isSamePath(disk.Path, devicePath) && wwn !== undefined && hasId(disk, wwn));
  }
}

export const isSamePath = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** The one disk of that identity. Errors: `E_PROXY_DEVICE` when Windows takes its paths for several disks. */
export function oneDisk(disks: readonly WindowsDisk[], wwn: string): WindowsDisk | undefined {
  const [found, second] = disks.filter((disk) => hasId(disk, wwn));
  if (second === undefined) return found;
  throw new SnaphookError('E_PROXY_DEVICE', `device "${wwn}" is several disks on the proxy: each path is one`, {
    hint: 'Install the feature Multipath-IO and let it claim the array (mpclaim -n -i -d "EMC     SYMMETRIX       "), then restart the proxy.',
  });
}

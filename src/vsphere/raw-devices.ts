import type { DiskBacking } from '../ports/hypervisor.ts';
import { arrayItems, child, integer, text } from './decode.ts';

/** A device as the VM's host sees it. */
export interface HostLun {
  /** `naa.…`, `eui.…`, `t10.…` or `mpx.…`. */
  readonly canonicalName: string;
  /** Undefined when the host shows no capacity. */
  readonly bytes: number | undefined;
}

/** `config.storageDevice.scsiLun` of a host, by `ScsiLun.uuid`. */
export function hostLuns(scsiLuns: unknown): ReadonlyMap<string, HostLun> {
  const luns = new Map<string, HostLun>();
  for (const lun of arrayItems(scsiLuns)) {
    const uuid = text(child(lun, 'uuid'));
    const canonicalName = text(child(lun, 'canonicalName'));
    const blocks = integer(child(lun, 'capacity', 'block'));
    const blockBytes = integer(child(lun, 'capacity', 'blockSize'));
    const bytes = blocks === undefined || blockBytes === undefined ? undefined : blocks * blockBytes;
    if (uuid !== undefined && canonicalName !== undefined) luns.set(uuid, { canonicalName, bytes });
  }
  return luns;
}

const COMPATIBILITY_MODES: ReadonlyMap<string | undefined, 'physical' | 'virtual'> = new Map([
  ['physicalMode', 'physical'],
  ['virtualMode', 'virtual'],
]);

/**
 * Three things name the device of a raw device mapping: the host's table of LUNs, the LUN's uuid, and the `vml.` name. Those that
 * tell a name must tell the same one. The host may show the device under another uuid, because the LUN number is part of it.
 */
export function rawDeviceBacking(backing: unknown, luns: ReadonlyMap<string, HostLun>): DiskBacking {
  if (child(backing, 'parent') !== undefined) {
    return unsupported('it is a raw device on a VM snapshot: its newest data are in a delta file, not on the device');
  }
  const lunUuid = text(child(backing, 'lunUuid'));
  const deviceName = text(child(backing, 'deviceName'));
  const lun = lunUuid === undefined ? undefined : luns.get(lunUuid);
  const told = [lun?.canonicalName.toLowerCase(), canonicalNameOf(lunUuid), canonicalNameOf(deviceName)];
  const names = [...new Set(told.filter((name) => name !== undefined))];
  const [canonicalName, ...others] = names;
  if (canonicalName === undefined) {
    return unsupported(`its raw device "${deviceName ?? lunUuid ?? 'unnamed'}" is not seen by the VM's host`);
  }
  if (others.length > 0) {
    const reason = "the host's list of LUNs and the names of its raw device mapping do not agree which device it is";
    return { kind: 'ambiguous', reason, candidates: names };
  }
  if (isLocalName(canonicalName)) return unsupported(`its raw device "${canonicalName}" is local to the host`);
  const mode = text(child(backing, 'compatibilityMode'));
  const compatibilityMode = COMPATIBILITY_MODES.get(mode);
  if (compatibilityMode === undefined) {
    return unsupported(`its raw device mapping has the unknown compatibility mode "${mode ?? 'none'}"`);
  }
  const seen = lun ?? [...luns.values()].find((one) => one.canonicalName.toLowerCase() === canonicalName);
  const mappingFile = text(child(backing, 'fileName')) ?? '';
  return { kind: 'rdm', canonicalName, compatibilityMode, lunBytes: seen?.bytes, mappingFile };
}

const unsupported = (reason: string): DiskBacking => ({ kind: 'unsupported', reason });

/** Names that ESXi gives to devices without an identity of their own: local disks (`mpx.`) and disks known by page 0x80 (`t10.`). */
export const isLocalName = (canonicalName: string): boolean => !/^(naa|eui)\./i.test(canonicalName);

/**
 * The canonical name inside a device's other names: a path under `/vmfs/devices/disks`, or a `vml.` name, whose page 0x83
 * identity (NAA format 6) stands in hex digits 10 to 42 in the layouts of ESXi before and since 7.0 (Broadcom KB 320217, 379673).
 */
export function canonicalNameOf(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const device = name.slice(name.lastIndexOf('/') + 1).toLowerCase();
  if (/^(naa\.[0-9a-f]{16,32}|eui\.[0-9a-f]{16,32})$/.test(device)) return device;
  const identity = device.match(/^(?:vml\.)?02[0-9a-f]{8}(6[0-9a-f]{31})[0-9a-f]*$/)?.[1];
  return identity === undefined ? undefined : `naa.${identity}`;
}

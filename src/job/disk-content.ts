import { SnaphookError } from '../ports/errors.ts';
import type { DiskSignature } from '../ports/proxy.ts';
import type { PlannedDevice } from './plan.ts';

/** What a target showed on the proxy. */
export interface SeenContent {
  readonly device: PlannedDevice;
  readonly signature: DiskSignature;
}

/**
 * Compares what the targets show with what vCenter said of their datastores: that a device has the right WWN does not say that it
 * shows the right data. Of single disks nothing is known beforehand. Returns what could not be compared.
 * Errors: `E_PROXY_DEVICE`.
 */
export function compareContent(seen: readonly SeenContent[]): readonly string[] {
  const extents = new Map<string, SeenContent[]>();
  for (const one of seen) {
    const name = one.device.datastore?.name;
    if (name === undefined) continue;
    const known = extents.get(name);
    if (known) known.push(one);
    else extents.set(name, [one]);
  }
  return [...extents].flatMap(([name, ofDatastore]) => compareDatastore(name, ofDatastore));
}

function compareDatastore(name: string, extents: readonly SeenContent[]): readonly string[] {
  const volumes = new Set<string>();
  const fileSystems = new Set<string>();
  for (const { device, signature } of extents) {
    if (!signature.vmfs) {
      throw mismatch(device, `shows no VMFS header, but source "${device.device}" is an extent of datastore "${name}"`);
    }
    const { volumeUuid, fileSystemUuid } = signature.vmfs;
    volumes.add(volumeUuid);
    if (volumes.size > 1) {
      const list = [...volumes].map((uuid) => `"${uuid}"`).join(' and ');
      throw mismatch(device, `shows another volume than the other extents of datastore "${name}": ${list}`);
    }
    if (fileSystemUuid === undefined) continue;
    fileSystems.add(fileSystemUuid);
    const wanted = device.datastore?.vmfsUuid;
    if (wanted === undefined || wanted === fileSystemUuid) continue;
    throw mismatch(device, `shows VMFS "${fileSystemUuid}", but datastore "${name}" is "${wanted}"`);
  }
  return fileSystems.size > 0
    ? []
    : [`no target of datastore "${name}" shows the head of its file system: its uuid was not compared`];
}

const mismatch = ({ target }: PlannedDevice, what: string): SnaphookError =>
  new SnaphookError('E_PROXY_DEVICE', `target "${target}" ${what}`, {
    hint: 'Nothing was handed over. Check on the proxy whether stale paths or a cache show old data, and in Unisphere what the target is linked to.',
  });

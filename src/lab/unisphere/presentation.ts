import { type ArrayConfig, findNamed, type MaskingView, type PortGroup, type StorageGroup } from './array-config.ts';

/** One device at one address of one host, through one masking view. */
export interface Presentation {
  readonly host: string;
  readonly device: string;
  readonly view: string;
  readonly lun: number;
  readonly protocol: Protocol;
}

/** Of the ports the host reaches the device through: SCSI hosts see a LUN, NVMe hosts a namespace. */
export type Protocol = PortGroup['protocol'];

/** Told whenever a host starts or stops to see a device; the devices seen at start are told too. */
export interface PresentationListener {
  presented(change: PresentationChange): void;
  withdrawn(change: PresentationChange): void;
}

export interface PresentationChange {
  readonly arrayId: string;
  readonly host: string;
  readonly device: string;
  readonly lun: number;
  readonly protocol: Protocol;
  /** The identity the host reads from the device; from an NVMe namespace as its NGUID. */
  readonly effectiveWwn: string;
}

/** Direct members, and for a parent group the members of its children. */
export function membersOf(config: ArrayConfig, group: StorageGroup): readonly string[] {
  if (group.children.length === 0) return group.volumes;
  const members = new Set(group.volumes);
  for (const child of group.children)
    for (const device of findNamed(config.storageGroups, child)?.volumes ?? []) members.add(device);
  return [...members];
}

export function hostsOfView(config: ArrayConfig, view: MaskingView): readonly string[] {
  if (view.host !== undefined) return [view.host];
  return (view.hostGroup !== undefined && findNamed(config.hostGroups, view.hostGroup)?.hosts) || [];
}

const HIGHEST_LUN = 0x3fff;

/**
 * Gives every device of every view an address at each of its hosts and takes back those no longer needed. Without
 * consistent LUNs the hosts of a group count from different starts, so that one device has a different address per
 * host: legal on the real array, and a client that reads the first row only is then wrong.
 */
export function assignLuns(config: ArrayConfig): void {
  const taken = new Map<string, Set<number>>();
  const takenBy = (host: string): Set<number> => {
    const luns = taken.get(host) ?? new Set<number>();
    taken.set(host, luns);
    return luns;
  };
  const missing: { view: MaskingView; hosts: readonly string[]; device: string; has: ReadonlySet<string> }[] = [];
  for (const view of config.maskingViews) {
    const group = findNamed(config.storageGroups, view.storageGroup);
    const members = new Set(group ? membersOf(config, group) : []);
    const hosts = hostsOfView(config, view);
    view.luns = view.luns.filter((row) => members.has(row.device) && hosts.includes(row.host));
    for (const row of view.luns) takenBy(row.host).add(row.lun);
    const has = new Set(view.luns.map((row) => `${row.host} ${row.device}`));
    for (const device of members) missing.push({ view, hosts, device, has });
  }
  for (const { view, hosts, device, has } of missing) {
    const group = view.hostGroup === undefined ? undefined : findNamed(config.hostGroups, view.hostGroup);
    const without = hosts.filter((host) => !has.has(`${host} ${device}`));
    if (group?.consistentLun) {
      const lun = firstFree(view.startingLun ?? 1, (at) => without.every((host) => !takenBy(host).has(at)));
      for (const host of without) give(view, host, device, lun, takenBy(host));
      continue;
    }
    for (const host of without) {
      const start = (view.startingLun ?? 1) + hosts.indexOf(host);
      give(
        view,
        host,
        device,
        firstFree(start, (at) => !takenBy(host).has(at)),
        takenBy(host),
      );
    }
  }
}

function give(view: MaskingView, host: string, device: string, lun: number, taken: Set<number>): void {
  view.luns.push({ host, device, lun });
  taken.add(lun);
}

function firstFree(start: number, isFree: (lun: number) => boolean): number {
  for (let lun = start; lun <= HIGHEST_LUN; lun++) if (isFree(lun)) return lun;
  throw new Error('the lab array has no free LUN address left');
}

export const presentationsOf = (config: ArrayConfig): readonly Presentation[] =>
  config.maskingViews.flatMap((view) =>
    view.luns.map((row) => ({
      host: row.host,
      device: row.device,
      view: view.id,
      lun: row.lun,
      protocol: findNamed(config.portGroups, view.portGroup)?.protocol ?? 'SCSI_FC',
    })),
  );

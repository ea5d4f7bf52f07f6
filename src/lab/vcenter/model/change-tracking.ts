import { createHash, randomBytes } from 'node:crypto';
import type { DiskInventory } from '../inventory.ts';
import type { VirtualVolumes } from '../storage-side.ts';
import { isInSnapshots } from './disk-chains.ts';
import type { DiskTracking, TrackedContent, VmRecord } from './records.ts';

/** Changes are kept by blocks of this length. */
const BLOCK_BYTES = 64 * 1024;

interface ChangedArea {
  readonly startBytes: number;
  readonly lengthBytes: number;
}

export function changeIdsOf({ spec, tracking }: VmRecord): ReadonlyMap<number, string> {
  if (!spec.changeTrackingEnabled) return new Map();
  return new Map([...tracking].map(([key, { series, number }]) => [key, `${series}/${number}`]));
}

/**
 * A setting that was changed takes effect now: it is called where a VM stands still for a moment. Independent disks and physical raw
 * devices are not tracked.
 */
export function applySetting({ spec, tracking }: VmRecord): void {
  if (!spec.changeTrackingEnabled) {
    tracking.clear();
    return;
  }
  for (const disk of spec.disks.filter(isInSnapshots)) {
    if (!tracking.has(disk.key)) tracking.set(disk.key, { series: newSeries(), number: 1, points: new Map() });
  }
}

/** Such as `52 de c0 d9 b9 43 9d 10-61 d5 4c 1b e9 7b 65 63`. */
function newSeries(): string {
  const pairs = randomBytes(16).toString('hex').match(/../g) ?? [];
  return [pairs.slice(0, 8), pairs.slice(8)].map((half) => half.join(' ')).join('-');
}

/** The disks as a snapshot takes them become a point in time; returns their change ids by device key. */
export function markPoints(vm: VmRecord, taken: readonly DiskInventory[], volumes: VirtualVolumes) {
  const ids = changeIdsOf(vm);
  for (const disk of taken) {
    const tracked = vm.tracking.get(disk.key);
    if (!tracked || !ids.has(disk.key)) continue;
    tracked.points.set(tracked.number, contentOf(disk, volumes));
    tracked.number += 1;
  }
  return ids;
}

/**
 * After a revert the series goes on and knows what is written from now on. What the revert itself took back it does not know: no point of
 * the time that is lost can be asked about.
 */
export function forgetLostTime(vm: VmRecord, volumes: VirtualVolumes): void {
  for (const disk of vm.spec.disks) {
    const tracked = vm.tracking.get(disk.key);
    const content = contentOf(disk, volumes);
    for (const number of tracked?.points.keys() ?? []) tracked?.points.set(number, content);
  }
}

/** Undefined: of that change id nothing is known. */
export function changedAreas(
  { tracking }: VmRecord,
  disk: DiskInventory,
  between: { readonly since: string; readonly until: string },
): readonly ChangedArea[] | undefined {
  const tracked = tracking.get(disk.key);
  const since = tracked && numberIn(tracked, between.since);
  const until = tracked && numberIn(tracked, between.until);
  if (!tracked || since === undefined || until === undefined || since > until) return undefined;
  if (!tracked.points.has(since)) return undefined;
  const [before, after] = [tracked.points.get(since), tracked.points.get(until)];
  const { capacityBytes } = disk;
  if (!before || !after) return [{ startBytes: 0, lengthBytes: capacityBytes }];
  if (before.length !== after.length) return undefined;
  return stretchesOf((block) => before[block] !== after[block], after.length, capacityBytes);
}

/** Blocks that are not zeros, for the change id `*`. */
export function allocatedAreas({ tracking }: VmRecord, disk: DiskInventory, until: string) {
  const tracked = tracking.get(disk.key);
  const number = tracked && numberIn(tracked, until);
  const content = number === undefined ? undefined : tracked?.points.get(number);
  if (!content) return [{ startBytes: 0, lengthBytes: disk.capacityBytes }];
  const lastBytes = disk.capacityBytes - (content.length - 1) * BLOCK_BYTES;
  const zeros = [BLOCK_BYTES, lastBytes].map((length) => digestOf(Buffer.alloc(length)));
  return stretchesOf((block) => !zeros.includes(content[block] ?? ''), content.length, disk.capacityBytes);
}

function numberIn({ series }: DiskTracking, changeId: string): number | undefined {
  const [, digits] = new RegExp(`^${series}/(\\d+)$`).exec(changeId) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

function stretchesOf(isChanged: (block: number) => boolean, blocks: number, capacityBytes: number) {
  const areas: ChangedArea[] = [];
  for (let block = 0; block < blocks; block += 1) {
    if (!isChanged(block)) continue;
    const startBytes = block * BLOCK_BYTES;
    const endBytes = Math.min(startBytes + BLOCK_BYTES, capacityBytes);
    const last = areas.at(-1);
    if (last && last.startBytes + last.lengthBytes === startBytes) {
      areas[areas.length - 1] = { startBytes: last.startBytes, lengthBytes: endBytes - last.startBytes };
    } else areas.push({ startBytes, lengthBytes: endBytes - startBytes });
  }
  return areas;
}

function contentOf({ backing, capacityBytes }: DiskInventory, volumes: VirtualVolumes): TrackedContent {
  const content = backing.kind === 'vvol' ? volumes.read(backing.backingObjectId, capacityBytes) : undefined;
  if (!content) return undefined;
  const blocks = Math.ceil(content.length / BLOCK_BYTES);
  return Array.from({ length: blocks }, (_, block) =>
    digestOf(content.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)),
  );
}

const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('base64');

import { deviceId } from '../../src/ports/identity.ts';
import type { SnapshotOfDevice } from '../../src/ports/storage-array.ts';
import type { Random } from './random.ts';

/** Snapshots on the devices: mostly one establish; else generations of the name, missing ones, arrays without snap ids. */
export function drawArray(random: Random, trouble: number, atMs: number) {
  const devices = Array.from({ length: random.whole(1, 4) }, (_, index) => deviceId(`0010${index}`));
  const tellsIds = random.chance(0.9);
  const points = devices.map((_, index) => {
    if (random.chance(trouble / 8)) return [];
    const own = { snapId: 7, atMs };
    const other = { snapId: 8, atMs: atMs + random.between(1, 4000) };
    if (random.chance(trouble / 8)) return [own, other];
    // Never on all devices: nobody replaces a whole snapshot under a random name within a moment, and nothing would show it.
    return index > 0 && random.chance(trouble / 8) ? [other] : [own];
  });
  const seen = devices.flatMap((source, index): readonly SnapshotOfDevice[] =>
    (points[index] ?? []).map(({ snapId }) => ({
      name: 'snaphook-x',
      snapId: tellsIds ? snapId : undefined,
      source,
      createdAtMs: undefined,
      linkedTargets: [],
    })),
  );
  return { devices, points, seen };
}

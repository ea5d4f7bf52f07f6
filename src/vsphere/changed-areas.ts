import type { ByteRange } from '../ports/byte-range.ts';
import { child, children, integer, type VimRef } from './decode.ts';
import { queryChangedDiskAreas } from './encode.ts';
import { errorOfUnreadableAnswer } from './faults.ts';
import type { Session } from './session.ts';

const OPERATION = 'QueryChangedDiskAreas';

/**
 * Reads the map of changes answer by answer until it covers the whole disk (vSphere API: QueryChangedDiskAreas, DiskChangeInfo). Whatever
 * does not fit together is no map.
 */
export async function readChangedAreas(
  session: Session,
  of: {
    readonly vm: VimRef;
    readonly snapshot: VimRef;
    readonly deviceKey: number;
    readonly capacityBytes: number;
    readonly changeId: string;
  },
): Promise<readonly ByteRange[]> {
  const { vm, capacityBytes, ...query } = of;
  const areas: ByteRange[] = [];
  for (let startOffset = 0; startOffset < capacityBytes; ) {
    const answer = await session.call(OPERATION, queryChangedDiskAreas(vm, { ...query, startOffset }));
    const part = stretchOf(child(answer, 'startOffset'), child(answer, 'length'), 0, capacityBytes);
    if (part?.startBytes !== startOffset) throw errorOfUnreadableAnswer(session.server, OPERATION);
    const endBytes = startOffset + part.lengthBytes;
    for (const item of children(answer, 'changedArea')) {
      const area = stretchOf(child(item, 'start'), child(item, 'length'), startOffset, endBytes);
      if (!area) throw errorOfUnreadableAnswer(session.server, OPERATION);
      areas.push(area);
    }
    startOffset = endBytes;
  }
  return merged(areas);
}

/** Undefined unless both are numbers, it has a length, and lies between these bounds. */
function stretchOf(start: unknown, length: unknown, fromBytes: number, toBytes: number): ByteRange | undefined {
  const startBytes = integer(start);
  const lengthBytes = integer(length);
  if (startBytes === undefined || lengthBytes === undefined) return undefined;
  if (startBytes < fromBytes || lengthBytes <= 0 || lengthBytes > toBytes - startBytes) return undefined;
  return { startBytes, lengthBytes };
}

function merged(areas: readonly ByteRange[]): readonly ByteRange[] {
  const ascending = [...areas].sort((one, other) => one.startBytes - other.startBytes);
  const apart: ByteRange[] = [];
  for (const area of ascending) {
    const last = apart.at(-1);
    const lastEnd = last ? last.startBytes + last.lengthBytes : -1;
    if (!last || area.startBytes > lastEnd) apart.push(area);
    else {
      const endBytes = Math.max(lastEnd, area.startBytes + area.lengthBytes);
      apart[apart.length - 1] = { startBytes: last.startBytes, lengthBytes: endBytes - last.startBytes };
    }
  }
  return apart;
}

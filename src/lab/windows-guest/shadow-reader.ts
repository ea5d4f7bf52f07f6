import { guidAt } from '../proxy/windows/disk-layout.ts';
import {
  DESCRIPTOR_BYTES,
  ENTRY_BYTES,
  HEADER_BYTES,
  RECORD,
  SHADOW_BLOCK_BYTES,
  VOLUME_HEADER_OFFSET_BYTES,
  VSS_ID,
} from './shadow-store.ts';

type Read = (offsetBytes: number, lengthBytes: number) => Buffer;

/** A shadow copy as it is found in the bytes of an NTFS volume. */
export interface StoredShadow {
  /** Lower case, no braces, as the set's. */
  readonly shadowCopyId: string;
  readonly setId: string;
  /** The volume as it was when the copy was made; places in bytes from its start. */
  readonly read: Read;
}

interface Store {
  readonly shadowCopyId: string;
  readonly setId: string;
  /** Where what was overwritten is kept, by its place in the volume. */
  readonly kept: ReadonlyMap<number, number>;
}

/** What an entry of a catalog tells: that there is a copy, or where its store lies. */
const ENTRY = { copy: 2, place: 3 } as const;

/**
 * The shadow copies that a volume holds, the oldest first, after the description of libvshadow; none where the structures are not whole.
 * Of blocks it reads what `shadowPieces` writes of them: whole ones.
 */
export function readShadows(volume: Read): readonly StoredShadow[] {
  const header = volume(VOLUME_HEADER_OFFSET_BYTES, 512);
  if (!isRecord(header, RECORD.volume)) return [];
  const catalogAt = numberAt(header, 48);
  const catalog = catalogAt === 0 ? undefined : volume(catalogAt, SHADOW_BLOCK_BYTES);
  if (!catalog || !isRecord(catalog, RECORD.catalog)) return [];
  const stores = storesIn(volume, catalog);
  return stores.map(({ shadowCopyId, setId }, index) => ({
    shadowCopyId,
    setId,
    read: (offsetBytes, lengthBytes) => readThrough(volume, stores.slice(index), offsetBytes, lengthBytes),
  }));
}

function storesIn(volume: Read, catalog: Buffer): readonly Store[] {
  const order = new Map<string, number>();
  const places = new Map<string, { readonly listAt: number; readonly headerAt: number }>();
  for (let at = HEADER_BYTES; at + ENTRY_BYTES <= catalog.length; at += ENTRY_BYTES) {
    const kind = numberAt(catalog, at);
    const storeId = plainGuidAt(catalog, at + 16);
    if (kind === ENTRY.copy) order.set(storeId, numberAt(catalog, at + 32));
    if (kind === ENTRY.place)
      places.set(storeId, { listAt: numberAt(catalog, at + 8), headerAt: numberAt(catalog, at + 32) });
  }
  const found = [...order].sort(([, a], [, b]) => a - b).map(([storeId]) => places.get(storeId));
  return found.flatMap((place) => (place ? (storeAt(volume, place) ?? []) : []));
}

function storeAt(
  volume: Read,
  { listAt, headerAt }: { readonly listAt: number; readonly headerAt: number },
): Store | undefined {
  const header = volume(headerAt, SHADOW_BLOCK_BYTES);
  const list = volume(listAt, SHADOW_BLOCK_BYTES);
  if (!isRecord(header, RECORD.store) || !isRecord(list, RECORD.blockList)) return undefined;
  const kept = new Map<number, number>();
  for (let at = HEADER_BYTES; at + DESCRIPTOR_BYTES <= list.length; at += DESCRIPTOR_BYTES) {
    const keptAt = numberAt(list, at + 16);
    if (keptAt !== 0) kept.set(numberAt(list, at), keptAt);
  }
  return { shadowCopyId: plainGuidAt(header, HEADER_BYTES + 16), setId: plainGuidAt(header, HEADER_BYTES + 32), kept };
}

/** A block that this copy does not keep was not overwritten until the next one was made. */
function readThrough(volume: Read, stores: readonly Store[], offsetBytes: number, lengthBytes: number): Buffer {
  const parts: Buffer[] = [];
  const end = offsetBytes + lengthBytes;
  for (let at = offsetBytes; at < end; ) {
    const blockAt = at - (at % SHADOW_BLOCK_BYTES);
    const length = Math.min(end, blockAt + SHADOW_BLOCK_BYTES) - at;
    const keptAt = stores.map(({ kept }) => kept.get(blockAt)).find((place) => place !== undefined) ?? blockAt;
    parts.push(volume(keptAt + (at - blockAt), length));
    at += length;
  }
  return Buffer.concat(parts);
}

const isRecord = (block: Buffer, record: number): boolean =>
  plainGuidAt(block, 0) === VSS_ID && block.readUInt32LE(20) === record;

const numberAt = (block: Buffer, at: number): number => Number(block.readBigUInt64LE(at));

const plainGuidAt = (block: Buffer, at: number): string => guidAt(block, at).slice(1, -1);

import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { SnaphookError } from '../ports/errors.ts';
import type { ContentHash } from '../ports/images.ts';
import { PIECE_BYTES, requireWholeSectors, SECTOR_BYTES } from './image-sink.ts';
import {
  DESCRIPTOR_SECTORS,
  GD_AT_END,
  grainRecord,
  littleEndian,
  MARKER,
  MAX_SECTOR,
  marker,
  OVERHEAD_SECTORS,
  padded,
  sparseHeader,
  TABLE_ENTRIES,
} from './stream-vmdk-layout.ts';
import { vmdkDescriptor } from './vmdk-descriptor.ts';

/** Fast: the network is mostly quicker than the compression. */
const LEVEL = 1;
/** Node compresses on four threads by default. */
const AHEAD = 8;
const ZEROS = Buffer.alloc(PIECE_BYTES);

/**
 * Yields a disk as a streamOptimized VMDK from its first byte to its last, for who takes it over the network. `pieces` are its content in
 * order, `PIECE_BYTES` each, the last one maybe shorter; those of zeros are left out. What `pieces` throws at its end keeps the end
 * of the stream back.
 */
export async function* vmdkForUpload(
  { sizeBytes, contentHash }: { readonly sizeBytes: number; readonly contentHash: ContentHash },
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  requireWholeSectors(sizeBytes);
  const capacity = sizeBytes / SECTOR_BYTES;
  const directory: number[] = [];
  let table = new Uint32Array(TABLE_ENTRIES);
  let nextSector = OVERHEAD_SECTORS;
  const placed = (part: Buffer): Buffer => {
    nextSector = sectorAfter(nextSector, part.length);
    return part;
  };
  const endTable = (): readonly Buffer[] => {
    const entries = littleEndian(table);
    const isEmpty = table.every((entry) => entry === 0);
    directory.push(isEmpty ? 0 : nextSector + 1);
    table = new Uint32Array(TABLE_ENTRIES);
    return isEmpty ? [] : [placed(marker(entries.length / SECTOR_BYTES, MARKER.grainTable)), placed(entries)];
  };

  const descriptor = vmdkDescriptor('streamOptimized', { sizeBytes, extentName: 'disk.vmdk', contentHash });
  yield padded(
    Buffer.concat([sparseHeader(capacity, GD_AT_END), padded(Buffer.from(descriptor), DESCRIPTOR_SECTORS)]),
    OVERHEAD_SECTORS,
  );
  let index = 0;
  for await (const grain of grainsOf(pieces)) {
    if (grain) {
      table[index % TABLE_ENTRIES] = nextSector;
      yield placed(grain);
    }
    index += 1;
    if (index % TABLE_ENTRIES === 0) yield* endTable();
  }
  if (index % TABLE_ENTRIES !== 0) yield* endTable();
  const entries = padded(littleEndian(Uint32Array.from(directory)));
  yield placed(marker(entries.length / SECTOR_BYTES, MARKER.grainDirectory));
  const directoryAt = nextSector;
  yield placed(entries);
  yield placed(marker(1, MARKER.footer));
  yield placed(sparseHeader(capacity, BigInt(directoryAt)));
  yield placed(marker(0, MARKER.endOfStream));
}

/** Sector behind a part that lies at one. Tables hold 32 bits of it. Errors: `E_RESTORE`. */
export function sectorAfter(sector: number, partBytes: number): number {
  const next = sector + partBytes / SECTOR_BYTES;
  if (next <= MAX_SECTOR) return next;
  throw new SnaphookError(
    'E_RESTORE',
    'a disk is sent as a streamOptimized VMDK, which holds at most 2 TiB of compressed data',
    {
      hint: 'Restore the other disks with `--disk`, write the image of this one to a device of its size, and give that to the VM as an RDM.',
    },
  );
}

/** In order, some of them compressed ahead; undefined for zeros. */
async function* grainsOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer | undefined, void, undefined> {
  const ahead: Promise<Buffer | undefined>[] = [];
  let index = 0;
  for await (const piece of pieces) {
    const isZero = ZEROS.subarray(0, piece.length).equals(piece);
    ahead.push(isZero ? Promise.resolve(undefined) : grainOf(index, piece));
    index += 1;
    if (ahead.length > AHEAD) yield await ahead.shift();
  }
  for (const grain of ahead) yield await grain;
}

async function grainOf(index: number, piece: Uint8Array): Promise<Buffer> {
  const whole = piece.length === PIECE_BYTES ? piece : Buffer.concat([piece], PIECE_BYTES);
  return grainRecord(index, await promisify(deflate)(whole, { level: LEVEL }));
}

import type { ImageContent, ImageFileReader } from './image-content.ts';
import { CLUSTER_BYTES, QCOW2_MAGIC, TABLE_ENTRIES, TABLE_SPAN_BYTES } from './qcow2-layout.ts';

const MAX_SIZE_BYTES = 2 ** 49;
const HEADER_BYTES = 80;
const MAX_REFCOUNT_TABLE_CLUSTERS = 128;
const OFFSET_MASK = 0x00ff_ffff_ffff_fe00n;
const COMPRESSED = 1n << 62n;
const READS_AS_ZEROS = 1n;

/** Reads what `qcow2.ts` writes: clusters of 64 KiB, no backing file, nothing compressed or encrypted. */
export async function readQcow2(file: ImageFileReader): Promise<ImageContent> {
  const { sizeBytes, l1Offset, refcountTable } = await readHeader(file);
  await requireRefcounts(file, refcountTable);
  const l1 = await file.bytes(l1Offset, Math.ceil(sizeBytes / TABLE_SPAN_BYTES) * 8);
  let last: { readonly index: number; readonly entries: Buffer } | undefined;

  /** Undefined: zeros. */
  const offsetOf = async (cluster: number): Promise<number | undefined> => {
    const index = Math.floor(cluster / TABLE_ENTRIES);
    const at = l1.readBigUInt64BE(index * 8) & OFFSET_MASK;
    if (at === 0n) return undefined;
    const table = last?.index === index ? last : { index, entries: await file.bytes(Number(at), CLUSTER_BYTES) };
    last = table;
    const entry = table.entries.readBigUInt64BE((cluster % TABLE_ENTRIES) * 8);
    if ((entry & COMPRESSED) !== 0n) throw file.damaged(`cluster ${cluster} is compressed`);
    const offset = entry & OFFSET_MASK;
    return offset === 0n || (entry & READS_AS_ZEROS) !== 0n ? undefined : Number(offset);
  };

  return {
    sizeBytes,
    close: () => file.close(),
    async read(buffer, positionBytes) {
      for (let at = 0; at < buffer.length; ) {
        const inCluster = (positionBytes + at) % CLUSTER_BYTES;
        const wanted = buffer.subarray(at, at + CLUSTER_BYTES - inCluster);
        const offset = await offsetOf((positionBytes + at - inCluster) / CLUSTER_BYTES);
        if (offset === undefined) wanted.fill(0);
        else await file.read(wanted, offset + inCluster);
        at += wanted.length;
      }
    },
  };
}

/** They are no content, but without them nobody can use the image; they are what a file that was cut off lacks first. */
async function requireRefcounts(file: ImageFileReader, { offset, clusters }: RefcountTable): Promise<void> {
  const table = await file.bytes(offset, clusters * CLUSTER_BYTES);
  for (let at = 0; at < table.length; at += 8) {
    const block = Number(table.readBigUInt64BE(at));
    if (block === 0 ? at === 0 : block + CLUSTER_BYTES > file.sizeBytes) {
      throw file.damaged('its reference counts are not there');
    }
  }
}

interface RefcountTable {
  readonly offset: number;
  readonly clusters: number;
}

interface Qcow2Facts {
  readonly sizeBytes: number;
  readonly l1Offset: number;
  readonly refcountTable: RefcountTable;
}

async function readHeader(file: ImageFileReader): Promise<Qcow2Facts> {
  const bytes = await file.bytes(0, HEADER_BYTES);
  const sizeBytes = Number(bytes.readBigUInt64BE(24));
  const isOurs =
    bytes.readUInt32BE(0) === QCOW2_MAGIC &&
    bytes.readUInt32BE(4) === 3 &&
    bytes.readBigUInt64BE(8) === 0n &&
    2 ** bytes.readUInt32BE(20) === CLUSTER_BYTES &&
    bytes.readUInt32BE(32) === 0 &&
    bytes.readBigUInt64BE(72) === 0n &&
    bytes.readUInt32BE(56) <= MAX_REFCOUNT_TABLE_CLUSTERS &&
    sizeBytes <= MAX_SIZE_BYTES;
  if (!isOurs) throw file.damaged('it is no qcow2 image of version 3 with clusters of 64 KiB that stands alone');
  const refcountTable = { offset: Number(bytes.readBigUInt64BE(48)), clusters: bytes.readUInt32BE(56) };
  return { sizeBytes, l1Offset: Number(bytes.readBigUInt64BE(40)), refcountTable };
}

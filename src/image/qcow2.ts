import { writeFull } from './file-io.ts';
import { requireWholeSectors } from './image-sink.ts';
import {
  CLUSTER_BYTES,
  COPIED,
  qcow2Header,
  REFCOUNTS_IN_BLOCK,
  TABLE_ENTRIES,
  TABLE_SPAN_BYTES,
} from './qcow2-layout.ts';
import type { OpenSink } from './write-image.ts';

/** They list the counts of 1 EiB. */
const MOST_REFCOUNT_TABLE_CLUSTERS = 64;

/**
 * qcow2: header; room for the table of reference counts and the first-level table; then content, each second-level table after
 * what it maps; reference counts at the end. Clusters of zeros are not allocated, nothing is compressed.
 */
export const qcow2Sink: OpenSink = async ({ sizeBytes }, [file]) => {
  if (!file) throw new TypeError('a qcow2 image has a file');
  requireWholeSectors(sizeBytes);
  const l1Entries = Math.ceil(sizeBytes / TABLE_SPAN_BYTES);
  const l1Clusters = clustersFor(l1Entries * 8);
  const mostClusters = 1 + MOST_REFCOUNT_TABLE_CLUSTERS + l1Clusters + l1Entries + clustersFor(sizeBytes);
  const refcountTableClusters = clustersFor(refcountBlocksFor(mostClusters) * 8);
  const l1 = new BigUint64Array(l1Entries);
  let table = new BigUint64Array(TABLE_ENTRIES);
  let tableIndex = 0;
  let next = 1 + refcountTableClusters + l1Clusters;

  /** At the next cluster; returns its offset. */
  const append = async (data: Buffer): Promise<number> => {
    const offset = next * CLUSTER_BYTES;
    await writeFull(file, data, offset);
    next += clustersFor(data.length);
    return offset;
  };
  const endTable = async (): Promise<void> => {
    if (!table.some((entry) => entry !== 0n)) return;
    l1[tableIndex] = BigInt(await append(bigEndian(table))) | COPIED;
    table = new BigUint64Array(TABLE_ENTRIES);
  };
  /** Every cluster up to here is used once, those of the counts included. */
  const writeRefcounts = async (): Promise<void> => {
    const blocks = refcountBlocksFor(next);
    const used = next + blocks;
    const refcountTable = new BigUint64Array(blocks);
    for (let block = 0; block < blocks; block += 1) {
      const counts = Buffer.alloc(CLUSTER_BYTES);
      const usedHere = Math.min(REFCOUNTS_IN_BLOCK, used - block * REFCOUNTS_IN_BLOCK);
      for (let entry = 0; entry < usedHere; entry += 1) counts.writeUInt16BE(1, entry * 2);
      refcountTable[block] = BigInt(await append(counts));
    }
    await writeFull(file, bigEndian(refcountTable), CLUSTER_BYTES);
  };

  return {
    takes: 'stretches',
    file,
    async write(stretch, positionBytes) {
      for (let at = 0; at < stretch.length; ) {
        const position = positionBytes + at;
        const owner = Math.floor(position / TABLE_SPAN_BYTES);
        if (owner !== tableIndex) {
          await endTable();
          tableIndex = owner;
        }
        const run = stretch.subarray(at, at + (owner + 1) * TABLE_SPAN_BYTES - position);
        const offset = await append(run);
        for (let byte = 0; byte < run.length; byte += CLUSTER_BYTES) {
          table[((position + byte) / CLUSTER_BYTES) % TABLE_ENTRIES] = BigInt(offset + byte) | COPIED;
        }
        at += run.length;
      }
    },

    async finish() {
      await endTable();
      await writeRefcounts();
      const l1Offset = (1 + refcountTableClusters) * CLUSTER_BYTES;
      await writeFull(file, bigEndian(l1), l1Offset);
      await file.truncate(next * CLUSTER_BYTES);
      // Last, so that half an image is none.
      const refcountTableOffset = CLUSTER_BYTES;
      const places = { sizeBytes, l1Entries, l1Offset, refcountTableOffset, refcountTableClusters };
      await writeFull(file, qcow2Header(places), 0);
    },
  };
};

const clustersFor = (bytes: number): number => Math.ceil(bytes / CLUSTER_BYTES);

/** Blocks that hold the counts of so many clusters and of themselves. */
function refcountBlocksFor(clusters: number): number {
  let blocks = Math.ceil(clusters / REFCOUNTS_IN_BLOCK);
  while (blocks * REFCOUNTS_IN_BLOCK < clusters + blocks) blocks += 1;
  return blocks;
}

function bigEndian(entries: BigUint64Array): Buffer {
  const bytes = Buffer.alloc(entries.length * 8);
  for (const [index, entry] of entries.entries()) bytes.writeBigUInt64BE(entry, index * 8);
  return bytes;
}

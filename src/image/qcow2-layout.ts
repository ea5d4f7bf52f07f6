import { PIECE_BYTES } from './image-sink.ts';

/** qcow2 as QEMU's docs/interop/qcow2.txt has it, version 3; all numbers are big-endian. */
export const QCOW2_MAGIC = 0x5146_49fb;
export const CLUSTER_BYTES = PIECE_BYTES;
const CLUSTER_BITS = Math.log2(CLUSTER_BYTES);
export const TABLE_ENTRIES = CLUSTER_BYTES / 8;
/** Bytes of content that one second-level table maps. */
export const TABLE_SPAN_BYTES = CLUSTER_BYTES * TABLE_ENTRIES;
/** A reference count has 16 bits. */
export const REFCOUNTS_IN_BLOCK = CLUSTER_BYTES / 2;
/** Beside an offset: the cluster is used once, by this image. */
export const COPIED = 1n << 63n;

const VERSION = 3;
const REFCOUNT_ORDER = 4;
const HEADER_BYTES = 104;

export interface Qcow2Places {
  readonly sizeBytes: number;
  readonly l1Entries: number;
  readonly l1Offset: number;
  readonly refcountTableOffset: number;
  readonly refcountTableClusters: number;
}

export function qcow2Header(places: Qcow2Places): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + 8);
  bytes.writeUInt32BE(QCOW2_MAGIC, 0);
  bytes.writeUInt32BE(VERSION, 4);
  bytes.writeUInt32BE(CLUSTER_BITS, 20);
  bytes.writeBigUInt64BE(BigInt(places.sizeBytes), 24);
  bytes.writeUInt32BE(places.l1Entries, 36);
  bytes.writeBigUInt64BE(BigInt(places.l1Offset), 40);
  bytes.writeBigUInt64BE(BigInt(places.refcountTableOffset), 48);
  bytes.writeUInt32BE(places.refcountTableClusters, 56);
  bytes.writeUInt32BE(REFCOUNT_ORDER, 96);
  bytes.writeUInt32BE(HEADER_BYTES, 100);
  return bytes;
}

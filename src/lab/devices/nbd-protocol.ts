/** Numbers of the NBD protocol (NetworkBlockDevice/nbd, doc/proto.md), as far as the lab speaks it. All are big-endian on the wire. */

export const NBD_MAGIC = 0x4e42444d41474943n;
export const OPTION_MAGIC = 0x49484156454f5054n;
export const OPTION_REPLY_MAGIC = 0x3e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const CHUNK_MAGIC = 0x668e33ef;

/** Server and client flags of the handshake have the same bits. */
export const handshakeFlag = { FIXED_NEWSTYLE: 1, NO_ZEROES: 2 } as const;

export const option = {
  EXPORT_NAME: 1,
  ABORT: 2,
  LIST: 3,
  INFO: 6,
  GO: 7,
  STRUCTURED_REPLY: 8,
  LIST_META_CONTEXT: 9,
  SET_META_CONTEXT: 10,
} as const;

export const optionReply = {
  ACK: 1,
  SERVER: 2,
  INFO: 3,
  META_CONTEXT: 4,
  UNSUPPORTED: 0x80000001,
  INVALID: 0x80000003,
  UNKNOWN_EXPORT: 0x80000006,
  TOO_BIG: 0x80000009,
} as const;

export const info = { EXPORT: 0, NAME: 1, DESCRIPTION: 2, BLOCK_SIZE: 3 } as const;

export const exportFlag = {
  HAS_FLAGS: 1,
  READ_ONLY: 2,
  FLUSH: 4,
  FUA: 8,
  TRIM: 32,
  WRITE_ZEROES: 64,
  DF: 128,
  MULTI_CONN: 256,
} as const;

export const command = {
  READ: 0,
  WRITE: 1,
  DISC: 2,
  FLUSH: 3,
  TRIM: 4,
  WRITE_ZEROES: 6,
  BLOCK_STATUS: 7,
} as const;

export const commandFlag = { FUA: 1, NO_HOLE: 2, DF: 4, REQ_ONE: 8 } as const;

export const chunk = { NONE: 0, OFFSET_DATA: 1, BLOCK_STATUS: 5, ERROR: 0x8001 } as const;
export const CHUNK_DONE = 1;

export const errno = { EPERM: 1, EIO: 5, EINVAL: 22, ENOSPC: 28 } as const;

/** The one metadata context served, and the number a connection knows it by. */
export const ALLOCATION_CONTEXT = 'base:allocation';
export const ALLOCATION_CONTEXT_ID = 1;
/** Extent that is a hole and reads as zeros. */
export const HOLE_AND_ZERO = 3;

/** Most bytes of one read or write; told to clients that ask. */
export const MAX_PAYLOAD_BYTES = 32 * 1024 * 1024;

/** Unsigned big-endian numbers one after the other. */
export function packed(...fields: readonly (readonly [bits: 16 | 32 | 64, value: number | bigint])[]): Buffer {
  const bytes = Buffer.alloc(fields.reduce((sum, [bits]) => sum + bits / 8, 0));
  let at = 0;
  for (const [bits, value] of fields) {
    if (bits === 64) bytes.writeBigUInt64BE(BigInt(value), at);
    else bytes.writeUIntBE(Number(value), at, bits / 8);
    at += bits / 8;
  }
  return bytes;
}

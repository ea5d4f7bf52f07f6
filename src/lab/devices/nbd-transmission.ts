import type { NbdConnection } from './nbd-connection.ts';
import { extentsWithin, type NbdExport } from './nbd-exports.ts';
import type { Agreement } from './nbd-handshake.ts';
import {
  ALLOCATION_CONTEXT_ID,
  CHUNK_DONE,
  CHUNK_MAGIC,
  chunk,
  command,
  commandFlag,
  errno,
  HOLE_AND_ZERO,
  MAX_PAYLOAD_BYTES,
  packed,
  REQUEST_MAGIC,
  SIMPLE_REPLY_MAGIC,
} from './nbd-protocol.ts';
import { StoreError } from './store-contract.ts';

interface Request {
  readonly flags: number;
  readonly kind: number;
  readonly cookie: bigint;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** Of a write that is not too long. */
  readonly payload: Buffer;
}

/** What a command did: nothing to send back, data that was read, or `[length, flags]` of extents. */
type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'data'; readonly data: Buffer }
  | { readonly kind: 'status'; readonly extents: readonly (readonly [lengthBytes: number, flags: number])[] };

const DONE: Outcome = { kind: 'done' };
const ZEROS = Buffer.alloc(1024 * 1024);

class Refusal extends Error {
  readonly code: number;

  constructor(code: number, why: string) {
    super(why);
    this.code = code;
  }
}

/**
 * Answers requests one after the other until the client disconnects. The store is synchronous, so a request is over
 * before the next one of any connection begins: no establish falls into a write, and all connections see the same bytes.
 */
export async function transmit(connection: NbdConnection, agreement: Agreement): Promise<void> {
  for (;;) {
    const request = await nextRequest(connection);
    if (request === undefined || request.kind === command.DISC) return;
    let outcome: Outcome | Refusal;
    try {
      outcome = execute(request, agreement);
    } catch (error) {
      outcome = refusalOf(error);
    }
    await connection.send(...formatReply(request, outcome, agreement));
  }
}

async function nextRequest(connection: NbdConnection): Promise<Request | undefined> {
  const header = await connection.take(28);
  // Out of step: where the next request begins cannot be known.
  if (header.readUInt32BE() !== REQUEST_MAGIC) return undefined;
  const kind = header.readUInt16BE(6);
  const lengthBytes = header.readUInt32BE(24);
  let payload: Buffer = Buffer.alloc(0);
  if (kind === command.WRITE) {
    if (lengthBytes > MAX_PAYLOAD_BYTES) await connection.discard(lengthBytes);
    else payload = await connection.take(lengthBytes);
  }
  return {
    flags: header.readUInt16BE(4),
    kind,
    cookie: header.readBigUInt64BE(8),
    // Beyond 2^53 it loses precision and is still beyond the end.
    offsetBytes: Number(header.readBigUInt64BE(16)),
    lengthBytes,
    payload,
  };
}

const WRITING: ReadonlySet<number> = new Set([command.WRITE, command.TRIM, command.WRITE_ZEROES]);
const GROWING: ReadonlySet<number> = new Set([command.WRITE, command.WRITE_ZEROES]);
const CARRYING: ReadonlySet<number> = new Set([command.READ, command.WRITE]);
/** Force unit access may be set anywhere and is always fulfilled. */
const FLAGS: Readonly<Record<number, number>> = {
  [command.READ]: commandFlag.DF,
  [command.WRITE]: 0,
  [command.FLUSH]: 0,
  [command.TRIM]: 0,
  [command.WRITE_ZEROES]: commandFlag.NO_HOLE,
  [command.BLOCK_STATUS]: commandFlag.REQ_ONE,
};

function check({ kind, flags, offsetBytes, lengthBytes }: Request, { opened, allocationContext }: Agreement): void {
  const known = FLAGS[kind];
  if (known === undefined) throw new Refusal(errno.EINVAL, `command ${kind} is not served`);
  if ((flags & ~(known | commandFlag.FUA)) !== 0) throw new Refusal(errno.EINVAL, `flags ${flags} do not belong here`);
  if (kind === command.FLUSH) {
    if (offsetBytes !== 0 || lengthBytes !== 0) throw new Refusal(errno.EINVAL, 'a flush has no range');
    return;
  }
  if (kind === command.BLOCK_STATUS && !allocationContext) throw new Refusal(errno.EINVAL, 'no context was chosen');
  if (opened.readOnly && WRITING.has(kind)) throw new Refusal(errno.EPERM, `export "${opened.name}" is read-only`);
  if (lengthBytes === 0) throw new Refusal(errno.EINVAL, 'the range is empty');
  if (CARRYING.has(kind) && lengthBytes > MAX_PAYLOAD_BYTES) {
    throw new Refusal(errno.EINVAL, `${lengthBytes} bytes are more than ${MAX_PAYLOAD_BYTES}`);
  }
  if (offsetBytes + lengthBytes > opened.blocks.sizeBytes) {
    const code = GROWING.has(kind) ? errno.ENOSPC : errno.EINVAL;
    throw new Refusal(code, `the range ends beyond the ${opened.blocks.sizeBytes} bytes there are`);
  }
}

function execute(request: Request, agreement: Agreement): Outcome {
  check(request, agreement);
  const { kind, flags, offsetBytes, lengthBytes, payload } = request;
  const { opened } = agreement;
  switch (kind) {
    case command.READ:
      return { kind: 'data', data: opened.blocks.read(offsetBytes, lengthBytes) };
    case command.WRITE:
      opened.blocks.write(offsetBytes, payload);
      return DONE;
    case command.TRIM:
      zero(opened, offsetBytes, lengthBytes, false);
      return DONE;
    case command.WRITE_ZEROES:
      zero(opened, offsetBytes, lengthBytes, (flags & commandFlag.NO_HOLE) !== 0);
      return DONE;
    case command.BLOCK_STATUS: {
      const extents = extentsWithin(opened, offsetBytes, lengthBytes);
      const told = (flags & commandFlag.REQ_ONE) === 0 ? extents : extents.slice(0, 1);
      return {
        kind: 'status',
        extents: told.map((extent) => [extent.lengthBytes, extent.allocated ? 0 : HOLE_AND_ZERO]),
      };
    }
    default:
      // FLUSH: the store has answered a write only when it is in the device's file.
      return DONE;
  }
}

/** The array takes no space back, but a hole costs nothing: only with `everywhere` zeros are written to holes too. */
function zero(opened: NbdExport, offsetBytes: number, lengthBytes: number, everywhere: boolean): void {
  for (const extent of extentsWithin(opened, offsetBytes, lengthBytes)) {
    if (!extent.allocated && !everywhere) continue;
    for (let done = 0; done < extent.lengthBytes; done += ZEROS.length) {
      opened.blocks.write(extent.offsetBytes + done, ZEROS.subarray(0, extent.lengthBytes - done));
    }
  }
}

/** A device that was deleted, a snapshot that was terminated, a store that is closed: to a client, a failing disk. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof StoreError) return new Refusal(errno.EIO, error.message);
  throw error;
}

function formatReply(request: Request, outcome: Outcome | Refusal, agreement: Agreement): readonly Buffer[] {
  return agreement.structuredReplies ? structuredReply(request, outcome) : simpleReply(request, outcome);
}

function simpleReply({ cookie }: Request, outcome: Outcome | Refusal): readonly Buffer[] {
  const header = packed([32, SIMPLE_REPLY_MAGIC], [32, outcome instanceof Refusal ? outcome.code : 0], [64, cookie]);
  return !(outcome instanceof Refusal) && outcome.kind === 'data' ? [header, outcome.data] : [header];
}

/** One chunk a reply: data is never fragmented. */
function structuredReply({ cookie, offsetBytes }: Request, outcome: Outcome | Refusal): readonly Buffer[] {
  const reply = (type: number, ...parts: readonly Buffer[]) => {
    const lengthBytes = parts.reduce((sum, part) => sum + part.length, 0);
    return [packed([32, CHUNK_MAGIC], [16, CHUNK_DONE], [16, type], [64, cookie], [32, lengthBytes]), ...parts];
  };
  if (outcome instanceof Refusal) {
    const why = Buffer.from(outcome.message);
    return reply(chunk.ERROR, packed([32, outcome.code], [16, why.length]), why);
  }
  if (outcome.kind === 'data') return reply(chunk.OFFSET_DATA, packed([64, offsetBytes]), outcome.data);
  if (outcome.kind === 'status') {
    const extents = outcome.extents.map(([lengthBytes, flags]) => packed([32, lengthBytes], [32, flags]));
    return reply(chunk.BLOCK_STATUS, packed([32, ALLOCATION_CONTEXT_ID]), ...extents);
  }
  return reply(chunk.NONE);
}

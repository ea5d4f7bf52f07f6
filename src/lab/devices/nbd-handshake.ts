import type { DeviceStore } from './device-store.ts';
import type { NbdConnection } from './nbd-connection.ts';
import { exportNames, findExport, type NbdExport } from './nbd-exports.ts';
import {
  ALLOCATION_CONTEXT,
  ALLOCATION_CONTEXT_ID,
  exportFlag,
  handshakeFlag,
  info,
  MAX_PAYLOAD_BYTES,
  NBD_MAGIC,
  OPTION_MAGIC,
  OPTION_REPLY_MAGIC,
  option,
  optionReply,
  packed,
} from './nbd-protocol.ts';
import { TRACK_BYTES } from './store-contract.ts';

/** Names are at most 4,096 bytes; nothing an option needs is longer than this. */
const MAX_OPTION_BYTES = 64 * 1024;

/** What client and server agreed on before the first request. */
export interface Agreement {
  readonly opened: NbdExport;
  readonly structuredReplies: boolean;
  /** The client may ask for block status. */
  readonly allocationContext: boolean;
}

/** Fixed newstyle negotiation. `undefined`: the client left, or must be left, without having opened anything. */
export async function negotiate(connection: NbdConnection, store: DeviceStore): Promise<Agreement | undefined> {
  const ours = handshakeFlag.FIXED_NEWSTYLE | handshakeFlag.NO_ZEROES;
  await connection.send(packed([64, NBD_MAGIC], [64, OPTION_MAGIC], [16, ours]));
  const theirs = (await connection.take(4)).readUInt32BE();
  // A flag not offered makes the rest of the conversation unreadable.
  if ((theirs & ~ours) !== 0 || (theirs & handshakeFlag.FIXED_NEWSTYLE) === 0) return undefined;
  return new Negotiation(connection, store, (theirs & handshakeFlag.NO_ZEROES) !== 0).run();
}

class Negotiation {
  readonly #connection: NbdConnection;
  readonly #store: DeviceStore;
  readonly #noZeroes: boolean;
  #structuredReplies = false;
  /** Name of the export the allocation context was chosen for. */
  #contextOf: string | undefined;

  constructor(connection: NbdConnection, store: DeviceStore, noZeroes: boolean) {
    this.#connection = connection;
    this.#store = store;
    this.#noZeroes = noZeroes;
  }

  async run(): Promise<Agreement | undefined> {
    for (;;) {
      const header = await this.#connection.take(16);
      if (header.readBigUInt64BE() !== OPTION_MAGIC) return undefined;
      const kind = header.readUInt32BE(8);
      const lengthBytes = header.readUInt32BE(12);
      if (lengthBytes > MAX_OPTION_BYTES) {
        if (kind === option.EXPORT_NAME) return undefined;
        await this.#connection.discard(lengthBytes);
        await this.#reply(kind, optionReply.TOO_BIG);
        continue;
      }
      const data = await this.#connection.take(lengthBytes);
      if (kind === option.ABORT) {
        await this.#reply(kind, optionReply.ACK);
        return undefined;
      }
      if (kind === option.EXPORT_NAME) return this.#exportName(data.toString());
      const opened = await this.#answer(kind, data);
      if (opened) return this.#agreement(opened);
    }
  }

  /** Returns the export when the option opened one. */
  async #answer(kind: number, data: Buffer): Promise<NbdExport | undefined> {
    switch (kind) {
      case option.LIST:
        await this.#list(data);
        return undefined;
      case option.STRUCTURED_REPLY:
        if (data.length === 0) this.#structuredReplies = true;
        await this.#reply(kind, data.length === 0 ? optionReply.ACK : optionReply.INVALID);
        return undefined;
      case option.INFO:
      case option.GO:
        return this.#describe(kind, data);
      case option.LIST_META_CONTEXT:
      case option.SET_META_CONTEXT:
        await this.#metaContexts(kind, data);
        return undefined;
      default:
        await this.#reply(kind, optionReply.UNSUPPORTED);
        return undefined;
    }
  }

  /** The oldest way to open: there is no way to refuse but to hang up. */
  async #exportName(name: string): Promise<Agreement | undefined> {
    const opened = findExport(this.#store, name);
    if (!opened) return undefined;
    const agreement = this.#agreement(opened);
    const zeros = Buffer.alloc(this.#noZeroes ? 0 : 124);
    await this.#connection.send(packed([64, opened.blocks.sizeBytes], [16, this.#flagsOf(opened)]), zeros);
    return agreement;
  }

  async #list(data: Buffer): Promise<void> {
    if (data.length > 0) return this.#reply(option.LIST, optionReply.INVALID);
    for (const name of exportNames(this.#store)) {
      await this.#reply(option.LIST, optionReply.SERVER, packed([32, name.length]), Buffer.from(name));
    }
    await this.#reply(option.LIST, optionReply.ACK);
  }

  async #describe(kind: number, data: Buffer): Promise<NbdExport | undefined> {
    const fields = new Fields(data);
    const name = fields.text();
    const wanted = Array.from({ length: fields.number(16) }, () => fields.number(16));
    if (!fields.complete) {
      await this.#reply(kind, optionReply.INVALID);
      return undefined;
    }
    const found = findExport(this.#store, name);
    if (!found) {
      await this.#reply(kind, optionReply.UNKNOWN_EXPORT, Buffer.from(`export "${name}" does not exist`));
      return undefined;
    }
    const infos: Record<number, Buffer> = {
      [info.NAME]: Buffer.concat([packed([16, info.NAME]), Buffer.from(name)]),
      [info.DESCRIPTION]: Buffer.concat([packed([16, info.DESCRIPTION]), Buffer.from(found.description)]),
      [info.BLOCK_SIZE]: packed([16, info.BLOCK_SIZE], [32, 1], [32, TRACK_BYTES], [32, MAX_PAYLOAD_BYTES]),
    };
    const size = packed([16, info.EXPORT], [64, found.blocks.sizeBytes], [16, this.#flagsOf(found)]);
    await this.#reply(kind, optionReply.INFO, size);
    for (const answer of new Set(wanted.map((number) => infos[number]))) {
      if (answer) await this.#reply(kind, optionReply.INFO, answer);
    }
    await this.#reply(kind, optionReply.ACK);
    return kind === option.GO ? found : undefined;
  }

  async #metaContexts(kind: number, data: Buffer): Promise<void> {
    const fields = new Fields(data);
    const name = fields.text();
    const queries: string[] = [];
    for (let left = fields.number(32); left > 0 && fields.complete; left--) queries.push(fields.text());
    if (!fields.complete || !this.#structuredReplies) return this.#reply(kind, optionReply.INVALID);
    if (!findExport(this.#store, name)) return this.#reply(kind, optionReply.UNKNOWN_EXPORT);
    const choosing = kind === option.SET_META_CONTEXT;
    const all = !choosing && (queries.length === 0 || queries.includes('base:'));
    const matches = all || queries.includes(ALLOCATION_CONTEXT);
    if (choosing) this.#contextOf = matches ? name : undefined;
    if (matches) {
      const id = packed([32, choosing ? ALLOCATION_CONTEXT_ID : 0]);
      await this.#reply(kind, optionReply.META_CONTEXT, id, Buffer.from(ALLOCATION_CONTEXT));
    }
    await this.#reply(kind, optionReply.ACK);
  }

  #agreement(opened: NbdExport): Agreement {
    return {
      opened,
      structuredReplies: this.#structuredReplies,
      allocationContext: this.#structuredReplies && this.#contextOf === opened.name,
    };
  }

  #flagsOf({ readOnly }: NbdExport): number {
    const { HAS_FLAGS, READ_ONLY, FLUSH, FUA, TRIM, WRITE_ZEROES, DF, MULTI_CONN } = exportFlag;
    const access = readOnly ? READ_ONLY : FUA | TRIM | WRITE_ZEROES;
    return HAS_FLAGS | FLUSH | MULTI_CONN | access | (this.#structuredReplies ? DF : 0);
  }

  async #reply(kind: number, type: number, ...parts: readonly Buffer[]): Promise<void> {
    const data = Buffer.concat(parts);
    await this.#connection.send(packed([64, OPTION_REPLY_MAGIC], [32, kind], [32, type], [32, data.length]), data);
  }
}

/** Reads an option's data from front to back; what is missing reads as 0 or empty and makes it incomplete. */
class Fields {
  readonly #data: Buffer;
  #at = 0;
  #missing = false;

  constructor(data: Buffer) {
    this.#data = data;
  }

  /** Nothing was missing. */
  get complete(): boolean {
    return !this.#missing;
  }

  number(bits: 16 | 32): number {
    const bytes = this.#bytes(bits / 8);
    return bytes.length === 0 ? 0 : bytes.readUIntBE(0, bits / 8);
  }

  /** A text behind its length. */
  text(): string {
    return this.#bytes(this.number(32)).toString();
  }

  #bytes(length: number): Buffer {
    if (this.#at + length > this.#data.length) {
      this.#missing = true;
      return Buffer.alloc(0);
    }
    this.#at += length;
    return this.#data.subarray(this.#at - length, this.#at);
  }
}

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const NOTHING: Buffer = Buffer.alloc(0);

/** An NBD client as bytes, written from the protocol's document alone: it shares no number with the server. */
export class NbdClient {
  readonly socket: Socket;
  structured = false;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #news = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    // A connection that is reset ends like any other.
    socket.on('error', () => undefined).on('close', () => this.#news());
  }

  /** Connected, greeted, and the client's flags sent. */
  static async open(port: number, flags = 3): Promise<NbdClient> {
    const client = new NbdClient(connect(port, '127.0.0.1'));
    await once(client.socket, 'connect');
    client.resume();
    const greeting = await client.take(18);
    if (greeting.subarray(0, 16).toString() !== 'NBDMAGICIHAVEOPT') throw new Error('another greeting was expected');
    client.socket.write(u32(flags));
    return client;
  }

  /** Opens an export with everything this client can. */
  static async opened(port: number, name: string, structured = false): Promise<NbdClient> {
    const client = await NbdClient.open(port);
    if (structured) {
      await client.option(8);
      client.structured = true;
      await client.option(10, Buffer.concat([sized(name), u32(1), sized('base:allocation')]));
    }
    const replies = await client.option(7, exportRequest(name));
    if (replies.at(-1)?.type !== 1) throw new Error(`"${name}" was not opened`);
    return client;
  }

  readonly #keep = (bytes: Buffer) => {
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    this.#news();
  };

  pause(): void {
    this.socket.off('data', this.#keep).pause();
  }

  resume(): void {
    this.socket.on('data', this.#keep).resume();
  }

  /** Fails when the server hangs up first. */
  async take(length: number): Promise<Buffer> {
    while (this.#bytes < length) {
      if (this.socket.closed) throw new Error('the server hung up');
      await new Promise<void>((resolve) => {
        this.#news = resolve;
      });
    }
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all.subarray(length)];
    this.#bytes -= length;
    return all.subarray(0, length);
  }

  /** Whether the server ends the connection without another byte. */
  async hungUp(): Promise<boolean> {
    return this.take(1).then(
      () => false,
      () => true,
    );
  }

  /** All replies up to the one that ends the option. */
  async option(kind: number, data: Buffer = NOTHING): Promise<{ type: number; data: Buffer }[]> {
    this.socket.write(Buffer.concat([Buffer.from('IHAVEOPT'), u32(kind), u32(data.length), data]));
    const replies: { type: number; data: Buffer }[] = [];
    for (;;) {
      const header = await this.take(20);
      if (header.readBigUInt64BE() !== 0x3e889045565a9n || header.readUInt32BE(8) !== kind) throw new Error('no reply');
      const type = header.readUInt32BE(12);
      replies.push({ type, data: await this.take(header.readUInt32BE(16)) });
      if (type === 1 || type >= 0x80000000) return replies;
    }
  }

  send(kind: number, offset: number, length: number, { flags = 0, data = NOTHING, cookie = 7n } = {}): void {
    this.socket.write(request(kind, offset, length, flags, cookie, data));
  }

  /** One command and its answer: `data` of a read, the payload of a structured chunk for other commands. */
  async command(
    kind: number,
    offset: number,
    length: number,
    more: { flags?: number; data?: Buffer } = {},
  ): Promise<{ error: number; data: Buffer; message: string }> {
    this.send(kind, offset, length, more);
    return this.structured ? this.#structuredReply(kind) : this.#simpleReply(kind === 0 ? length : 0);
  }

  async #simpleReply(length: number): Promise<{ error: number; data: Buffer; message: string }> {
    const header = await this.take(16);
    expect([header.readUInt32BE(), header.readBigUInt64BE(8)]).toEqual([0x67446698, 7n]);
    const error = header.readUInt32BE(4);
    return { error, data: await this.take(error === 0 ? length : 0), message: '' };
  }

  async #structuredReply(kind: number): Promise<{ error: number; data: Buffer; message: string }> {
    const header = await this.take(20);
    expect([header.readUInt32BE(), header.readUInt16BE(4), header.readBigUInt64BE(8)]).toEqual([0x668e33ef, 1, 7n]);
    const payload = await this.take(header.readUInt32BE(16));
    const type = header.readUInt16BE(6);
    if (type === 0x8001) return { error: payload.readUInt32BE(), data: NOTHING, message: `${payload.subarray(6)}` };
    return { error: 0, data: kind === 0 ? payload.subarray(8) : payload, message: '' };
  }

  read = (offset: number, length: number) => this.command(0, offset, length);
  write = (offset: number, data: Buffer) => this.command(1, offset, data.length, { data });
  flush = () => this.command(3, 0, 0);
  trim = (offset: number, length: number) => this.command(4, offset, length);
  writeZeroes = (offset: number, length: number, flags = 0) => this.command(6, offset, length, { flags });

  /** `[length, flags]` of each extent. */
  async blockStatus(offset: number, length: number, flags = 0): Promise<[number, number][]> {
    const { error, data } = await this.command(7, offset, length, { flags });
    if (error !== 0 || data.readUInt32BE() === 0) throw new Error(`no block status: ${error}`);
    return Array.from({ length: (data.length - 4) / 8 }, (_, index) => [
      data.readUInt32BE(4 + index * 8),
      data.readUInt32BE(8 + index * 8),
    ]);
  }

  close(): void {
    this.socket.destroy();
  }
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export const sized = (text: string): Buffer => Buffer.concat([u32(text.length), Buffer.from(text)]);

/** Data of INFO and GO that asks for name, description and block size. */
export const exportRequest = (name: string): Buffer =>
  Buffer.concat([sized(name), Buffer.from([0, 3, 0, 1, 0, 2, 0, 3])]);

function request(kind: number, offset: number, length: number, flags: number, cookie: bigint, data: Buffer): Buffer {
  const header = Buffer.alloc(28);
  header.writeUInt32BE(0x25609513);
  header.writeUInt16BE(flags, 4);
  header.writeUInt16BE(kind, 6);
  header.writeBigUInt64BE(cookie, 8);
  header.writeBigUInt64BE(BigInt(offset), 16);
  header.writeUInt32BE(length, 24);
  return Buffer.concat([header, data]);
}

import type { Socket } from 'node:net';

/** Unsent answers of one connection above this many bytes hold up its next request, or a slow reader would fill the memory. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024;

/** The client has gone, between two requests or within one. */
export class ConnectionEnded extends Error {}

/** Bytes in and out of one socket. It is read only as far as somebody takes from it. */
export class NbdConnection {
  readonly #socket: Socket;
  readonly #source: AsyncIterator<Buffer>;
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#source = socket[Symbol.asyncIterator]();
  }

  /** Exactly that many bytes. */
  async take(lengthBytes: number): Promise<Buffer> {
    while (this.#bufferedBytes < lengthBytes) await this.#fill();
    const joined = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    if (joined === undefined) return Buffer.alloc(0);
    this.#chunks = [joined.subarray(lengthBytes)];
    this.#bufferedBytes -= lengthBytes;
    return joined.subarray(0, lengthBytes);
  }

  /** Reads that many bytes past everybody, keeping none. */
  async discard(lengthBytes: number): Promise<void> {
    for (let left = lengthBytes; left > 0; ) {
      if (this.#bufferedBytes === 0) await this.#fill();
      const now = Math.min(left, this.#bufferedBytes);
      await this.take(now);
      left -= now;
    }
  }

  /** Resolves when the connection can take more; that is at once while the client keeps up. */
  async send(...parts: readonly Uint8Array[]): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed) throw new ConnectionEnded('the connection is closed');
    socket.cork();
    for (const part of parts) socket.write(part);
    socket.uncork();
    if (socket.writableLength <= MAX_UNSENT_BYTES) return;
    await new Promise<void>((resolve) => {
      const go = () => {
        socket.off('drain', go).off('close', go);
        resolve();
      };
      socket.on('drain', go).on('close', go);
    });
  }

  /** Closes the connection once everything sent has left, whatever the client still says. */
  end(): void {
    this.#socket.destroySoon();
  }

  async #fill(): Promise<void> {
    const next = await this.#source.next().catch(() => undefined);
    if (next === undefined || next.done) throw new ConnectionEnded('the client has gone');
    this.#chunks.push(next.value);
    this.#bufferedBytes += next.value.length;
  }
}

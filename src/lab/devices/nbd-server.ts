import { createServer, type Server, type Socket } from 'node:net';
import type { EventLog } from '../world/events.ts';
import type { DeviceStore } from './device-store.ts';
import { ConnectionEnded, NbdConnection } from './nbd-connection.ts';
import { negotiate } from './nbd-handshake.ts';
import { transmit } from './nbd-transmission.ts';

export interface NbdServerOptions {
  readonly store: DeviceStore;
  readonly events: EventLog;
  /** A path for a unix socket that does not exist yet, or a port on 127.0.0.1; port 0 picks a free one. */
  readonly listen: { readonly socketPath: string } | { readonly port: number };
}

/**
 * The array's front for hosts outside the lab's process: devices, linked targets and snapshots (see `nbd-exports.ts` for
 * their names) as NBD exports, fixed newstyle, without TLS. A write that was answered survives the end of the lab's
 * process, not of its machine, flush or no flush. The connection belongs to the moment it was opened: a device that is
 * expanded keeps its size there, one that is deleted fails.
 */
export class NbdServer {
  readonly #server: Server;
  readonly #options: NbdServerOptions;
  readonly #sockets = new Set<Socket>();

  private constructor(options: NbdServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => {
      this.#serve(socket).catch((error: unknown) => {
        socket.destroy();
        options.events.add('array', 'answer', 'lab defect', 'nbd', { defect: String(error) });
      });
    });
  }

  static async start(options: NbdServerOptions): Promise<NbdServer> {
    const server = new NbdServer(options);
    const { listen } = options;
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject).once('listening', resolve);
      if ('socketPath' in listen) server.#server.listen(listen.socketPath);
      else server.#server.listen(listen.port, '127.0.0.1');
    });
    return server;
  }

  /** Where the export is found, as QEMU and libnbd write it. */
  uri(exportName: string): string {
    const address = this.#server.address();
    if (address === null) throw new Error('the NBD server is closed');
    if (typeof address === 'string')
      return `nbd+unix:///${exportName}?socket=${encodeURIComponent(address).replaceAll('%2F', '/')}`;
    return `nbd://127.0.0.1:${address.port}/${exportName}`;
  }

  /** Ends every connection; requests under way are not answered. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(socket: Socket): Promise<void> {
    const { store, events } = this.#options;
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    // Every read and write reports the end by itself.
    socket.on('error', () => undefined).once('close', () => this.#sockets.delete(socket));
    const connection = new NbdConnection(socket);
    try {
      const agreement = await negotiate(connection, store);
      if (agreement) {
        events.add('array', 'connection', 'nbd', agreement.opened.name);
        await transmit(connection, agreement);
      }
      connection.end();
    } catch (error) {
      if (!(error instanceof ConnectionEnded)) throw error;
      socket.destroy();
    }
  }
}

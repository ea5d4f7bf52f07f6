import { randomBytes, X509Certificate } from 'node:crypto';
import { AgentFault } from '../../guest/guest-agent.ts';
import type { EventLog } from '../../world/events.ts';
import type { FaultRules } from '../../world/faults.ts';
import { type LabAnswer, LabHttpServer, type LabRequest } from '../../world/http-server.ts';
import type { Latency, Pace } from '../../world/pace.ts';

/** An address is good for so long, and once. */
const VALID_MS = 10 * 60_000;

interface Transfer {
  readonly method: 'GET' | 'PUT';
  /** Of what is sent; others are refused. */
  readonly sizeBytes: number | undefined;
  readonly run: (body: Buffer) => Promise<Buffer | undefined>;
}

export interface GuestFileHostOptions {
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly latency: Latency;
  readonly pace: Pace;
  readonly tls: { readonly key: string; readonly cert: string };
}

/** The ESXi host as guest operations use it: files of guests go over it at addresses that are secrets. */
export class GuestFileHost {
  readonly #options: GuestFileHostOptions;
  readonly #http: LabHttpServer;
  readonly #transfers = new Map<string, Transfer>();
  #port = 0;

  constructor(options: GuestFileHostOptions) {
    this.#options = options;
    this.#http = new LabHttpServer({
      system: 'vcenter',
      events: options.events,
      faults: options.faults,
      latency: options.latency,
      tls: options.tls,
      identify: (request) => ({
        operation: `${request.method} /guestFile`,
        object: '',
        run: () => this.#answer(request),
      }),
    });
  }

  async listen(): Promise<void> {
    this.#port = await this.#http.listen();
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  /** SHA-1 of its certificate, as vCenter tells it. */
  get thumbprint(): string {
    return new X509Certificate(this.#options.tls.cert).fingerprint;
  }

  /** The address of one transfer. */
  admit(transfer: Transfer): string {
    const path = `/guestFile?id=${this.#transfers.size + 1}&token=${randomBytes(20).toString('hex')}`;
    this.#transfers.set(path, transfer);
    setTimeout(() => this.#transfers.delete(path), this.#options.pace.scaledMs(VALID_MS)).unref();
    return `https://127.0.0.1:${this.#port}${path}`;
  }

  async #answer({ method, url, body }: LabRequest): Promise<LabAnswer> {
    const transfer = this.#transfers.get(url);
    if (transfer?.method !== method) return { status: 404 };
    this.#transfers.delete(url);
    if (transfer.sizeBytes !== undefined && transfer.sizeBytes !== body.length) return { status: 500 };
    try {
      const content = await transfer.run(body);
      return {
        status: 200,
        headers: { 'Content-Type': 'application/octet-stream' },
        ...(content !== undefined && { body: content }),
      };
    } catch (error) {
      if (error instanceof AgentFault) return { status: 500, body: error.message };
      throw error;
    }
  }
}

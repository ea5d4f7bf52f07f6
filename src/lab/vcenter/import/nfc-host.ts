import { X509Certificate } from 'node:crypto';
import type { EventLog } from '../../world/events.ts';
import type { FaultRules } from '../../world/faults.ts';
import { type LabAnswer, LabHttpServer, type LabRequest } from '../../world/http-server.ts';
import type { Latency } from '../../world/pace.ts';
import { type ImportedDisk, parseStreamVmdk } from './stream-vmdk.ts';

const MAX_DISK_BYTES = 512 * 1024 * 1024;

export interface NfcHostOptions {
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly latency: Latency;
  readonly tls: { readonly key: string; readonly cert: string };
}

/** What a ticket admits: throws what is wrong with the disk. */
type Take = (disk: ImportedDisk) => void;

/** The ESXi host of an import: takes disks at addresses that are secrets, each good for as long as its lease. */
export class NfcHost {
  readonly #options: NfcHostOptions;
  readonly #http: LabHttpServer;
  readonly #tickets = new Map<string, Take>();
  #port = 0;

  constructor(options: NfcHostOptions) {
    this.#options = options;
    this.#http = new LabHttpServer({
      system: 'vcenter',
      events: options.events,
      faults: options.faults,
      latency: options.latency,
      tls: options.tls,
      maxBodyBytes: MAX_DISK_BYTES,
      identify: (request) => ({
        operation: `${request.method} /nfc`,
        object: request.url.replace(/^.*\//, ''),
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

  /** SHA-1 of its certificate, as leases tell it. */
  get thumbprint(): string {
    return new X509Certificate(this.#options.tls.cert).fingerprint;
  }

  admit(path: string, take: Take): string {
    this.#tickets.set(path, take);
    return `https://127.0.0.1:${this.#port}${path}`;
  }

  withdraw(path: string): void {
    this.#tickets.delete(path);
  }

  #answer({ method, url, body }: LabRequest): LabAnswer {
    const take = this.#tickets.get(url);
    if (!take) return { status: 404 };
    if (method !== 'POST' && method !== 'PUT') return { status: 405 };
    try {
      take(parseStreamVmdk(body));
      return { status: 200 };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#options.events.add('vcenter', 'effect', 'refuse-disk', url.replace(/^.*\//, ''), { why });
      return { status: 500, body: why };
    }
  }
}

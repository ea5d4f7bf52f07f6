import { isIPv6 } from 'node:net';
import type { TlsTrust } from '../platform/tls.ts';
import { SnaphookError } from '../ports/errors.ts';
import { child, ref, text, type VimRef } from './decode.ts';
import { retrieveObjects } from './property-collector.ts';
import type { Session } from './session.ts';
import { Transport } from './transport.ts';

const SHA1_DIGITS = 40;
const OPERATION = 'transfer of a guest file';

interface Transfer {
  readonly address: string;
  readonly vm: VimRef;
  readonly method: 'GET' | 'PUT';
  readonly body?: Buffer;
}

/**
 * Files of guests come from, and go to, the ESXi host itself (vSphere API: FileTransferInformation.url), over connections that are kept. vCenter, which
 * has proven itself, says what certificate the host has; where it does not, the host proves itself as vCenter does.
 */
export class GuestFileHosts {
  readonly #vcenter: { readonly host: string; readonly tls: TlsTrust; readonly timeoutMs: number };
  readonly #transports = new Map<string, Transport>();

  constructor(vcenter: { readonly host: string; readonly tls: TlsTrust; readonly timeoutMs: number }) {
    this.#vcenter = vcenter;
  }

  /** What lies at an address. Errors: `E_TLS_UNTRUSTED`, `E_VCENTER_UNREACHABLE`, `E_VCENTER`. */
  read(address: string, vm: VimRef, session: Session, signal: AbortSignal): Promise<Buffer> {
    return this.#exchange({ address, vm, method: 'GET' }, session, signal);
  }

  /** Brings a file to an address. The same errors. */
  async write(address: string, vm: VimRef, content: Buffer, session: Session, signal: AbortSignal): Promise<void> {
    await this.#exchange({ address, vm, method: 'PUT', body: content }, session, signal);
  }

  close(): void {
    for (const transport of this.#transports.values()) transport.close();
    this.#transports.clear();
  }

  /**
   * An address is good once, for ten minutes, and is itself the secret: it stands in no error. A host `*` is the server that was asked.
   */
  async #exchange({ address, vm, method, body }: Transfer, session: Session, signal: AbortSignal): Promise<Buffer> {
    const url = new URL(address.replace('://*', `://${inAddress(this.#vcenter.host)}`));
    const transport = await this.#transportTo(url, vm, session, address.includes('://*'));
    const chunks: Uint8Array[] = [];
    const bytes = {
      write: (chunk: Uint8Array) => {
        chunks.push(chunk);
        return true;
      },
    };
    try {
      const { status } = await transport.send({
        method,
        path: `${url.pathname}${url.search}`,
        operation: OPERATION,
        headers: { 'user-agent': 'snaphook', ...(body && { 'content-type': 'application/octet-stream' }) },
        ...(body && { body }),
        bytes,
        repeatable: false,
        timeoutMs: this.#vcenter.timeoutMs,
        signal,
      });
      if (status !== 200) throw refused(url.hostname, status);
      return Buffer.concat(chunks);
    } catch (error) {
      signal.throwIfAborted();
      throw explained(url.hostname, error);
    }
  }

  async #transportTo({ hostname, port }: URL, vm: VimRef, session: Session, isVcenter: boolean): Promise<Transport> {
    const key = `${hostname}:${port}`;
    const known = this.#transports.get(key);
    if (known) return known;
    const { tls } = this.#vcenter;
    const trust = isVcenter ? tls : ((await trustOfHost(session, vm)) ?? tls);
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const made = new Transport({ host, port: port === '' ? 443 : Number(port), tls: trust });
    const earlier = this.#transports.get(key);
    if (earlier) made.close();
    else this.#transports.set(key, made);
    return earlier ?? made;
  }
}

const inAddress = (host: string): string => (isIPv6(host) ? `[${host}]` : host);

/** By what vCenter tells of the host that the VM runs on (vSphere API: HostConfigSummary.sslThumbprint). */
async function trustOfHost(session: Session, vm: VimRef): Promise<TlsTrust | undefined> {
  for await (const { object, properties } of retrieveObjects(session, {
    propSet: [{ type: 'HostSystem', pathSet: ['summary.config.sslThumbprint'] }],
    objectSet: [{ obj: vm, skip: true, selectSet: [{ type: 'VirtualMachine', path: 'runtime.host' }] }],
    reportMissingObjectsInResults: true,
  })) {
    const digits = (text(properties.get('summary.config.sslThumbprint')) ?? '').replaceAll(':', '');
    if (object.type !== 'HostSystem' || digits === '') continue;
    return digits.length === SHA1_DIGITS ? { fingerprint1: digits } : { fingerprint256: digits };
  }
  return undefined;
}

/** The managers behind the one that the service content names. */
export interface GuestManagers {
  readonly auth: VimRef;
  readonly process: VimRef;
  readonly file: VimRef;
}

/** @throws SnaphookError `E_VCENTER` where there are none: the server is no vCenter of our time, or shows them to nobody. */
export async function readGuestManagers(session: Session): Promise<GuestManagers> {
  const pathSet = ['authManager', 'processManager', 'fileManager'];
  const manager = session.guestOperationsManager;
  if (manager !== undefined) {
    for await (const { properties } of retrieveObjects(session, {
      propSet: [{ type: 'GuestOperationsManager', pathSet }],
      objectSet: [{ obj: manager, skip: false }],
      reportMissingObjectsInResults: true,
    })) {
      const [auth, process, file] = pathSet.map((path) => ref(properties.get(path)));
      if (auth && process && file) return { auth, process, file };
    }
  }
  throw new SnaphookError('E_VCENTER', `"${session.server}" offers no guest operations`, {
    hint: 'Check that the address is that of a vCenter, and that its account may read it.',
  });
}

function explained(host: string, error: unknown): unknown {
  if (!(error instanceof SnaphookError) || error.code === 'E_VCENTER') return error;
  const untrusted = error.code === 'E_TLS_UNTRUSTED';
  const what = untrusted ? 'is not the one that vCenter tells of' : 'did not hand over a file of a guest';
  return new SnaphookError(error.code, `ESXi host "${host}" ${what}`, {
    hint: untrusted
      ? 'Reconnect the host in vCenter if its certificate was renewed; else someone stands in between.'
      : 'Files of guests go between this machine and the ESXi host itself, port 443: see name resolution and firewalls.',
    cause: error,
    retry: error.retry,
  });
}

const refused = (host: string, status: number) =>
  new SnaphookError('E_VCENTER', `ESXi host "${host}" refused a file of a guest with HTTP status ${status}`, {
    hint: 'An address of a guest file is good once and for ten minutes; see the events of the host.',
  });

/** Of FileTransferInformation: size and address. */
export const transferOf = (answer: unknown): { readonly sizeBytes: string; readonly url: string } => ({
  sizeBytes: text(child(answer, 'size')) ?? '',
  url: text(child(answer, 'url')) ?? '',
});

import https from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ConnectFailure, type TlsTrust, VerifyingAgent } from '../platform/tls.ts';
import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';

/** Where a lease takes a disk (vSphere API: HttpNfcLeaseDeviceUrl). */
export interface DeviceUrl {
  /** Such as `/vm-117/ParaVirtualSCSIController0:1`. */
  readonly key: string;
  /** The host may be `*`: the server that was asked. */
  readonly url: string;
  /** SHA-1, newer releases maybe SHA-256, of the certificate of the ESXi host; empty where the lease tells none. */
  readonly thumbprint: string;
}

const SHA1_DIGITS = 40;
/** A host that takes no byte, or does not answer to the last one, for so long will not any more. */
const STALL_MS = 5 * 60_000;

/** The host proves itself by what vCenter, which has proven itself, says of its certificate; else as vCenter does. */
function trustOf({ thumbprint }: DeviceUrl, vcenter: TlsTrust): TlsTrust {
  const digits = thumbprint.replaceAll(':', '');
  if (digits === '') return vcenter;
  return digits.length === SHA1_DIGITS ? { fingerprint1: digits } : { fingerprint256: digits };
}

/**
 * Sends a disk: a POST without a length that is known before. No cookie goes with it: the address itself is the secret. It is never
 * sent twice. Errors: `E_TLS_UNTRUSTED`, `E_VCENTER`, `E_VCENTER_UNREACHABLE` (also when the host stands still for 5 minutes), and what the
 * stream throws.
 */
export async function uploadDisk(
  target: DeviceUrl,
  { server, tls, clock }: { readonly server: string; readonly tls: TlsTrust; readonly clock: Clock },
  stream: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const url = new URL(target.url.replace('://*', `://${server}`));
  const agent = new VerifyingAgent(trustOf(target, tls));
  const source = sourceOf(stream, clock);
  const ended = new AbortController();
  try {
    const request = https.request(url, {
      agent,
      method: 'POST',
      headers: { 'content-type': 'application/x-vnd.vmware-streamVmdk', 'user-agent': 'snaphook' },
      signal,
    });
    const answered = new Promise<number>((resolve, reject) => {
      request.on('error', reject);
      request.on('response', (response) => {
        response.resume();
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          resolve(status);
          // It may read no further, and leave the connection open.
          if (!isTaken(status)) request.destroy();
        });
        response.on('error', reject);
      });
    });
    // A host that refuses answers before everything is sent, and may close the connection then.
    const sent = pipeline(Readable.from(source.bytes, { objectMode: false }), request);
    let stall: SnaphookError | undefined;
    whenStalled(source, clock, ended.signal).then(
      () => {
        stall = stalled(url.hostname);
        request.destroy(stall);
      },
      () => undefined,
    );
    const [answer, sending] = await Promise.allSettled([answered, sent]);
    if (source.failed) throw source.failed.error;
    signal.throwIfAborted();
    if (stall) throw stall;
    if (answer.status === 'rejected') throw explain(url.hostname, answer.reason);
    if (!isTaken(answer.value)) throw refused(url.hostname, answer.value);
    if (sending.status === 'rejected') throw explain(url.hostname, sending.reason);
  } finally {
    ended.abort();
    agent.destroy();
  }
}

const isTaken = (status: number): boolean => status >= 200 && status <= 299;

/** Resolves when the host has let the same part, or the end, wait for too long. */
async function whenStalled(source: Source, clock: Clock, ended: AbortSignal): Promise<void> {
  for (;;) {
    const nowMs = clock.monotonicMs();
    const leftMs = (source.waitingSinceMs ?? nowMs) + STALL_MS - nowMs;
    if (leftMs <= 0) return;
    await clock.sleep(leftMs, ended);
  }
}

interface Source {
  failed: { readonly error: unknown } | undefined;
  /** Since when a part, or the end, waits for the host; undefined while the next part is made. */
  waitingSinceMs: number | undefined;
}

/** Remembers what the stream itself threw: the request only tells that it was cut off. */
function sourceOf(stream: AsyncIterable<Uint8Array>, clock: Clock) {
  const source: Source = { failed: undefined, waitingSinceMs: clock.monotonicMs() };
  async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    let isWithHost = false;
    try {
      source.waitingSinceMs = undefined;
      for await (const part of stream) {
        isWithHost = true;
        source.waitingSinceMs = clock.monotonicMs();
        yield part;
        source.waitingSinceMs = undefined;
        isWithHost = false;
      }
      source.waitingSinceMs = clock.monotonicMs();
    } catch (error) {
      // What is thrown in here while a part is taken comes from whoever takes it.
      if (!isWithHost) source.failed = { error };
      throw error;
    }
  }
  return Object.assign(source, { bytes: bytes() });
}

function explain(host: string, failure: unknown): SnaphookError {
  if (failure instanceof ConnectFailure && failure.untrusted) {
    const shown = `it shows the certificate with SHA-256 "${failure.untrusted.fingerprint256}"`;
    return new SnaphookError(
      'E_TLS_UNTRUSTED',
      `the identity of ESXi host "${host}" is not proven (${failure.message}); ${shown}`,
      {
        hint: 'It is not the certificate that vCenter tells of this host. Reconnect the host in vCenter if its certificate was renewed; else someone stands in between.',
      },
    );
  }
  const code = typeof failure === 'object' && failure !== null && 'code' in failure ? String(failure.code) : 'cut off';
  return new SnaphookError('E_VCENTER_UNREACHABLE', `ESXi host "${host}" did not take a disk (${code})`, {
    hint: 'This machine sends disks to the ESXi host itself, port 443: see firewalls, and the events of the host.',
  });
}

const stalled = (host: string) =>
  new SnaphookError('E_VCENTER_UNREACHABLE', `ESXi host "${host}" has taken nothing of a disk for ${STALL_MS} ms`, {
    hint: 'See the events of the host and of the datastore, and the network between it and this machine.',
  });

const refused = (host: string, status: number) =>
  new SnaphookError('E_VCENTER', `ESXi host "${host}" refused a disk with HTTP status ${status}`, {
    hint: 'See the events of the host and of the datastore in vCenter: it may be full.',
  });

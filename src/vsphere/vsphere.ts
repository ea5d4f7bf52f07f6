import type { TlsTrust } from '../platform/tls.ts';
import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';
import { type Hypervisor, type HypervisorFacts, OF_MANY, type UnreadableVm } from '../ports/hypervisor.ts';
import { readNeighbours } from './datastore-neighbours.ts';
import { child, text } from './decode.ts';
import { terminateSession } from './encode.ts';
import { isNotFound } from './faults.ts';
import { matchVms } from './inventory.ts';
import { type Session, Sessions } from './session.ts';
import { Tags } from './tags.ts';
import { Transport } from './transport.ts';
import { readConfigurations } from './vm-configurations.ts';
import { readVms } from './vm-records.ts';

export interface VsphereOptions {
  /** Address of vCenter: `https://vcenter.example.com`, with or without `/sdk`. */
  readonly url: string;
  readonly username: string;
  /** Asked for at each login, so that a changed secret is picked up. */
  readonly password: () => Promise<string>;
  readonly tls: TlsTrust;
  readonly clock: Clock;
  /** Shows up in the logs of vCenter with every call. */
  readonly operationId?: string;
  /** Time one call may take from sending to the last byte of the answer. Default: 60 s. */
  readonly requestTimeoutMs?: number;
  /** Objects a page of bulk reads. Default: 500. */
  readonly pageSize?: number;
}

/**
 * vCenter over its SOAP API, vim25 of vSphere 7.0 and later. Logs in on first use. Does not connect before that; throws
 * `E_CONFIG` for an address that is none.
 */
export function createVsphere(options: VsphereOptions): Hypervisor {
  const { username, password } = options;
  const transport = openTransport(options);
  const sessions = openSessions(options, transport);
  return {
    facts: (signal) => sessions.run(signal, async (session) => facts(session)),
    async findVms(selectors, signal, excluding = [], leaveOut?: (vm: UnreadableVm) => void) {
      const { found, unreadable } = await sessions.run(signal, async (session) => {
        const tags = new Tags({ transport, username, password, requestTimeoutMs: timeoutMs(options), signal });
        const matches = await matchVms(session, tags, [...selectors, ...excluding]);
        const excluded = new Set(matches.slice(selectors.length).flat());
        const wanted = matches.slice(0, selectors.length).map((ids) => ids.filter((id) => !excluded.has(id)));
        const { records, unreadable } = await readVms(session, [...new Set(wanted.flat())]);
        const toRecords = (ids: readonly string[]) => ids.flatMap((id) => records.get(id) ?? []);
        return {
          found: wanted.map(toRecords),
          unreadable: [...unreadable].map(([id, vm]) => ({ ...vm, selectors: positionsOf(id, wanted) })),
        };
      });
      for (const vm of unreadable) {
        const isOneOfMany = vm.selectors.every((index) => OF_MANY.includes(selectors[index]?.by ?? 'name'));
        if (leaveOut === undefined || !isOneOfMany) throw vm.error;
        leaveOut(vm);
      }
      return found;
    },
    vmsOnDatastores: (datastores, signal) => sessions.run(signal, (session) => readNeighbours(session, datastores)),
    readConfigurations: (vms, signal) => sessions.run(signal, (session) => readConfigurations(session, vms)),
    sessionKey: (signal) => sessions.run(signal, async ({ key }) => key),
    endSession: (key, signal) => sessions.run(signal, (session) => endSession(session, key)),
    close: () => sessions.close(),
  };
}

const positionsOf = (id: string, matches: readonly (readonly string[])[]): readonly number[] =>
  matches.flatMap((ids, index) => (ids.includes(id) ? [index] : []));

export function openSessions(options: VsphereOptions, transport: Transport = openTransport(options)): Sessions {
  return new Sessions({
    transport,
    path: parseAddress(options.url).path,
    username: options.username,
    password: options.password,
    clock: options.clock,
    operationId: options.operationId,
    requestTimeoutMs: timeoutMs(options),
    pageSize: options.pageSize ?? 500,
  });
}

function openTransport({ url, tls }: VsphereOptions): Transport {
  const { host, port } = parseAddress(url);
  return new Transport({ host, port, tls });
}

const timeoutMs = ({ requestTimeoutMs }: VsphereOptions): number => requestTimeoutMs ?? 60_000;

/** Success when there is none of that key. */
export async function endSession(session: Session, key: string): Promise<void> {
  try {
    await session.call('TerminateSession', terminateSession(session.sessionManager, [key]));
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

function facts(session: Session): HypervisorFacts {
  const field = (name: string): string => text(child(session.about, name)) ?? '';
  const instanceUuid = field('instanceUuid');
  if (field('apiType') !== 'VirtualCenter' || instanceUuid === '') {
    throw new SnaphookError('E_VCENTER', `"${session.server}" is a ${field('name') || 'server'}, not a vCenter`, {
      hint: 'Give the address of the vCenter that manages this host.',
    });
  }
  return { product: field('name'), version: field('version'), apiVersion: field('apiVersion'), instanceUuid };
}

export function parseAddress(address: string): { host: string; port: number; path: string } {
  const trimmed = address.trim();
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (url === undefined || url.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    throw new SnaphookError('E_CONFIG', 'the address of vCenter is not an https address without a user name', {
      hint: 'Write it as "https://vcenter.example.com".',
    });
  }
  const path = url.pathname.replace(/\/+$/, '');
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 443 : Number(url.port),
    path: path === '' ? '/sdk' : path,
  };
}

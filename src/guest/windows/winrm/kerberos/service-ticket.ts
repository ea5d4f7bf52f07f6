import { readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import path from 'node:path';
import { isSupportedKey } from './aes-encryption.ts';
import { type Credential, readCredentialCache } from './credential-cache.ts';
import { KeytabLogins, LEAST_LIFE_MS } from './keytab-logins.ts';
import { formatPrincipal } from './principal.ts';
import { inPrivateFolder } from './private-folder.ts';
import { type KerberosAccount, login, runProgram, SERVICE_ADVICE } from './programs.ts';

export interface TicketRequest extends KerberosAccount {
  /** Host of the guest's service; a name, as domains know no addresses. */
  readonly host: string;
  /** Name of the service in the domain; default `HTTP/` and the host. With `@REALM` when it is not for the domain to find. */
  readonly service?: string | undefined;
  /** Keytab file of the principal: tickets are fetched with it. Absent: the account's tickets in `cache` are used. */
  readonly keytab?: string | undefined;
  /** Credential cache as KRB5CCNAME names it; absent: the one of this account (KRB5CCNAME, krb5.conf). */
  readonly cache?: string | undefined;
}

/**
 * The ticket for the guest's service: from the account's own cache file when it is there already, else fetched by the
 * system's Kerberos. What is fetched lies for that moment in a folder that nobody else can read. `keytabs`: what was logged in by
 * keytab before; absent: nothing.
 * @throws WinRmError `login` or `no-domain-controller`, with what Kerberos said; the signal's reason when aborted.
 */
export async function findServiceTicket(
  request: TicketRequest,
  now: Date,
  signal?: AbortSignal,
  keytabs = new KeytabLogins(),
): Promise<Credential> {
  const { principal, keytab } = request;
  const service = serviceOf(request);
  if (keytab === undefined) {
    const ready = usable(await ownTickets(request), service, principal, now);
    if (ready) return ready;
  }
  const granted = keytab === undefined ? undefined : await keytabs.login({ ...request, keytab }, now, signal);
  return await inPrivateFolder(now, async (folder) => {
    const cache = path.join(folder, 'cache');
    if (granted) await writeFile(cache, granted, { mode: 0o600 });
    await fetchTicket(request, service, `FILE:${cache}`, signal);
    const tickets = readCredentialCache(await readFile(cache)) ?? [];
    const ticket = usable(tickets, service, principal, now) ?? anyOf(tickets, service);
    if (!ticket) throw login(`Kerberos gave no ticket for "${service}"`, SERVICE_ADVICE);
    requireOwner(ticket, principal);
    return ticket;
  });
}

function serviceOf({ host, service }: TicketRequest): string {
  if (service !== undefined) return service;
  if (isIP(host) === 0) return `HTTP/${host.toLowerCase()}`;
  throw login(
    `Kerberos knows names only, and "${host}" is an address`,
    'Give the host name as the address of the guest, or `service` in the Kerberos settings.',
  );
}

/** Undefined files are no error here: the system's Kerberos says what it misses. */
async function ownTickets({ cache }: TicketRequest): Promise<readonly Credential[]> {
  const named = cache ?? process.env.KRB5CCNAME ?? '';
  const file = named.startsWith('FILE:') ? named.slice('FILE:'.length) : named;
  if (!path.isAbsolute(file)) return [];
  return (await readFile(file).then(readCredentialCache, () => undefined)) ?? [];
}

function usable(tickets: readonly Credential[], service: string, principal: string, now: Date): Credential | undefined {
  return tickets.find(
    (ticket) =>
      isFor(ticket, service) &&
      formatPrincipal(ticket.client) === principal &&
      isSupportedKey(ticket.sessionKey) &&
      ticket.endsAt.getTime() - now.getTime() > LEAST_LIFE_MS,
  );
}

/** One that has a flaw, so that the login names it. */
const anyOf = (tickets: readonly Credential[], service: string): Credential | undefined =>
  tickets.find((ticket) => isFor(ticket, service));

/** Hosts are spelled in any case; the realm counts only where the service names one. */
function isFor({ service }: Credential, wanted: string): boolean {
  const [name = '', realm] = wanted.split('@');
  const same = service.components.join('/').toLowerCase() === name.toLowerCase();
  return same && (realm === undefined || service.realm === realm);
}

function requireOwner({ client }: Credential, principal: string): void {
  const owner = formatPrincipal(client);
  if (owner === principal) return;
  throw login(
    `the tickets are those of "${owner}", not of "${principal}"`,
    'Names and realms count letter by letter. Run kinit for this principal, name its cache, or correct the user name.',
  );
}

/** Into the cache that the keytab's tickets lie in, or out of the account's own into that one. */
async function fetchTicket(
  request: TicketRequest,
  service: string,
  target: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { keytab, cache } = request;
  // Without a realm the domain is asked where the service is; a name alone would mean the realm of this machine.
  const asked = service.includes('@') ? service : `${service}@`;
  if (keytab === undefined) {
    const from = cache === undefined ? [] : ['-c', cache];
    await runProgram(request, 'kvno', [...from, '-q', '--out-cache', target, '--', asked], signal);
    return;
  }
  await runProgram(request, 'kvno', ['-c', target, '-q', '--', asked], signal);
}

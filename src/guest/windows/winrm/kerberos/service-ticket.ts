import { execFile } from 'node:child_process';
import { lstat, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { WinRmError } from '../winrm-error.ts';
import { isSupportedKey } from './aes-encryption.ts';
import { type Credential, readCredentialCache } from './credential-cache.ts';
import { formatPrincipal } from './principal.ts';

export interface TicketRequest {
  /** `user@REALM`, whose ticket it must be. */
  readonly principal: string;
  /** Host of the guest's service; a name, as domains know no addresses. */
  readonly host: string;
  /** Name of the service in the domain; default `HTTP/` and the host. With `@REALM` when it is not for the domain to find. */
  readonly service?: string | undefined;
  /** Keytab file of the principal: a ticket is fetched with it. Absent: the account's tickets in `cache` are used. */
  readonly keytab?: string | undefined;
  /** Credential cache as KRB5CCNAME names it; absent: the one of this account (KRB5CCNAME, krb5.conf). */
  readonly cache?: string | undefined;
  /** Folder of MIT's `kinit` and `kvno`; absent: where systems have them. */
  readonly programs?: string | undefined;
}

const PROGRAM_FOLDERS = ['/usr/bin', '/usr/local/bin', '/usr/lib/mit/bin', '/opt/homebrew/opt/krb5/bin'];
const PROGRAM_TIMEOUT_MS = 30_000;
/** A ticket that ends sooner is not worth starting with: a session lasts minutes. */
const LEAST_LIFE_MS = 600_000;
const READABLE_BY_OTHERS = 0o077;

/**
 * The ticket for the guest's service: from the account's own cache file when it is there already, else fetched by the
 * system's Kerberos. What is fetched lies for that moment in a folder that nobody else can read.
 * @throws WinRmError `login`, with what Kerberos said; the signal's reason when aborted.
 */
export async function findServiceTicket(request: TicketRequest, now: Date, signal?: AbortSignal): Promise<Credential> {
  const service = serviceOf(request);
  if (request.keytab === undefined) {
    const ready = usable(await ownTickets(request), service, request.principal, now);
    if (ready) return ready;
  } else await requireProtected(request.keytab);
  await removeLeftFolders(now);
  const folder = await mkdtemp(path.join(tmpdir(), FOLDER_PREFIX));
  try {
    await fetchTicket(request, service, `FILE:${folder}/cache`, signal);
    const tickets = readCredentialCache(await readFile(path.join(folder, 'cache')));
    const ticket = usable(tickets ?? [], service, request.principal, now) ?? anyOf(tickets ?? [], service);
    if (!ticket) throw login(`Kerberos gave no ticket for "${service}"`, SERVICE_ADVICE);
    requireOwner(ticket, request.principal);
    return ticket;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const FOLDER_PREFIX = 'snaphook-krb-';
/** Longer than both programs may take. */
const LEFT_AFTER_MS = 600_000;

/** Whoever was killed while a ticket was fetched has left its folder. */
async function removeLeftFolders(now: Date): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(FOLDER_PREFIX)) continue;
    const folder = path.join(tmpdir(), name);
    const found = await lstat(folder).catch(() => undefined);
    if (!found?.isDirectory() || found.uid !== process.getuid?.()) continue;
    if (now.getTime() - found.mtimeMs > LEFT_AFTER_MS) await rm(folder, { recursive: true, force: true });
  }
}

const SERVICE_ADVICE =
  'Check that the domain knows the guest under this name (setspn -Q HTTP/host), or give `service` in the Kerberos settings.';

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

async function requireProtected(keytab: string): Promise<void> {
  const mode = await stat(keytab).then(
    (found) => found.mode,
    () => {
      throw login(`keytab "${keytab}" cannot be read`, 'Check its path and its rights.');
    },
  );
  if ((mode & READABLE_BY_OTHERS) !== 0) {
    throw login(`keytab "${keytab}" can be read by others`, `Run: chmod 600 '${keytab}'`);
  }
}

async function fetchTicket(
  request: TicketRequest,
  service: string,
  target: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { principal, keytab, cache } = request;
  // Without a realm the domain is asked where the service is; a name alone would mean the realm of this machine.
  const asked = service.includes('@') ? service : `${service}@`;
  if (keytab === undefined) {
    const from = cache === undefined ? [] : ['-c', cache];
    await run(request, 'kvno', [...from, '-q', '--out-cache', target, '--', asked], signal);
    return;
  }
  await run(request, 'kinit', ['-k', '-t', keytab, '-c', target, '--', principal], signal);
  await run(request, 'kvno', ['-c', target, '-q', '--', asked], signal);
}

async function run(
  request: TicketRequest,
  name: 'kinit' | 'kvno',
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const program = await programPath(request, name);
  const said = await new Promise<string | undefined>((resolve) => {
    const options = { env: { ...process.env, LC_ALL: 'C' }, timeout: PROGRAM_TIMEOUT_MS, signal };
    execFile(program, args, options, (error, _stdout, stderr) => {
      resolve(error ? stderr.trim() || `${name} did not end well` : undefined);
    }).stdin?.end();
  });
  signal?.throwIfAborted();
  if (said === undefined) return;
  const words = said.replace(/[^ -~]+/g, ' ').slice(0, 300);
  throw login(`no ticket for "${request.principal}": ${words}`, FETCH_ADVICE[name]);
}

const FETCH_ADVICE = {
  kinit:
    'Check the principal, its keytab (klist -k) and that a domain controller is reachable with clocks within 5 minutes.',
  kvno: `Check with: klist, and kvno HTTP/host. Run kinit, or give a keytab. ${SERVICE_ADVICE}`,
} as const;

async function programPath({ programs }: TicketRequest, name: string): Promise<string> {
  if (process.platform === 'win32') {
    throw login(
      'Kerberos needs the programs of MIT Kerberos, which Windows does not have',
      'Use authentication ntlm or certificate from a Windows proxy.',
    );
  }
  for (const folder of programs === undefined ? PROGRAM_FOLDERS : [programs]) {
    const program = path.join(folder, name);
    if (await stat(program).catch(() => undefined)) return program;
  }
  throw login(
    `Kerberos needs the program "${name}", which is not here`,
    'Install krb5-user (Debian, Ubuntu) or krb5-workstation (Red Hat), or give their folder as `programs`.',
  );
}

const login = (reason: string, advice: string): WinRmError => new WinRmError({ kind: 'login', reason, advice });

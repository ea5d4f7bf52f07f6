import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { requestLogin } from '../../../src/guest/windows/winrm/kerberos/ap-exchange.ts';
import type { Credential } from '../../../src/guest/windows/winrm/kerberos/credential-cache.ts';
import { KeytabLogins } from '../../../src/guest/windows/winrm/kerberos/keytab-logins.ts';
import { findServiceTicket, type TicketRequest } from '../../../src/guest/windows/winrm/kerberos/service-ticket.ts';
import { negotiationOf } from '../../../src/guest/windows/winrm/kerberos/spnego.ts';
import { createAuthority, issueCertificate } from '../../../src/lab/world/certificates.ts';
import { type LoginWorld, SERVICE, startLoginWorld } from '../../lab/windows-guest/login-world.ts';
import { HttpConnection } from '../../lab/windows-guest/winrm-client.ts';
import { connectTo, conversation, endGssPeers, type GssPeer, SPOKEN, startGssPeer } from '../gss-peer.ts';
import { runPeerScript } from '../peer-script.ts';
import { type Domain, REALM, startDomain } from './domain.ts';
import { run } from './run.ts';

const PRINCIPAL = `backup@${REALM}`;
let domain: Domain;
let serviceKeytab: string;
let keytab: string;

beforeAll(async () => {
  domain = await startDomain();
  serviceKeytab = domain.addPrincipal('HTTP/localhost');
  keytab = domain.addPrincipal('backup');
  process.env.KRB5_CONFIG = domain.environment.KRB5_CONFIG;
}, 60_000);

afterAll(() => {
  endGssPeers();
  domain.close();
});

const startPeer = (...certificateAndKey: readonly string[]): Promise<GssPeer> =>
  startGssPeer(__dirname, { ...domain.environment, KRB5_KTNAME: serviceKeytab }, certificateAndKey);
const ticket = (changes: Partial<TicketRequest> = {}): Promise<Credential> =>
  findServiceTicket({ principal: PRINCIPAL, host: 'localhost', keytab, ...changes }, new Date());
const connect = async (peer: GssPeer, found?: Credential) =>
  connectTo(peer, { authentication: 'kerberos', ticket: found ?? (await ticket()) }, 'localhost');
const privateFolders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('snaphook-krb-'));

test('a ticket by keytab logs in, and messages sealed over HTTP agree with MIT Kerberos; nothing of it is left', async () => {
  const peer = await startPeer();
  const before = privateFolders();

  expect(await conversation(await connect(peer))).toBe(SPOKEN);
  expect(privateFolders()).toEqual(before);
});

test('one ticket serves several connections, each with a login of its own', async () => {
  const peer = await startPeer();
  const found = await ticket();

  for (let round = 0; round < 3; round += 1) expect(await conversation(await connect(peer, found))).toBe(SPOKEN);
});

test('an account with a keytab is logged in once for several guests, whose tickets MIT Kerberos takes', async () => {
  const calls = path.join(domain.folder, 'kinit-calls');
  const bin = path.join(domain.folder, 'bin');
  mkdirSync(bin);
  for (const name of ['kinit', 'kvno'])
    writeFileSync(path.join(bin, name), `#!/bin/sh\necho ${name} >>${calls}\nexec /usr/bin/${name} "$@"\n`, {
      mode: 0o755,
    });
  domain.addPrincipal('HTTP/other.lab');
  const keytabs = new KeytabLogins();
  const request = { principal: PRINCIPAL, keytab, programs: bin };

  const [found] = await Promise.all(
    ['localhost', 'other.lab'].map((host) => findServiceTicket({ ...request, host }, new Date(), undefined, keytabs)),
  );

  expect(
    readFileSync(calls, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .sort(),
  ).toEqual(['kinit', 'kvno', 'kvno']);
  expect(await conversation(await connect(await startPeer(), found))).toBe(SPOKEN);
});

test('what MIT Kerberos refuses is a refused login; where no domain controller answers, or none is known, nobody has refused', async () => {
  const old = domain.addPrincipal('stale');
  domain.changeKey('stale');
  const kindOf = (changes: Partial<TicketRequest>) =>
    ticket(changes).then(
      () => 'granted',
      (thrown) => thrown.problem.kind,
    );
  const elsewhere = (name: string, kdc: string) => {
    const file = path.join(domain.folder, name);
    const lines = ['[libdefaults]', 'dns_lookup_kdc = false', '[realms]', `${REALM} = {`, kdc, '}', ''];
    writeFileSync(file, lines.join('\n'));
    process.env.KRB5_CONFIG = file;
  };

  expect(await kindOf({ principal: `stale@${REALM}`, keytab: old })).toBe('login');
  expect(await kindOf({ principal: `nobody@${REALM}`, keytab: old })).toBe('login');
  try {
    // Port 9 of loopback: nobody listens.
    elsewhere('closed.conf', 'kdc = 127.0.0.1:9');
    expect(await kindOf({})).toBe('no-domain-controller');
    elsewhere('unknown.conf', '');
    expect(await kindOf({})).toBe('no-domain-controller');
  } finally {
    process.env.KRB5_CONFIG = domain.environment.KRB5_CONFIG;
  }
  expect(await kindOf({})).toBe('granted');
});

test('over TLS the channel bindings agree with MIT Kerberos, which refuses other ones', async () => {
  const authority = await createAuthority();
  const { cert, key } = await issueCertificate(authority, 'guest.lab');
  const files = ['cert.pem', 'key.pem'].map((name) => path.join(domain.folder, name));
  writeFileSync(files[0] ?? '', cert);
  writeFileSync(files[1] ?? '', key);
  const peer = await startPeer(...files);

  expect(await conversation(await connect(peer))).toBe(SPOKEN);
  const { token } = requestLogin(await ticket(), Buffer.alloc(16, 1), new Date());
  const connection = new HttpConnection(`https://localhost:${peer.port}/wsman`, authority.certificate);
  const answer = await connection.post({ Authorization: `Negotiate ${negotiationOf(token).toString('base64')}` });
  connection.destroy();
  expect(answer.status).toBe(401);
});

describe('the guest of the lab and MIT Kerberos as its client', () => {
  let world: LoginWorld;
  beforeAll(async () => {
    world = await startLoginWorld();
  });
  afterAll(() => world.close());

  test.each(['http', 'https'] as const)('agree over %s', async (scheme) => {
    const configuration = `[libdefaults]\ndefault_realm = ${REALM}\ndns_canonicalize_hostname = false\n`;
    const environment = {
      KRB5_CONFIG: world.file('krb5.conf', Buffer.from(`${configuration}[domain_realm]\nlocalhost = ${REALM}\n`)),
      KRB5CCNAME: world.file('cache', world.domain.credentialCache({ client: 'backup', service: SERVICE })),
    };
    const port = scheme === 'https' ? world.guest.httpsPort : world.guest.httpPort;
    const ca = world.file('ca.pem', Buffer.from(world.authority.certificate));
    const args = ['--url', `${scheme}://localhost:${port}/wsman`, ...(scheme === 'https' ? ['--ca', ca] : [])];

    expect(await runPeerScript(path.join(__dirname, 'client.py'), args, environment)).toBe(0);
  });
});

test('the tickets that kinit left in a cache are used, and the cache stays as it was', async () => {
  const cache = path.join(domain.folder, 'own-cache');
  const env = { ...process.env, ...domain.environment };
  run('/usr/bin/kinit', ['-k', '-t', keytab, '-c', cache, PRINCIPAL], env);
  const before = readFileSync(cache);

  const found = await ticket({ keytab: undefined, cache });

  expect(found.service.components).toEqual(['HTTP', 'localhost']);
  expect(readFileSync(cache).equals(before)).toBe(true);
  expect(await conversation(await connect(await startPeer(), found))).toBe(SPOKEN);
});

test.each<[string, Partial<TicketRequest>, RegExp]>([
  ['a principal that the domain does not know', { principal: `stranger@${REALM}` }, /stranger@LAB.EXAMPLE/],
  ['a service that the domain does not know', { host: 'unknown.lab' }, /not found in Kerberos database/i],
  ['a cache that is not there', { keytab: undefined, cache: '/nowhere/cache' }, /nowhere/],
  ['a keytab that is none', { keytab: __filename }, /keytab/],
])('%s is told in the words of Kerberos', async (_what, changes, reason) => {
  await expect(ticket(changes)).rejects.toMatchObject({
    problem: { kind: 'login', reason: expect.stringMatching(reason), advice: expect.any(String) },
  });
});

import { chmodSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { requestLogin } from '../../../src/guest/windows/winrm/kerberos/ap-exchange.ts';
import { readCredentialCache } from '../../../src/guest/windows/winrm/kerberos/credential-cache.ts';
import { KeytabLogins } from '../../../src/guest/windows/winrm/kerberos/keytab-logins.ts';
import { findServiceTicket } from '../../../src/guest/windows/winrm/kerberos/service-ticket.ts';
import { negotiationOf } from '../../../src/guest/windows/winrm/kerberos/spnego.ts';
import { type LoginWorld, SERVICE, startLoginWorld, whoami } from './login-world.ts';
import { HttpConnection } from './winrm-client.ts';

type TicketOptions = Parameters<LoginWorld['domain']['credentialCache']>[0];

let world: LoginWorld;
beforeAll(async () => {
  world = await startLoginWorld();
});
afterAll(() => world.close());
afterEach(() => {
  world.guestClockOffsetMs = 0;
});

let caches = 0;
const cacheFile = (changes: Partial<TicketOptions> = {}) => {
  caches += 1;
  return world.file(
    `cache-${caches}`,
    world.domain.credentialCache({ client: 'backup', service: SERVICE, ...changes }),
  );
};
const ticketFrom = (cache: string, changes: Partial<Parameters<typeof findServiceTicket>[0]> = {}) => {
  const request = { principal: 'backup@LAB.EXAMPLE', host: 'localhost', cache, programs: '/nowhere', ...changes };
  return findServiceTicket(request, new Date());
};
/** As the cache has it, unfit or not. */
const rawTicket = (changes: Partial<TicketOptions>) => {
  const [ticket] =
    readCredentialCache(world.domain.credentialCache({ client: 'backup', service: SERVICE, ...changes })) ?? [];
  if (!ticket) throw new Error('no ticket in the cache');
  return ticket;
};
const connectWith = (changes: Partial<TicketOptions>, scheme: 'https' | 'http' = 'http') =>
  world.connect(scheme, { authentication: 'kerberos', ticket: rawTicket(changes) });

test.each(['http', 'https'] as const)(
  'a ticket of the own cache logs in over %s, sealed or bound to the channel, on one connection after the other',
  async (scheme) => {
    const ticket = await ticketFrom(cacheFile());

    for (let round = 0; round < 3; round += 1) {
      const connection = await world.connect(scheme, { authentication: 'kerberos', ticket });
      expect(await whoami(connection)).toBe('lab\\backup');
    }
    expect(world.guest.shellCount()).toBe(0);
  },
);

test('a session key of 128 bits does as well', async () => {
  expect(await whoami(await connectWith({ etype: 17 }))).toBe('lab\\backup');
});

const MINUTE_MS = 60_000;

test.each<[string, Partial<TicketOptions>, RegExp, RegExp]>([
  ['for another service', { service: 'HTTP/other' }, /not for the guest.*error 35/, /setspn/],
  [
    'that expired',
    { startsAt: new Date(Date.now() - 600 * MINUTE_MS), endsAt: new Date(Date.now() - MINUTE_MS) },
    /expired at/,
    /kinit/,
  ],
  ['of tomorrow', { startsAt: new Date(Date.now() + 1440 * MINUTE_MS) }, /not valid before/, /clocks/i],
])('a ticket %s is refused with its reason and what to do', async (_what, changes, reason, advice) => {
  await expect(connectWith(changes)).rejects.toMatchObject({
    problem: { kind: 'login', reason: expect.stringMatching(reason), advice: expect.stringMatching(advice) },
  });
});

test('an account that the guest does not know is refused', async () => {
  await expect(connectWith({ client: 'stranger' })).rejects.toMatchObject({
    problem: { kind: 'login', reason: 'the ticket was refused' },
  });
  expect(world.refusals().at(-1)).toBe('no account "LAB\\stranger"');
});

test.each([6, -6])('clocks that differ by %i minutes are named as the reason', async (minutes) => {
  world.guestClockOffsetMs = minutes * MINUTE_MS;

  await expect(connectWith({ startsAt: new Date(Date.now() - 60 * MINUTE_MS) })).rejects.toMatchObject({
    problem: { kind: 'login', reason: expect.stringContaining('error 37'), advice: expect.stringMatching(/clocks/) },
  });
});

test('the guest refuses the same token twice, and one without the channel of TLS', async () => {
  const post = async (url: string, token: Buffer) => {
    const connection = new HttpConnection(url, world.authority.certificate);
    const answer = await connection.post({ Authorization: `Negotiate ${token.toString('base64')}` });
    connection.destroy();
    return answer.status;
  };
  const { token } = requestLogin(rawTicket({}), undefined, new Date());
  const http = `http://localhost:${world.guest.httpPort}/wsman`;

  expect(await post(http, negotiationOf(token))).toBe(200);
  expect(await post(http, token)).toBe(401);
  expect(world.refusals().at(-1)).toBe('this login was seen before');

  const unbound = requestLogin(rawTicket({}), undefined, new Date()).token;
  expect(await post(`https://localhost:${world.guest.httpsPort}/wsman`, unbound)).toBe(401);
  expect(world.refusals().at(-1)).toBe('no channel binding');
  const wrong = requestLogin(rawTicket({}), Buffer.alloc(16, 1), new Date()).token;
  expect(await post(`https://localhost:${world.guest.httpsPort}/wsman`, wrong)).toBe(401);
  expect(world.refusals().at(-1)).toBe('wrong channel binding');
});

describe('finding the ticket', () => {
  test('a host that is an address is refused, unless the service is named', async () => {
    await expect(ticketFrom(cacheFile(), { host: '192.0.2.7' })).rejects.toMatchObject({
      problem: { reason: 'Kerberos knows names only, and "192.0.2.7" is an address' },
    });
    await expect(ticketFrom(cacheFile(), { host: '192.0.2.7', service: SERVICE })).resolves.toBeDefined();
  });

  test.each<[string, Partial<TicketOptions>]>([
    ['of another principal', { client: 'else' }],
    ['for another service', { service: 'HTTP/other' }],
    ['that ends in a moment', { endsAt: new Date(Date.now() + MINUTE_MS) }],
  ])('tickets %s are not used: the programs of Kerberos are asked', async (_what, changes) => {
    await expect(ticketFrom(cacheFile(changes))).rejects.toMatchObject({
      problem: { kind: 'login', reason: 'Kerberos needs the program "kvno", which is not here' },
    });
  });

  test('a damaged cache file, cut anywhere, is no reason to fall over', async () => {
    const whole = world.domain.credentialCache({ client: 'backup', service: SERVICE });
    for (let length = 0; length < whole.length; length += 1) {
      expect(readCredentialCache(whole.subarray(0, length)) ?? []).toHaveLength(0);
    }
    expect(readCredentialCache(whole)).toHaveLength(1);
  });

  test('a keytab that others can read is not used', async () => {
    await expect(ticketFrom('', { keytab: __filename })).rejects.toMatchObject({
      problem: { advice: expect.stringContaining('chmod 600') },
    });
  });

  test('a folder that a killed fetch has left is removed by the next one, one in use is not', async () => {
    const [left, used] = ['snaphook-krb-left', 'snaphook-krb-used'].map((name) => path.join(tmpdir(), name));
    for (const folder of [left, used]) mkdirSync(folder ?? '');
    const before = new Date(Date.now() - 20 * MINUTE_MS);
    utimesSync(left ?? '', before, before);

    await expect(ticketFrom('/nowhere/cache')).rejects.toMatchObject({ problem: { kind: 'login' } });

    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('snaphook-krb-'))).toEqual(['snaphook-krb-used']);
    rmdirSync(used ?? '');
  });
});

describe('an account with a keytab', () => {
  const HOSTS = ['localhost', 'sql01.lab', 'sql02.lab', 'sql03.lab'];

  /** Stand-ins of MIT's programs, which note each call: `kinit` copies what the domain grants, `kvno` what a service is given. */
  function programs(grants: Partial<TicketOptions> | undefined) {
    caches += 1;
    const folder = path.dirname(world.file(`programs-${caches}-calls`, Buffer.alloc(0)));
    const place = (name: string) => path.join(folder, `programs-${caches}-${name}`);
    const bin = place('bin');
    mkdirSync(bin);
    if (grants)
      world.file(
        `programs-${caches}-granted`,
        world.domain.credentialCache({ client: 'backup', service: 'krbtgt/LAB.EXAMPLE', ...grants }),
      );
    for (const host of HOSTS)
      world.file(
        `programs-${caches}-HTTP-${host}@`,
        world.domain.credentialCache({ client: 'backup', service: `HTTP/${host}` }),
      );
    const script = (name: string, ...lines: readonly string[]) =>
      writeFileSync(path.join(bin, name), ['#!/bin/sh', `echo ${name} >>${place('calls')}`, ...lines, ''].join('\n'), {
        mode: 0o755,
      });
    // kinit -k -t KEYTAB -c FILE:CACHE -- PRINCIPAL; kvno -c FILE:CACHE -q -- SERVICE@
    // In the words of MIT Kerberos 1.20 in the locale C.
    const end = 'while getting initial credentials';
    const says = (words: string) => `{ echo "kinit: ${words} ${end}" >&2; exit 1; }`;
    script(
      'kinit',
      `[ "$LC_ALL" = C ] || ${says('(in another language)')}`,
      `[ ! -e ${place('unreached')} ] || ${says("Cannot contact any KDC for realm 'LAB.EXAMPLE'")}`,
      `cp ${place('granted')} "\${5#FILE:}" || ${says('Preauthentication failed')}`,
    );
    script(
      'kvno',
      `cmp -s ${place('granted')} "\${2#FILE:}" || exit 1`,
      `cp "${place('')}$(echo "$5" | tr / -)" "\${2#FILE:}"`,
    );
    const keytab = world.file(`programs-${caches}-keytab`, Buffer.alloc(1));
    chmodSync(keytab, 0o600);
    const calls = () =>
      readFileSync(place('calls'), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .sort();
    const setReached = (isReached: boolean) =>
      isReached ? rmSync(place('unreached'), { force: true }) : writeFileSync(place('unreached'), '');
    return { request: { principal: 'backup@LAB.EXAMPLE', keytab, programs: bin }, calls, setReached };
  }

  test('is logged in once for all guests, also for one that comes later, and each gets a ticket of its own', async () => {
    const { request, calls } = programs({});
    const keytabs = new KeytabLogins();

    const found = await Promise.all(
      HOSTS.map((host) => findServiceTicket({ ...request, host }, new Date(), undefined, keytabs)),
    );

    const [host = ''] = HOSTS;
    await findServiceTicket({ ...request, host }, new Date(), undefined, keytabs);

    expect(found.map(({ service }) => service.components.join('/'))).toEqual(HOSTS.map((host) => `HTTP/${host}`));
    expect(calls()).toEqual(['kinit', ...HOSTS.map(() => 'kvno'), 'kvno']);
  });

  test('is logged in anew before its tickets end', async () => {
    const { request, calls } = programs({ endsAt: new Date(Date.now() + 5 * MINUTE_MS) });
    const keytabs = new KeytabLogins();

    for (const host of HOSTS.slice(0, 2)) await findServiceTicket({ ...request, host }, new Date(), undefined, keytabs);

    expect(calls()).toEqual(['kinit', 'kinit', 'kvno', 'kvno']);
  });

  test('whose key the domain refuses is asked for twice, however many guests it has', async () => {
    const { request, calls } = programs(undefined);
    const keytabs = new KeytabLogins();
    const reasons: string[] = [];

    for (const host of HOSTS) {
      const { problem } = await findServiceTicket({ ...request, host }, new Date(), undefined, keytabs).then(
        () => ({ problem: undefined }),
        (error: { problem: { reason: string } }) => error,
      );
      reasons.push(problem?.reason ?? 'none');
    }

    expect(calls()).toEqual(['kinit', 'kinit']);
    expect(reasons[0]).toContain('Preauthentication failed');
    expect(reasons[3]).toContain('it was not asked for');
  });

  test('is asked for by every guest while no domain controller is there, and logged in as soon as one is', async () => {
    const { request, calls, setReached } = programs({});
    const keytabs = new KeytabLogins();
    const ticket = (host: string) => findServiceTicket({ ...request, host }, new Date(), undefined, keytabs);
    setReached(false);

    for (const host of HOSTS.slice(0, 3)) {
      await expect(ticket(host)).rejects.toMatchObject({
        problem: {
          kind: 'no-domain-controller',
          reason: expect.stringMatching(/"backup@LAB.EXAMPLE".*Cannot contact any KDC/),
          advice: expect.stringContaining('/etc/krb5.conf'),
        },
      });
    }
    setReached(true);

    expect((await ticket('sql03.lab')).service.components).toEqual(['HTTP', 'sql03.lab']);
    expect(calls()).toEqual(['kinit', 'kinit', 'kinit', 'kinit', 'kvno']);
  });

  test('a guest that gives up does not take the login from the others', async () => {
    const { request } = programs({});
    const keytabs = new KeytabLogins();
    const gone = new AbortController();

    const first = findServiceTicket({ ...request, host: 'localhost' }, new Date(), gone.signal, keytabs);
    const second = findServiceTicket({ ...request, host: 'sql01.lab' }, new Date(), undefined, keytabs);
    gone.abort(new Error('the run was given up'));

    await expect(first).rejects.toThrow('the run was given up');
    expect((await second).service.components).toEqual(['HTTP', 'sql01.lab']);
  });
});

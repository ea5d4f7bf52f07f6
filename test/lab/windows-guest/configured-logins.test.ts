import * as z from 'zod';
import { composeGuests, guestAccess } from '../../../src/cli/compose-guests.ts';
import { guest as guestSchema } from '../../../src/config/guest-settings.ts';
import { issueClientCertificate } from '../../../src/lab/world/certificates.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import type { GuestOperationsServer } from '../../../src/ports/guest-operations.ts';
import { DISK, type LoginWorld, MAPPED_NAME, SERVICE, startLoginWorld } from './login-world.ts';

let world: LoginWorld;
beforeAll(async () => {
  world = await startLoginWorld();
});
afterAll(() => world.close());

/** None of these guests is reached through vCenter. */
const noServer: GuestOperationsServer = {
  of: () => {
    throw new Error('no guest operations here');
  },
  close: async () => undefined,
  endSession: async () => undefined,
};
const VM = { name: 'sql01', address: 'localhost' };
const configured = (winrm: Readonly<Record<string, unknown>>) => [guestSchema.parse({ vms: ['sql01'], winrm })];

async function prepare(winrm: Readonly<Record<string, unknown>>) {
  const guest = composeGuests(configured(winrm), systemClock, noServer).open(VM);
  try {
    return await guest.prepare(
      { runId: 'l1k2m3n4-abcdef', diskUuids: [DISK], onSession: async () => undefined },
      AbortSignal.timeout(20_000),
    );
  } finally {
    await guest.close();
  }
}

const tls = () => ({ caFile: world.file('ca.pem', Buffer.from(world.authority.certificate)) });

test.each(['http', 'https'] as const)(
  'a guest configured for Kerberos is prepared over %s with the tickets of a cache',
  async (transport) => {
    const cache = world.file('cache', world.domain.credentialCache({ client: 'backup', service: SERVICE }));
    const winrm = {
      transport,
      port: transport === 'http' ? world.guest.httpPort : world.guest.httpsPort,
      authentication: 'kerberos',
      username: 'backup@LAB.EXAMPLE',
      kerberos: { cache },
      ...(transport === 'https' ? { tls: tls() } : {}),
    };

    expect(await prepare(winrm)).toMatchObject({ strategy: 'vss-provider', volumes: [{ name: 'D:\\' }] });
    expect(world.guest.shellCount()).toBe(0);
    expect(guestAccess(configured(winrm), VM)).toMatchObject({
      username: 'backup@LAB.EXAMPLE',
      trustedBy: transport === 'http' ? 'its proof to Kerberos' : expect.stringContaining('ca.pem'),
    });
  },
);

test('a guest configured for a client certificate is prepared with it', async () => {
  const { cert, key } = await issueClientCertificate(world.authority, MAPPED_NAME);
  const winrm = {
    port: world.guest.httpsPort,
    authentication: 'certificate',
    certificate: {
      file: world.file('client.pem', Buffer.from(cert)),
      key: `file:${world.file('client.key', Buffer.from(key))}`,
    },
    tls: tls(),
  };

  expect(await prepare(winrm)).toMatchObject({ strategy: 'vss-provider' });
  expect(guestAccess(configured(winrm), VM)?.username).toMatch(/^certificate .*client\.pem$/);
});

test('a ticket that cannot be had is a login that failed, with what to do', async () => {
  const winrm = {
    transport: 'http',
    port: world.guest.httpPort,
    authentication: 'kerberos',
    username: 'backup@LAB.EXAMPLE',
    kerberos: { cache: '/nowhere/cache', programs: '/nowhere' },
  };

  await expect(prepare(winrm)).rejects.toMatchObject({
    code: 'E_GUEST_LOGIN',
    message: expect.stringContaining('guest "sql01" as "backup@LAB.EXAMPLE"'),
    hint: expect.stringContaining('krb5-user'),
  });
});

test.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
  ['a password with kerberos', { authentication: 'kerberos', username: 'a@B', password: 'env:P' }, /password/],
  ['ntlm without a password', { username: 'a' }, /need a password/],
  ['kerberos without a realm', { authentication: 'kerberos', username: 'EXAMPLE\\a' }, /user@REALM/],
  ['a certificate without its file', { authentication: 'certificate' }, /is needed with authentication certificate/],
  [
    'a certificate with a user',
    { authentication: 'certificate', username: 'a', certificate: { file: '/c', key: 'env:K' } },
    /whose the certificate is/,
  ],
  [
    'both keytab and cache',
    { authentication: 'kerberos', username: 'a@B', kerberos: { keytab: '/k', cache: '/c' } },
    /not from both/,
  ],
])('%s is refused by the configuration', (_what, winrm, message) => {
  const parsed = guestSchema.safeParse({ vms: ['sql01'], winrm });

  expect(parsed.success).toBe(false);
  expect(parsed.error && z.prettifyError(parsed.error)).toMatch(message);
});

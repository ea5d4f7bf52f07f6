import { createAuthority, issueClientCertificate } from '../../../src/lab/world/certificates.ts';
import type { TlsIdentity } from '../../../src/platform/tls.ts';
import { type LoginWorld, MAPPED_NAME, startLoginWorld, whoami } from './login-world.ts';

let world: LoginWorld;
beforeAll(async () => {
  world = await startLoginWorld();
});
afterAll(() => world.close());

const connect = (identity: TlsIdentity, scheme: 'https' | 'http' = 'https') =>
  world.connect(scheme, { authentication: 'certificate', identity });

test('a mapped certificate logs in as its local account, on every request of the connection', async () => {
  expect(await whoami(await connect(await issueClientCertificate(world.authority, MAPPED_NAME)))).toBe(
    'sql01\\localbackup',
  );
});

test.each([
  ['that is mapped to no account', async () => await issueClientCertificate(world.authority, 'other.clients.lab')],
  ['of another authority', async () => await issueClientCertificate(await createAuthority(), MAPPED_NAME)],
])('a certificate %s is refused as a login', async (_what, issue) => {
  const connection = await connect(await issue());

  await expect(whoami(connection)).rejects.toMatchObject({
    problem: { kind: 'login', reason: 'the client certificate was refused' },
  });
});

test('what can let nobody in is refused before anything is sent', async () => {
  const good = await issueClientCertificate(world.authority, MAPPED_NAME);
  const other = await issueClientCertificate(world.authority, MAPPED_NAME);
  const old = await issueClientCertificate(world.authority, MAPPED_NAME, {
    notBeforeDate: new Date('2020-01-01'),
    notAfterDate: new Date('2021-01-01'),
  });
  const count = () => world.events.events.filter(({ kind }) => kind === 'connection').length;
  const before = count();
  const reasonOf = async (identity: TlsIdentity, scheme: 'https' | 'http' = 'https') =>
    await connect(identity, scheme).then(
      () => 'let in',
      (thrown: unknown) => (thrown instanceof Error ? thrown.message : ''),
    );

  expect(await reasonOf({ cert: good.cert, key: other.key })).toContain('is not that of the client certificate');
  expect(await reasonOf({ cert: good.cert, key: 'secret' })).toMatch(/private key .* is not readable/);
  expect(await reasonOf({ cert: 'no', key: good.key })).toContain('not readable as PEM');
  expect(await reasonOf(old)).toContain('expired at');
  expect(await reasonOf(good, 'http')).toContain('a client certificate is not sent without TLS');
  expect(count()).toBe(before);
});

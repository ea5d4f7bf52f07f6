import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { issueClientCertificate } from '../../../src/lab/world/certificates.ts';
import { type GuestWorld, PASSWORD, startGuestWorld, USER } from '../../lab/windows-guest/guest-world.ts';
import { MAPPED_NAME, startLoginWorld } from '../../lab/windows-guest/login-world.ts';
import { runPeerScript } from '../peer-script.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'pywinrm-'));
const ca = path.join(folder, 'ca.pem');
let world: GuestWorld;

beforeAll(async () => {
  world = await startGuestWorld();
  writeFileSync(ca, world.authority.certificate);
});

afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

const run = (...args: readonly string[]) =>
  runPeerScript(path.join(__dirname, 'run.py'), args, { WINRM_PASSWORD: PASSWORD });
const DOMAIN_USER = `SQL01\\${USER}`;

test.each([
  ['Basic over HTTPS', () => ['--transport', 'basic', '--url', world.httpsUrl, '--ca', ca, '--user', USER]],
  ['NTLM, sealed over HTTP', () => ['--transport', 'ntlm', '--url', world.httpUrl, '--user', DOMAIN_USER]],
  [
    'NTLM bound to the TLS channel',
    () => ['--transport', 'ntlm', '--url', world.httpsUrl, '--ca', ca, '--user', DOMAIN_USER],
  ],
])(
  'pywinrm works with %s and leaves no shell behind',
  async (_name, args) => {
    expect(await run(...args())).toBe(0);
    expect(world.guest.shellCount()).toBe(0);
  },
  120_000,
);

test('pywinrm works with a client certificate, which the guest asks for by a renegotiation, and leaves no shell behind', async () => {
  const other = await startLoginWorld({}, { maxTls: 'TLSv1.2' });
  try {
    const { cert, key } = await issueClientCertificate(other.authority, MAPPED_NAME);
    const url = `https://localhost:${other.guest.httpsPort}/wsman`;
    const files = {
      '--ca': other.file('ca.pem', Buffer.from(other.authority.certificate)),
      '--certificate': other.file('client.pem', Buffer.from(cert)),
      '--key': other.file('client.key', Buffer.from(key)),
    };

    expect(await run('--transport', 'certificate', '--url', url, ...Object.entries(files).flat())).toBe(0);
    expect(other.guest.shellCount()).toBe(0);
  } finally {
    await other.close();
  }
}, 120_000);

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createAuthority, issueCertificate } from '../../../src/lab/world/certificates.ts';
import { connectTo, conversation, endGssPeers, type GssPeer, SPOKEN, startGssPeer } from '../gss-peer.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'gss-ntlmssp-'));
const startPeer = (...certificateAndKey: readonly string[]): Promise<GssPeer> =>
  startGssPeer(__dirname, { OPENSSL_CONF: path.join(__dirname, 'openssl-legacy.cnf') }, certificateAndKey);

afterAll(() => {
  endGssPeers();
  rmSync(folder, { recursive: true });
});

const connect = (peer: GssPeer, password = peer.password) =>
  connectTo(peer, { authentication: 'ntlm', username: peer.username, password });

test('login, sealed requests and sealed answers over HTTP agree with another implementation, faults included', async () => {
  expect(await conversation(await connect(await startPeer()))).toBe(SPOKEN);
});

test('a wrong password is refused as a login', async () => {
  const peer = await startPeer();

  await expect(connect(peer, 'wrong')).rejects.toMatchObject({ problem: { kind: 'login' } });
});

test('over TLS the channel bindings agree with another implementation', async () => {
  const { cert, key } = await issueCertificate(await createAuthority(), 'guest.lab');
  const files = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')] as const;
  writeFileSync(files[0], cert);
  writeFileSync(files[1], key);

  expect(await conversation(await connect(await startPeer(...files)))).toBe(SPOKEN);
});

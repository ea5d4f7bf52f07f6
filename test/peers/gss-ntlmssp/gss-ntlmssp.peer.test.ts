import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import { openConnection } from '../../../src/guest/windows/winrm/connection.ts';
import {
  createShell,
  deleteShell,
  receiveOutput,
  sendInput,
  startProgram,
} from '../../../src/guest/windows/winrm/shell.ts';
import { createAuthority, issueCertificate } from '../../../src/lab/world/certificates.ts';
import { systemClock } from '../../../src/platform/clock.ts';

const Greeting = z.object({
  port: z.int(),
  username: z.string(),
  password: z.string(),
  fingerprint256: z.string().optional(),
});
type Peer = z.infer<typeof Greeting>;

const servers: ChildProcess[] = [];
const folder = mkdtempSync(path.join(tmpdir(), 'gss-ntlmssp-'));

async function startPeer(...certificateAndKey: readonly string[]): Promise<Peer> {
  const server = spawn('/usr/bin/python3', [path.join(__dirname, 'server.py'), ...certificateAndKey], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, OPENSSL_CONF: path.join(__dirname, 'openssl-legacy.cnf') },
  });
  servers.push(server);
  const { stdout } = server;
  if (stdout === null) throw new Error('no output of the peer');
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: stdout }).once('line', resolve);
    server.once('exit', (code) => reject(new Error(`the peer ended with ${code}`)));
  });
  return Greeting.parse(JSON.parse(line));
}

afterAll(() => {
  for (const server of servers) server.stdin?.end();
  rmSync(folder, { recursive: true });
});

const connect = (peer: Peer, changes: { password?: string; pin?: string } = {}) =>
  openConnection(
    {
      address: '127.0.0.1',
      port: peer.port,
      scheme: peer.fingerprint256 ? 'https' : 'http',
      tls: { fingerprint256: changes.pin ?? peer.fingerprint256 },
      connectTimeoutMs: 10_000,
    },
    { authentication: 'ntlm', username: peer.username, password: changes.password ?? peer.password },
    systemClock,
  );

const limits = { operationTimeoutMs: 10_000 };

async function conversation(peer: Peer): Promise<string> {
  const connection = await connect(peer);
  const shellId = await createShell(connection, 60_000, limits);
  const commandId = await startProgram(connection, shellId, { path: 'echo.exe', arguments: [] }, limits);
  const ids = { shellId, commandId };
  expect((await receiveOutput(connection, ids, limits)).stdout).toHaveLength(0);
  let echoed = '';
  for (const words of ['Grüße, ', 'welt ', '€'.repeat(2000)]) {
    await sendInput(connection, ids, Buffer.from(words), limits);
    echoed += (await receiveOutput(connection, ids, limits)).stdout.toString('utf8');
  }
  expect(await deleteShell(connection, shellId, limits)).toBe('deleted');
  expect(await deleteShell(connection, shellId, limits)).toBe('gone');
  connection.close();
  return echoed;
}

test('login, sealed requests and sealed answers over HTTP agree with another implementation, faults included', async () => {
  const peer = await startPeer();

  await expect(conversation(peer)).resolves.toBe(`Grüße, welt ${'€'.repeat(2000)}`);
});

test('a wrong password is refused as a login', async () => {
  const peer = await startPeer();

  await expect(connect(peer, { password: 'wrong' })).rejects.toMatchObject({ problem: { kind: 'login' } });
});

test('over TLS the channel bindings agree with another implementation', async () => {
  const authority = await createAuthority();
  const { cert, key } = await issueCertificate(authority, 'guest.lab');
  const files = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')] as const;
  writeFileSync(files[0], cert);
  writeFileSync(files[1], key);
  const peer = await startPeer(...files);

  await expect(conversation(peer)).resolves.toContain('welt');
});

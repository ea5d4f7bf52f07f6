import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import type { WinRmCredentials } from '../../src/guest/windows/winrm/authentication.ts';
import { openConnection, type WinRmConnection } from '../../src/guest/windows/winrm/connection.ts';
import {
  createShell,
  deleteShell,
  receiveOutput,
  sendInput,
  startProgram,
} from '../../src/guest/windows/winrm/shell.ts';
import { systemClock } from '../../src/platform/clock.ts';

const Greeting = z.object({
  port: z.int(),
  username: z.string().default(''),
  password: z.string().default(''),
  fingerprint256: z.string().optional(),
});
export type GssPeer = z.infer<typeof Greeting>;

const servers: ChildProcess[] = [];

/** Starts a peer's `server.py`, with certificate and key over TLS. */
export async function startGssPeer(
  folder: string,
  environment: Readonly<Record<string, string>>,
  certificateAndKey: readonly string[] = [],
): Promise<GssPeer> {
  const server = spawn('/usr/bin/python3', [path.join(folder, 'server.py'), ...certificateAndKey], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
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

export function endGssPeers(): void {
  for (const server of servers) server.stdin?.end();
}

/** Our client against the peer, over TLS when it has a certificate. */
export const connectTo = (
  peer: GssPeer,
  credentials: WinRmCredentials,
  address = '127.0.0.1',
): Promise<WinRmConnection> =>
  openConnection(
    {
      address,
      port: peer.port,
      scheme: peer.fingerprint256 ? 'https' : 'http',
      tls: { fingerprint256: peer.fingerprint256 },
      connectTimeoutMs: 10_000,
    },
    credentials,
    systemClock,
  );

const limits = { operationTimeoutMs: 10_000 };
/** Texts of all lengths around a block, some of more bytes than characters. */
const WORDS = [
  'Grüße, ',
  'welt ',
  '€'.repeat(2000),
  ...Array.from({ length: 20 }, (_, length) => 'x'.repeat(length + 1)),
];
export const SPOKEN = WORDS.join('');

/** Speaks `SPOKEN` to the peer's echo and resolves to what came back. */
export async function conversation(connection: WinRmConnection): Promise<string> {
  const shellId = await createShell(connection, 60_000, limits);
  const commandId = await startProgram(connection, shellId, { path: 'echo.exe', arguments: [] }, limits);
  const ids = { shellId, commandId };
  expect((await receiveOutput(connection, ids, limits)).stdout).toHaveLength(0);
  let echoed = '';
  for (const words of WORDS) {
    await sendInput(connection, ids, Buffer.from(words), limits);
    echoed += (await receiveOutput(connection, ids, limits)).stdout.toString('utf8');
  }
  expect(await deleteShell(connection, shellId, limits)).toBe('deleted');
  expect(await deleteShell(connection, shellId, limits)).toBe('gone');
  connection.close();
  return echoed;
}

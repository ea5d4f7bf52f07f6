import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import path from 'node:path';

export const SSHD = '/usr/sbin/sshd';

export interface Sshd {
  readonly port: number;
  /** As `ssh-keygen -l` prints it. */
  readonly hostKeyFingerprint: string;
  /** Private key that may log in as root. */
  readonly privateKey: string;
  /** Connections accepted so far. */
  connectionCount(): number;
  stop(): Promise<void>;
}

function must(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout.trim();
}

/** OpenSSH's own server on a loopback port, with keys and configuration of its own below the folder. */
export async function startSshd(folder: string): Promise<Sshd> {
  const file = (name: string) => path.join(folder, name);
  for (const name of ['host', 'client'])
    must('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file(`${name}-key`));
  writeFileSync(file('authorized'), readFileSync(file('client-key.pub')));
  chmodSync(file('authorized'), 0o600);
  const port = await freePort();
  const settings = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${file('host-key')}`,
    `AuthorizedKeysFile ${file('authorized')}`,
    `PidFile ${file('pid')}`,
    'PermitRootLogin yes',
    'StrictModes no',
    'UsePAM no',
    'LogLevel VERBOSE',
  ];
  writeFileSync(file('config'), `${settings.join('\n')}\n`);
  // Where sshd looks for its empty directory; packages make it when their service starts.
  if (!existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 });
  const server = spawn(SSHD, ['-D', '-e', '-f', file('config')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  server.stderr.on('data', (data) => {
    log += data;
  });
  await listening(port, server, () => log);
  const fingerprint = must('ssh-keygen', '-lf', file('host-key.pub')).split(' ')[1] ?? '';
  return {
    port,
    hostKeyFingerprint: fingerprint,
    privateKey: readFileSync(file('client-key'), 'utf8'),
    connectionCount: () => log.split('\n').filter((line) => line.startsWith('Connection from ')).length - 1,
    stop: async () => {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill();
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no port is free');
  return address.port;
}

/** The probe counts as the first connection. */
async function listening(port: number, server: ChildProcess, log: () => string): Promise<void> {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline; ) {
    if (server.exitCode !== null) break;
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`sshd does not listen: ${log()}`);
}

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';

/** How to reach the guest, and by which key it has to show that it is the guest. */
export interface SshAddress {
  readonly port: number;
  readonly privateKeyFile: string;
  /** File with one line: host and the only key accepted. */
  readonly knownHostsFile: string;
}

export interface CommandResult {
  /** 255: ssh itself failed. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A login of its own by the system's ssh, with no configuration but this. */
export function startSsh(
  address: SshAddress,
  command: string,
  more: readonly string[] = [],
): ChildProcessWithoutNullStreams {
  const args = [
    ...['-F', 'none', '-T', '-p', String(address.port), '-i', address.privateKeyFile],
    ...['BatchMode=yes', 'IdentitiesOnly=yes', 'StrictHostKeyChecking=yes', 'ConnectTimeout=60'].flatMap(option),
    ...option(`UserKnownHostsFile=${address.knownHostsFile}`),
    ...option('GlobalKnownHostsFile=/dev/null'),
    ...more,
    ...['root@127.0.0.1', command],
  ];
  return spawn('ssh', args, { stdio: 'pipe' });
}

/** The same to its end. `input` is what the command reads. */
export function sshOnce(
  address: SshAddress,
  command: string,
  more: readonly string[] = [],
  input: Buffer = Buffer.alloc(0),
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = startSsh(address, command, more);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => stderr.push(bytes));
    // A command that does not read its input is no failure.
    child.stdin.on('error', () => undefined).end(input);
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({ exitCode: code ?? 255, stdout: `${Buffer.concat(stdout)}`, stderr: `${Buffer.concat(stderr)}` }),
    );
  });
}

const option = (setting: string): readonly string[] => ['-o', setting];

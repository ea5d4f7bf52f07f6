import { timingSafeEqual } from 'node:crypto';
import net, { type AddressInfo, type Socket } from 'node:net';
import type { AuthContext, Connection, PublicKeyAuthContext, ServerChannel } from 'ssh2';
import ssh2 from 'ssh2';
import { ProgramInput } from '../guest/program.ts';
import type { EventLog } from '../world/events.ts';

/** An account that may log in over SSH. */
export interface LinuxUser {
  readonly name: string;
  readonly password?: string;
  /** Lines of authorized_keys. */
  readonly authorizedKeys?: readonly string[];
  /** May become root by sudo without a password. */
  readonly sudo?: boolean;
}

/** What a command that was started sees. */
export interface CommandIo {
  readonly user: LinuxUser;
  readonly stdin: ProgramInput;
  stdout(data: Buffer): void;
  stderr(text: string): void;
  /** Cuts the TCP connection. */
  drop(): void;
}

export interface SshServerOptions {
  readonly events: EventLog;
  /** Private key in OpenSSH format. */
  readonly hostKey: string;
  readonly users: readonly LinuxUser[];
  /** How a password is asked for. Default `password`. */
  readonly passwordMethod: 'password' | 'keyboard-interactive';
  /** Runs a command line to its exit code. */
  readonly run: (commandLine: string, io: CommandIo) => Promise<number>;
}

/** sshd of the simulated guest: logins by key and password, commands without a terminal, nothing else. */
export class LabSshServer {
  readonly #options: SshServerOptions;
  readonly #server: net.Server;
  readonly #sockets = new Set<Socket>();

  constructor(options: SshServerOptions) {
    this.#options = options;
    this.#server = net.createServer((socket) => this.#accept(socket));
  }

  /** Listens on loopback only; port 0 takes a free one. Resolves to the port. */
  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    return (this.#server.address() as AddressInfo).port; // TCP has an AddressInfo
  }

  dropAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.dropAll();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    this.#options.events.add('guest', 'connection', 'connect', '', { remotePort: socket.remotePort });
    // One server a connection, so that a session knows its socket.
    const protocol = new ssh2.Server({ hostKeys: [this.#options.hostKey], ident: 'OpenSSH_9.2p1_lab' }, (connection) =>
      this.#serve(connection, socket),
    );
    protocol.injectSocket(socket);
  }

  #serve(connection: Connection, socket: Socket): void {
    let user: LinuxUser | undefined;
    connection.on('error', () => socket.destroy());
    connection.on('authentication', (context) => {
      const known = this.#options.users.find(({ name }) => name === context.username);
      void this.#authenticate(context, known, () => {
        user = known;
      });
    });
    connection.on('session', (accept) => {
      const session = accept();
      session.on('exec', (acceptExec, _reject, { command }) => {
        if (user) void this.#execute(acceptExec(), command, user, socket);
      });
      for (const asked of ['pty', 'shell', 'sftp', 'subsystem'] as const)
        session.on(asked as 'shell', (_accept, reject) => {
          // all of them have the same form
          this.#options.events.add('guest', 'unserved', asked);
          reject?.();
        });
    });
  }

  async #authenticate(context: AuthContext, user: LinuxUser | undefined, granted: () => void): Promise<void> {
    const { events, passwordMethod } = this.#options;
    const verdict = await judgeLogin(context, user, passwordMethod);
    if (context.method !== 'none')
      events.add('guest', 'answer', `login ${context.method}`, context.username, { verdict });
    if (verdict === 'refused') {
      context.reject(['publickey', passwordMethod]);
      return;
    }
    if (verdict === 'granted') granted();
    context.accept();
  }

  async #execute(channel: ServerChannel, command: string, user: LinuxUser, socket: Socket): Promise<void> {
    const stdin = new ProgramInput();
    channel.on('data', (data: Buffer) => stdin.push(data));
    channel.on('end', () => stdin.end());
    channel.on('close', () => stdin.end());
    channel.on('error', () => stdin.end());
    const exitCode = await this.#options.run(command, {
      user,
      stdin,
      stdout: (data) => void (channel.writable && channel.write(data)),
      stderr: (text) => void (channel.writable && channel.stderr.write(text)),
      drop: () => socket.destroy(),
    });
    if (!channel.writable) return;
    channel.exit(exitCode);
    channel.end();
  }
}

/** `key-would-do`: the client first asks whether it is worth signing with this key. */
async function judgeLogin(
  context: AuthContext,
  user: LinuxUser | undefined,
  passwordMethod: SshServerOptions['passwordMethod'],
): Promise<'granted' | 'refused' | 'key-would-do'> {
  if (context.method === 'publickey') return judgeKey(context, user);
  if (context.method !== passwordMethod) return 'refused';
  const given =
    context.method === 'password'
      ? context.password
      : await new Promise<string>((resolve) =>
          context.prompt([{ prompt: 'Password: ', echo: false }], ([answer]) => resolve(answer ?? '')),
        );
  return isPassword(user, given) ? 'granted' : 'refused';
}

function judgeKey(
  { key, signature, blob, hashAlgo }: PublicKeyAuthContext,
  user: LinuxUser | undefined,
): 'granted' | 'refused' | 'key-would-do' {
  const line = user?.authorizedKeys?.find((candidate) => isKey(candidate, key));
  if (line === undefined) return 'refused';
  if (!signature || !blob) return 'key-would-do';
  const parsed = ssh2.utils.parseKey(line);
  const authorized = Array.isArray(parsed) ? parsed[0] : parsed;
  if (!authorized || authorized instanceof Error) return 'refused';
  return authorized.verify(blob, signature, hashAlgo) === true ? 'granted' : 'refused';
}

function isPassword(user: LinuxUser | undefined, given: string): boolean {
  const [expected, actual] = [Buffer.from(user?.password ?? ''), Buffer.from(given)];
  return expected.length > 0 && expected.length === actual.length && timingSafeEqual(expected, actual);
}

function isKey(line: string, { algo, data }: { readonly algo: string; readonly data: Buffer }): boolean {
  const [type, base64 = ''] = line.split(' ');
  return type === algo && Buffer.from(base64, 'base64').equals(data);
}

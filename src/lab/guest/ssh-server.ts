import { timingSafeEqual } from 'node:crypto';
import net, { type AddressInfo, type Socket } from 'node:net';
import type { AuthContext, AuthenticationType, Connection, PublicKeyAuthContext, ServerChannel, Session } from 'ssh2';
import ssh2 from 'ssh2';
import type { EventLog } from '../world/events.ts';
import type { CallLine, GuestCalls } from './guest-calls.ts';
import { ProgramInput } from './program.ts';

/** An account that may log in over SSH. */
export interface SshUser {
  readonly name: string;
  readonly password?: string;
  /** Lines of authorized_keys. */
  readonly authorizedKeys?: readonly string[];
}

type PasswordMethod = 'password' | 'keyboard-interactive';

/** What a command that was started sees. */
export interface CommandIo<User extends SshUser> {
  readonly user: User;
  readonly stdin: ProgramInput;
  stdout(data: Buffer): void;
  stderr(text: string): void;
  /** Cuts the TCP connection. */
  drop(): void;
  /** Resolves when the TCP connection is closed. */
  readonly gone: Promise<void>;
}

export interface SshServerOptions<User extends SshUser> {
  readonly events: EventLog;
  /** What comes before a command is a call like one: `connect`, `login`, `open channel`. */
  readonly calls: GuestCalls;
  /** As the server calls itself, such as `OpenSSH_9.2p1_lab`. */
  readonly ident: string;
  /** Private key in OpenSSH format. */
  readonly hostKey: string;
  readonly users: readonly User[];
  /** How a password is asked for. Default `password`. */
  readonly passwordMethod: PasswordMethod;
  /** Runs a command line to its exit code. */
  readonly run: (commandLine: string, io: CommandIo<User>) => Promise<number>;
}

/** sshd of the simulated guest: logins by key and password, commands without a terminal, nothing else. */
export class LabSshServer<User extends SshUser> {
  readonly #options: SshServerOptions<User>;
  readonly #server: net.Server;
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Set<Connection>();

  constructor(options: SshServerOptions<User>) {
    this.#options = options;
    // sshd sets TCP_NODELAY: else a short answer waits for the acknowledgement of the one before it.
    this.#server = net.createServer({ noDelay: true }, (socket) => this.#accept(socket));
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

  endAll(): void {
    for (const connection of this.#connections) connection.end();
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
    const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const line: CallLine = {
      drop: () => socket.destroy(),
      // As sshd does before the protocol begins, such as `Exceeded MaxStartups`.
      refuse: ({ body }) => socket.end(`${body ?? ''}\r\n`),
      gone,
    };
    void this.#options.calls.perform('connect', line, async () => {
      // One server a connection, so that a session knows its socket.
      const { hostKey, ident } = this.#options;
      const protocol = new ssh2.Server({ hostKeys: [hostKey], ident }, (connection) =>
        this.#serve(connection, socket, line),
      );
      protocol.injectSocket(socket);
    });
  }

  #serve(connection: Connection, socket: Socket, line: CallLine): void {
    let user: User | undefined;
    this.#connections.add(connection);
    connection.on('close', () => this.#connections.delete(connection));
    connection.on('error', () => socket.destroy());
    connection.on('authentication', (context) => {
      const known = this.#options.users.find(({ name }) => name === context.username);
      void this.#authenticate(context, known, line, () => {
        user = known;
      });
    });
    connection.on('session', (accept, reject) => {
      void this.#options.calls.perform('open channel', { ...line, refuse: () => reject() }, async () => {
        if (!socket.destroyed) this.#openSession(accept(), socket, line, () => user);
      });
    });
  }

  #openSession(session: Session, socket: Socket, { gone }: CallLine, whoIs: () => User | undefined): void {
    session.on('exec', (acceptExec, _reject, { command }) => {
      const user = whoIs();
      if (user) void this.#execute(acceptExec(), command, { user, gone, drop: () => socket.destroy() });
    });
    for (const asked of ['pty', 'shell', 'sftp', 'subsystem'] as const)
      session.on(asked as 'shell', (_accept, reject) => {
        // all of them have the same form
        this.#options.events.add('guest', 'unserved', asked);
        reject?.();
      });
  }

  async #authenticate(
    context: AuthContext,
    user: SshUser | undefined,
    line: CallLine,
    granted: () => void,
  ): Promise<void> {
    const { events, calls, passwordMethod } = this.#options;
    const methods: AuthenticationType[] = ['publickey', passwordMethod];
    const isTry = context.method === passwordMethod || (context.method === 'publickey' && context.signature);
    let verdict: LoginVerdict = 'refused';
    const judge = async () => {
      verdict = await judgeLogin(context, user, passwordMethod);
    };
    const refuse = () => context.reject(methods);
    const end = isTry ? await calls.perform('login', { ...line, refuse }, judge) : await judge().then(() => 'answered');
    if (end !== 'answered') return;
    if (context.method !== 'none')
      events.add('guest', 'answer', `login ${context.method}`, context.username, { verdict });
    answerLogin(context, verdict, methods, granted);
  }

  async #execute(channel: ServerChannel, command: string, from: Pick<CommandIo<User>, 'user' | 'drop' | 'gone'>) {
    const stdin = new ProgramInput();
    channel.on('data', (data: Buffer) => stdin.push(data));
    channel.on('end', () => stdin.end());
    channel.on('close', () => stdin.end());
    channel.on('error', () => stdin.end());
    const exitCode = await this.#options.run(command, {
      ...from,
      stdin,
      stdout: (data) => void (channel.writable && channel.write(data)),
      stderr: (text) => void (channel.writable && channel.stderr.write(text)),
    });
    if (!channel.writable) return;
    channel.exit(exitCode);
    channel.end();
  }
}

/** `key-would-do`: the client first asks whether it is worth signing with this key. */
type LoginVerdict = 'granted' | 'refused' | 'key-would-do';

function answerLogin(
  context: AuthContext,
  verdict: LoginVerdict,
  methods: AuthenticationType[],
  granted: () => void,
): void {
  if (verdict === 'refused') {
    context.reject(methods);
    return;
  }
  if (verdict === 'granted') granted();
  context.accept();
}

async function judgeLogin(
  context: AuthContext,
  user: SshUser | undefined,
  passwordMethod: PasswordMethod,
): Promise<LoginVerdict> {
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

function judgeKey({ key, signature, blob, hashAlgo }: PublicKeyAuthContext, user: SshUser | undefined): LoginVerdict {
  const line = user?.authorizedKeys?.find((candidate) => isKey(candidate, key));
  if (line === undefined) return 'refused';
  if (!signature || !blob) return 'key-would-do';
  const parsed = ssh2.utils.parseKey(line);
  const authorized = Array.isArray(parsed) ? parsed[0] : parsed;
  if (!authorized || authorized instanceof Error) return 'refused';
  return authorized.verify(blob, signature, hashAlgo) === true ? 'granted' : 'refused';
}

function isPassword(user: SshUser | undefined, given: string): boolean {
  const [expected, actual] = [Buffer.from(user?.password ?? ''), Buffer.from(given)];
  return expected.length > 0 && expected.length === actual.length && timingSafeEqual(expected, actual);
}

function isKey(line: string, { algo, data }: { readonly algo: string; readonly data: Buffer }): boolean {
  const [type, base64 = ''] = line.split(' ');
  return type === algo && Buffer.from(base64, 'base64').equals(data);
}

import { createHash } from 'node:crypto';
import ssh2 from 'ssh2';
import { GuestCalls } from '../guest/guest-calls.ts';
import { ProgramInput, type ProgramIo } from '../guest/program.ts';
import { type CommandIo, LabSshServer, type SshUser } from '../guest/ssh-server.ts';
import type { EventLog } from '../world/events.ts';
import type { FaultRules } from '../world/faults.ts';
import type { Latency } from '../world/pace.ts';
import type { ProgramFinder } from './command-line.ts';

export interface OpenSshOptions {
  readonly guestName: string;
  readonly hostName: string;
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly latency: Latency;
  readonly users: readonly SshUser[];
  /** HKLM\SOFTWARE\OpenSSH, DefaultShell. */
  readonly defaultShell: 'cmd' | 'powershell';
  readonly findProgram: ProgramFinder;
}

export interface LabOpenSsh {
  readonly port: number;
  /** As `ssh-keygen -l` prints it. */
  readonly hostKeyFingerprint: string;
  /** Every connection breaks. */
  dropConnections(): void;
  /** What clients send to programs that run now does not arrive any more, without any sign of it. */
  deafen(): void;
  close(): Promise<void>;
}

/** sshd of Windows: every command goes through the DefaultShell, and what it started ends with the connection. */
export async function startOpenSsh(options: OpenSshOptions): Promise<LabOpenSsh> {
  const { events, faults, guestName, latency } = options;
  // ssh2 1.17 writes a few in a thousand ed25519 keys in a form that it cannot read itself.
  const { private: hostKey, public: publicKey } = ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 });
  const calls = new GuestCalls({ name: guestName, events, faults, latency });
  const hearing = new Set<() => void>();
  const server = new LabSshServer({
    events,
    calls,
    ident: 'OpenSSH_for_Windows_9.5_lab',
    hostKey,
    users: options.users,
    passwordMethod: 'password',
    run: (line, io) => run(options, calls, hearing, line, io),
  });
  const port = await server.listen();
  const key = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  return {
    port,
    hostKeyFingerprint: `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`,
    dropConnections: () => server.dropAll(),
    deafen: () => {
      for (const deafen of hearing) deafen();
    },
    close: () => server.close(),
  };
}

async function run(
  options: OpenSshOptions,
  calls: GuestCalls,
  hearing: Set<() => void>,
  line: string,
  from: CommandIo<SshUser>,
): Promise<number> {
  const account = `${options.hostName}\\${from.user.name}`;
  const found = shells[options.defaultShell](options, line, account);
  let exitCode = 1;
  let isHanging = false;
  const callLine = {
    drop: () => from.drop(),
    refuse: ({ body }: { readonly body?: string }) => from.stderr(body ?? ''),
    hang: () => {
      isHanging = true;
    },
    gone: from.gone,
  };
  let program: Promise<number> | undefined;
  const io: ProgramIo = {
    arguments: found.arguments,
    account,
    environment: new Map(),
    ...untilGone(from, hearing),
    write: (stream, data) => {
      const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
      if (stream === 'stdout') from.stdout(bytes);
      else from.stderr(bytes.toString('latin1'));
    },
  };
  await calls.perform(`exec ${found.name}`, callLine, async () => {
    program = found.program(io);
  });
  if (program) exitCode = await program;
  if (isHanging) await from.gone;
  return exitCode;
}

type Found = NonNullable<ReturnType<ProgramFinder>> & { readonly name: string };

/** A connection that is gone ends the processes it started, whatever they do; a client that ends their input lets them read that. */
function untilGone({ stdin, gone }: CommandIo<SshUser>, hearing: Set<() => void>): Pick<ProgramIo, 'stdin' | 'killed'> {
  const kill = new AbortController();
  const own = new ProgramInput();
  let isDeaf = false;
  const deafen = () => {
    isDeaf = true;
  };
  hearing.add(deafen);
  void gone.then(() => {
    hearing.delete(deafen);
    kill.abort();
  });
  stdin.attach({
    data: (bytes) => !isDeaf && own.push(bytes),
    // The input of a broken connection ends with it: which of the two it was shows in the next turn.
    end: () => setImmediate(() => !isDeaf && own.end()),
  });
  return { stdin: own, killed: kill.signal };
}

const baseName = (path: string): string => (path.split('\\').at(-1) ?? path).toLowerCase();

const shells: Readonly<
  Record<OpenSshOptions['defaultShell'], (options: OpenSshOptions, line: string, account: string) => Found>
> = {
  /** `cmd.exe /c "LINE"`. */
  cmd({ findProgram }, line, account) {
    const found = findProgram(`"${line}"`, { throughCmd: true, environment: new Map(), account });
    if (!found) throw new Error('cmd.exe is always found');
    return { ...found, name: baseName(/^"([^"]+)"/.exec(line)?.[1] ?? line.split(' ')[0] ?? '') };
  },
  /** `powershell.exe -c "LINE"`: one call of a program, or one echo; nothing else of the language. */
  powershell({ findProgram, events, guestName }, line, account) {
    const echo = /^echo ((?:%\w+%|\$HOME)(?: (?:%\w+%|\$HOME))*)$/.exec(line)?.[1];
    if (echo !== undefined) return saying('echo', 0, 'stdout', echo.replace('$HOME', 'C:\\Users\\backup').split(' '));
    const call = /^& ((?:'(?:[^']|'')*')(?: '(?:[^']|'')*')*); exit \$LASTEXITCODE$/.exec(line)?.[1];
    if (call === undefined) {
      events.add('guest', 'unserved', 'powershell', guestName, { line: line.slice(0, 200) });
      return saying('powershell', 1, 'stderr', ['PowerShell is not simulated by this lab.']);
    }
    const [path = '', ...words] = [...call.matchAll(/'((?:[^']|'')*)'/g)].map(([, word = '']) =>
      word.replace(/''/g, "'"),
    );
    const passed = words.map((word) => (/\s/.test(word) ? `"${word}"` : word)).join(' ');
    const found = findProgram(`"${path}" ${passed}`, { throughCmd: false, environment: new Map(), account });
    // An error of PowerShell's own leaves $LASTEXITCODE empty.
    return found
      ? { ...found, name: baseName(path) }
      : saying('powershell', 0, 'stderr', [`& : The term '${path}' is not recognized as the name of a cmdlet.`]);
  },
};

const saying = (name: string, exitCode: number, stream: 'stdout' | 'stderr', lines: readonly string[]): Found => ({
  name,
  arguments: '',
  program: async (io) => {
    io.write(stream, `${lines.join('\r\n')}\r\n`);
    return exitCode;
  },
});

import type {
  AnyAuthMethod,
  Client,
  ClientChannel,
  KeyboardInteractiveAuthMethod,
  ParsedKey,
  ServerHostKeyAlgorithm,
} from 'ssh2';
import { type HostAddress, type HostTrust, judgeHostKey, knownKeyTypes } from './host-keys.ts';
import { SshError } from './ssh-error.ts';

/** Resolved secrets of one login. */
export type SshCredentials =
  | { readonly kind: 'key'; readonly privateKey: string; readonly passphrase: string | undefined }
  | { readonly kind: 'password'; readonly password: string };

export interface SshTarget extends HostAddress {
  readonly username: string;
  readonly trust: HostTrust;
  readonly keepaliveMs: number;
}

/** Unanswered signs of life after which a connection counts as broken. */
const MAX_UNANSWERED = 3;

/** How a remote program ended; `lost`: the connection went first, so what became of it is not known. */
export type RemoteEnd =
  | { readonly kind: 'exited'; readonly exitCode: number | undefined }
  | { readonly kind: 'lost'; readonly reason: string };

export interface RemoteOutput {
  stdout(data: Buffer): void;
  stderr(data: Buffer): void;
  /** Called once, after all output. */
  ended(end: RemoteEnd): void;
}

/** The standard input of a program that runs in the guest, without a terminal. */
export interface RemoteProgram {
  /** Hands bytes to the open connection at once, or not at all. */
  write(data: Buffer): void;
}

export interface SshProgram extends RemoteProgram {
  /** Ends the input. */
  end(): void;
}

/** One SSH connection, logged in. */
export class SshConnection {
  readonly #client: Client;
  #broken: string | undefined;

  constructor(client: Client) {
    this.#client = client;
    client.on('error', (error) => {
      this.#broken ??= error.message;
    });
    client.on('close', () => {
      this.#broken ??= 'the connection was closed';
    });
  }

  get isOpen(): boolean {
    return this.#broken === undefined;
  }

  /** Starts a command line. @throws SshError `refused`, `disconnected`, or the signal's reason. */
  run(command: string, output: RemoteOutput, signal: AbortSignal): Promise<SshProgram> {
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        signal.removeEventListener('abort', onAbort);
        this.#client.off('close', onClose);
        finish();
      };
      const onAbort = () => settle(() => reject(signal.reason));
      const onClose = () => settle(() => reject(this.#disconnected()));
      if (signal.aborted || !this.isOpen) {
        reject(signal.aborted ? signal.reason : this.#disconnected());
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      this.#client.once('close', onClose);
      this.#client.exec(command, { pty: false }, (error, channel) => {
        if (error) settle(() => reject(new SshError({ kind: 'refused', reason: error.message })));
        else settle(() => resolve(this.#program(channel, output)));
      });
    });
  }

  close(): void {
    this.#broken ??= 'the session was closed';
    this.#client.end();
    // A peer that does not answer the goodbye must not keep this process alive.
    this.#client.destroy();
  }

  #program(channel: ClientChannel, output: RemoteOutput): SshProgram {
    let exit: { readonly exitCode: number | undefined } | undefined;
    channel.on('data', (data: Buffer) => output.stdout(data));
    channel.stderr.on('data', (data: Buffer) => output.stderr(data));
    // Both streams report a broken connection; `close` tells it once.
    channel.on('error', () => undefined);
    channel.on('exit', (code: number | null) => {
      exit = { exitCode: code ?? undefined };
    });
    channel.on('close', () =>
      output.ended(exit ? { kind: 'exited', ...exit } : { kind: 'lost', reason: this.#broken ?? 'the channel closed' }),
    );
    return {
      write: (data) => {
        if (!this.isOpen || !channel.writable) throw this.#disconnected();
        channel.write(data);
      },
      end: () => void channel.end(),
    };
  }

  #disconnected(): SshError {
    return new SshError({ kind: 'disconnected', reason: this.#broken ?? 'the channel closed' });
  }
}

/**
 * Connects and logs in, with one try of one method, so that no account is locked by repetition.
 * @throws SshError, or the signal's reason.
 */
export async function openSsh(
  target: SshTarget,
  credentials: SshCredentials,
  signal: AbortSignal,
): Promise<SshConnection> {
  // Loaded here: a run without Linux guests has no use for it.
  const ssh2 = await import('ssh2');
  if (signal.aborted) throw signal.reason;
  if (credentials.kind === 'key') checkKey(ssh2.utils.parseKey(credentials.privateKey, credentials.passphrase));
  const client = new ssh2.Client();
  const connection = new SshConnection(client);
  let refusal: SshError | undefined;
  let tried = false;
  await new Promise<void>((resolve, reject) => {
    const settle = (finish: () => void) => {
      signal.removeEventListener('abort', onAbort);
      finish();
    };
    const onAbort = () => {
      connection.close();
      settle(() => reject(signal.reason));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    client.once('ready', () => settle(resolve));
    client.on('error', (error) => settle(() => reject(refusal ?? connectError(error))));
    client.once('close', () =>
      settle(() => reject(new SshError({ kind: 'unreachable', reason: 'the connection was closed' }))),
    );
    client.connect({
      host: target.host,
      port: target.port,
      username: target.username,
      // The caller's signal limits everything.
      readyTimeout: 0,
      keepaliveInterval: target.keepaliveMs,
      keepaliveCountMax: MAX_UNANSWERED,
      hostVerifier: (shown: Buffer) => {
        const verdict = judgeHostKey(target.trust, target, shown);
        if (!verdict.trusted) refusal = new SshError({ kind: 'untrusted', ...verdict });
        return verdict.trusted;
      },
      ...wantedHostKeys(target),
      authHandler: (methods, partly, next) => {
        // The types tell null wrongly; before the first try there is no list.
        const method = nextMethod(target.username, credentials, methods as readonly string[] | null, tried);
        tried ||= methods !== null;
        if (method) return next(method);
        const still = partly ? 'more than one login method is asked for' : 'the guest refused it';
        refusal ??= new SshError({ kind: 'login', reason: `${still}; it takes ${methods?.join(', ') || 'nothing'}` });
        // `false` gives up (README of ssh2); its types do not know that.
        next(false as unknown as AnyAuthMethod);
      },
    });
  }).catch((thrown: unknown) => {
    connection.close();
    throw thrown;
  });
  client.setNoDelay(true);
  return connection;
}

function checkKey(parsed: ParsedKey | ParsedKey[] | Error): void {
  if (parsed instanceof Error) throw new SshError({ kind: 'key', reason: parsed.message });
  const first = Array.isArray(parsed) ? parsed[0] : parsed;
  if (!first?.isPrivateKey()) throw new SshError({ kind: 'key', reason: 'it is not a private key' });
}

/** The first question, without any method, is what the guest takes; then there is one try. Undefined gives up. */
function nextMethod(
  username: string,
  credentials: SshCredentials,
  methods: readonly string[] | null,
  tried: boolean,
): AnyAuthMethod | undefined {
  if (methods === null) return { type: 'none', username };
  if (tried) return undefined;
  if (credentials.kind === 'key') {
    const { privateKey: key, passphrase } = credentials;
    if (!methods.includes('publickey')) return undefined;
    return { type: 'publickey', username, key, ...(passphrase === undefined ? {} : { passphrase }) };
  }
  const { password } = credentials;
  if (methods.includes('password')) return { type: 'password', username, password };
  if (!methods.includes('keyboard-interactive')) return undefined;
  // PAM asks for the password in its own words; what is to be seen while it is typed is no password.
  const prompt: KeyboardInteractiveAuthMethod['prompt'] = (_name, _instructions, _language, prompts, answer) =>
    answer(prompts.map(({ echo }) => (echo ? '' : password)));
  return { type: 'keyboard-interactive', username, prompt };
}

const SERVER_KEYS: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  // The key is the same, the signature over SHA-1 is not asked for.
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

function wantedHostKeys(target: SshTarget): { algorithms?: { serverHostKey: ServerHostKeyAlgorithm[] } } {
  const serverHostKey = knownKeyTypes(target.trust, target).flatMap((type) => SERVER_KEYS[type] ?? []);
  return serverHostKey.length === 0 ? {} : { algorithms: { serverHostKey } };
}

function connectError(error: Error & { readonly level?: string }): SshError {
  const kind = error.level === 'client-authentication' ? 'login' : 'unreachable';
  return new SshError({ kind, reason: error.message });
}

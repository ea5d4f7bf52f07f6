import ssh2, { type ClientChannel } from 'ssh2';
import { until } from '../guest/until.ts';

/** One run of a command over a plain ssh2 client, without any code of the product. */
export interface RawRun {
  say(text: string): void;
  /** Every line of stdout so far, as JSON. */
  events(): readonly Record<string, unknown>[];
  /** Resolves with the first event of that name. */
  next(name: string): Promise<Record<string, unknown>>;
  readonly stderr: string;
  readonly exitCode: number | undefined;
  endInput(): void;
  /** Cuts the connection. */
  drop(): void;
  ended(): Promise<void>;
}

export async function rawRun(
  port: number,
  login: { username: string; password: string },
  command: string,
): Promise<RawRun> {
  const client = new ssh2.Client();
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve);
    client.on('error', reject);
    client.connect({ host: '127.0.0.1', port, ...login, hostVerifier: () => true });
  });
  let stdout = '';
  let stderr = '';
  let exitCode: number | undefined;
  let closed = false;
  // Listeners must be there when the first packets are: a command may have ended in them.
  const listen = (opened: ClientChannel) => {
    opened.on('data', (data: Buffer) => {
      stdout += data;
    });
    opened.stderr.on('data', (data: Buffer) => {
      stderr += data;
    });
    opened.on('exit', (code: number) => {
      exitCode = code;
    });
    opened.on('close', () => {
      closed = true;
      client.end();
    });
    return opened;
  };
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    client.exec(command, (error, opened) => (error ? reject(error) : resolve(listen(opened))));
  });
  const events = () =>
    stdout
      .split('\n')
      .slice(0, -1)
      .map((line): Record<string, unknown> => JSON.parse(line));
  const find = (name: string) => events().find(({ event }) => event === name);
  return {
    say: (text) => channel.write(text),
    events,
    next: async (name) => {
      await until(() => find(name) !== undefined);
      return find(name) ?? {};
    },
    get stderr() {
      return stderr;
    },
    get exitCode() {
      return exitCode;
    },
    endInput: () => channel.end(),
    drop: () => client.destroy(),
    ended: () => until(() => closed),
  };
}

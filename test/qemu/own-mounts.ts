import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * A mount namespace of its own over /mnt: what a script mounts below it, nobody else sees, and it is gone when this process
 * ends, however that ends.
 */
export class OwnMounts {
  readonly #keeper: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<readonly unknown[]>;

  private constructor(script: string, args: readonly string[]) {
    const lines = ['mount -t tmpfs -o mode=755 tmpfs /mnt', script, 'echo mounted', 'cat', 'umount --recursive /mnt'];
    const shell = ['sh', '-euc', lines.join('\n'), 'sh', ...args];
    this.#keeper = spawn('unshare', ['--mount', '--propagation', 'private', ...shell], { stdio: 'pipe' });
    this.#ended = once(this.#keeper, 'close');
  }

  /** `script`: for sh, which ends at the first line that fails; it has `args` as $1 and so on. */
  static async make(script: string, ...args: readonly string[]): Promise<OwnMounts> {
    const mounts = new OwnMounts(script, args);
    const { stdout, stderr } = mounts.#keeper;
    const said: Buffer[] = [];
    stderr.on('data', (bytes: Buffer) => said.push(bytes));
    const [first] = await Promise.race([once(stdout, 'data'), mounts.#ended]);
    if (String(first) !== 'mounted\n') throw new Error(`nothing is mounted: ${Buffer.concat(said)}`);
    return mounts;
  }

  /** Starts a program there by setpriv with these arguments; it ends with this process. */
  start(setpriv: readonly string[]): ChildProcessWithoutNullStreams {
    const there = [`--mount=/proc/${this.#keeper.pid}/ns/mnt`, 'setpriv', '--pdeathsig', 'KILL', ...setpriv];
    return spawn('nsenter', there, { stdio: 'pipe', cwd: '/' });
  }

  /** What it printed; it must succeed. */
  async run(setpriv: readonly string[], input = ''): Promise<Buffer> {
    const program = this.start(setpriv);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    program.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
    program.stderr.on('data', (bytes: Buffer) => stderr.push(bytes));
    program.stdin.on('error', () => undefined).end(input);
    const [exitCode] = await once(program, 'close');
    if (exitCode !== 0) throw new Error(`${setpriv.join(' ')}: exit code ${exitCode}: ${Buffer.concat(stderr)}`);
    return Buffer.concat(stdout);
  }

  /** Unmounts everything; nothing may run there any more. */
  async end(): Promise<void> {
    this.#keeper.stdin.end();
    const [exitCode] = await this.#ended;
    expect(exitCode).toBe(0);
  }
}

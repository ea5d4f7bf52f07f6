import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { GuestOperations } from '../../ports/guest-operations.ts';
import { FIRST_PAUSE_MS, LOST_ANSWERS, nextPauseMs, programEnd } from '../program-end.ts';
import type { RemoteEnd, RemoteProgram } from '../ssh/ssh-connection.ts';
import { SshError } from '../ssh/ssh-error.ts';
import type { GuestConnection } from './helper-channel.ts';
import { shellWord } from './helper-lines.ts';

type Output = Parameters<GuestConnection['run']>[1];

const PREFIX = 'snaphook-';
/** Nothing of a session that nobody ends outlives this in the guest. */
const LIFE_SECONDS = 3600;
/** How long the answer to a folder is still waited for when nobody wants the folder any more: one whose name was not heard stays. */
const NAME_LIMIT_MS = 3_000;
/** For the end of what lies in the guest. */
const CLOSE_LIMIT_MS = 30_000;

/**
 * `$0` is the folder of the session, the rest a command line. Its input is a FIFO, which a second process keeps open; when a line comes
 * to `hold`, or the life is over, that process removes the folder and ends: the command reads the end of its input.
 */
const SESSION = [
  'cd "$0" && mkfifo -m 600 in hold && exec 3<>in && {',
  `(read -r -t ${LIFE_SECONDS} <>hold; rm -rf "$0") >/dev/null 2>&1 &`,
  'exec /usr/bin/env "$@" <in >out 2>err 3>&-; }',
].join(' ');

/** What goes through the formats of printf and comes out as it was. */
const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

/** A line of printf that says something to whoever reads a FIFO of the session. Opened for reading too, it never waits for a reader. */
const saying = (text: string, fifo: string) => ({
  path: '/usr/bin/printf',
  arguments: `%b ${shellWord(escaped(text))} 1<>${shellWord(fifo)}`,
});

export interface GuestOperationsWay {
  readonly operations: GuestOperations;
  readonly clock: Clock;
  /** Folder in memory of the guest, for input and output of programs. */
  readonly memoryFolder: string;
}

/**
 * Programs of a Linux guest by guest operations, each in a folder of its own in memory. Their input is written by one small program a
 * message; messages that were not answered may overtake each other. Output is asked for while somebody waits for it, and never else.
 */
export class GuestOperationsConnection implements GuestConnection {
  readonly #way: GuestOperationsWay;
  readonly #vcenterSession: string | undefined;
  readonly #life = new AbortController();
  #folder: string | undefined;
  #closing: Promise<void> | undefined;

  /** `vcenterSession`: what a process that is killed leaves in vCenter. */
  constructor(way: GuestOperationsWay, vcenterSession?: string) {
    this.#way = way;
    this.#vcenterSession = vcenterSession;
  }

  get isOpen(): boolean {
    return !this.#life.signal.aborted;
  }

  get resume(): Readonly<Record<string, string>> {
    return {
      ...(this.#folder !== undefined && { folder: this.#folder }),
      ...(this.#vcenterSession !== undefined && { vcenterSession: this.#vcenterSession }),
    };
  }

  /** The folder of the session. */
  async makePlace(signal: AbortSignal): Promise<void> {
    await this.#madeFolder(signal);
  }

  /** Of one program in the life of a connection. What is written before its first word may be lost. */
  async run(command: string, output: Output, signal: AbortSignal): Promise<RemoteProgram> {
    const { operations } = this.#way;
    const folder = await this.#madeFolder(signal);
    const script = `-c ${shellWord(SESSION)} ${shellWord(folder)} ${command}`;
    const processId = await operations.start({ path: '/bin/bash', arguments: script }, signal);
    const program = new ProgramByFiles({ ...this.#way, folder, processId, output }, this.#life.signal);
    void program.listen();
    return program;
  }

  async #madeFolder(signal: AbortSignal): Promise<string> {
    const { operations, clock, memoryFolder: parent } = this.#way;
    signal.throwIfAborted();
    this.#folder ??= await endingLate(clock, signal, (limit) =>
      operations.makeFolder({ parent, prefix: PREFIX }, limit),
    );
    signal.throwIfAborted();
    return this.#folder;
  }

  close(): void {
    this.#closing ??= this.#close();
    // Whoever wants to know asks `closed`.
    this.#closing.catch(() => undefined);
  }

  async closed(): Promise<void> {
    await this.#closing;
  }

  async #close(): Promise<void> {
    this.#life.abort(new SshError({ kind: 'disconnected', reason: 'the session was closed' }));
    if (this.#folder !== undefined) await removeSession(this.#way, this.#folder, AbortSignal.timeout(CLOSE_LIMIT_MS));
  }
}

/** The work is given up a while after the signal ended. */
async function endingLate<Result>(
  clock: Clock,
  signal: AbortSignal,
  work: (limit: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const limit = new AbortController();
  const isOver = new AbortController();
  const wait = () =>
    clock.sleep(NAME_LIMIT_MS, isOver.signal).then(
      () => limit.abort(signal.reason),
      () => undefined,
    );
  signal.addEventListener('abort', wait, { once: true, signal: isOver.signal });
  try {
    return await work(limit.signal);
  } finally {
    isOver.abort();
  }
}

/** Removes the folder after the process that keeps the input open was told to end. */
const REMOVAL = '[ ! -p "$0/hold" ] || echo 1<>"$0/hold"; rm -rf "$0"';

/**
 * Ends the input of the program whose session has that folder, and removes the folder. Success when there is none.
 * @throws SnaphookError, or the signal's reason; then something may be left.
 */
export async function removeSession(
  { operations, clock, memoryFolder }: GuestOperationsWay,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  // The name comes from a guest or a journal, and what has another name is not ours.
  const isOurs = folder.startsWith(`${memoryFolder}/${PREFIX}`) && !folder.slice(memoryFolder.length + 1).includes('/');
  if (!isOurs) throw new SnaphookError('E_GUEST', `folder "${folder}" in the guest is no session of snaphook`);
  const processId = await operations.start(
    { path: '/bin/bash', arguments: `-c ${shellWord(REMOVAL)} ${shellWord(folder)}` },
    signal,
  );
  if ((await programEnd({ operations, clock }, processId, signal)) === 0) return;
  throw new SnaphookError('E_GUEST', `folder "${folder}" in the guest could not be removed`, { effect: 'unknown' });
}

interface Program extends GuestOperationsWay {
  readonly folder: string;
  readonly processId: number;
  readonly output: Output;
}

/** One program of the guest whose input and output are files. */
class ProgramByFiles implements RemoteProgram {
  readonly #program: Program;
  readonly #life: AbortSignal;
  #pauseMs = FIRST_PAUSE_MS;
  #heardBytes = 0;
  /** Questions wait for messages on their way: two calls at once would open another connection to vCenter, maybe in the window. */
  #sending: Promise<unknown> = Promise.resolve();
  #end: RemoteEnd | undefined;

  constructor(program: Program, life: AbortSignal) {
    this.#program = program;
    this.#life = life;
  }

  write(data: Buffer): void {
    const { operations, folder } = this.#program;
    if (this.#life.aborted || this.#end) throw new SshError({ kind: 'disconnected', reason: 'the session has ended' });
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#sending = operations
      .start(saying(data.toString('ascii'), `${folder}/in`), this.#life)
      .catch((thrown: unknown) => this.#endAs({ kind: 'lost', reason: reasonOf(thrown) }));
  }

  /** Asks for output until the program ends. Never rejects. */
  async listen(): Promise<void> {
    const { clock, output } = this.#program;
    let lost = 0;
    while (!this.#life.aborted && this.#end?.kind !== 'exited') {
      await output.awaited();
      await this.#sending;
      try {
        if (await this.#hear()) this.#pauseMs = FIRST_PAUSE_MS;
        else if (await this.#hasEnded()) return;
        lost = 0;
      } catch (thrown) {
        lost += 1;
        if (lost >= LOST_ANSWERS || this.#life.aborted) this.#endAs({ kind: 'lost', reason: reasonOf(thrown) });
      }
      await clock.sleep(this.#pauseMs, this.#life).catch(() => undefined);
      this.#pauseMs = nextPauseMs(this.#pauseMs);
    }
  }

  /** True: there was something new. */
  async #hear(): Promise<boolean> {
    const { operations, folder, output } = this.#program;
    const found = await operations
      .readLonger(`${folder}/out`, this.#heardBytes, this.#life)
      .catch((thrown: unknown) => {
        // The shell has not come so far, or not even to its start: the program tells that.
        if (thrown instanceof SnaphookError && thrown.code === 'E_GUEST') return undefined;
        throw thrown;
      });
    if (found === undefined || found.length <= this.#heardBytes) return false;
    const heard = found.subarray(this.#heardBytes);
    this.#heardBytes = found.length;
    output.stdout(heard);
    return true;
  }

  async #hasEnded(): Promise<boolean> {
    const { operations, folder, processId, output } = this.#program;
    const [program] = await operations.programs([processId], this.#life);
    if (program === undefined || program.kind === 'running') return false;
    // What it said last, between the two questions.
    await this.#hear();
    const words = await operations.readLonger(`${folder}/err`, 0, this.#life).catch(() => undefined);
    if (words) output.stderr(words);
    this.#endAs({ kind: 'exited', exitCode: program.kind === 'ended' ? program.exitCode : undefined });
    return true;
  }

  #endAs(end: RemoteEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.#program.output.ended(end);
  }
}

const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

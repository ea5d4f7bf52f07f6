import { randomBytes } from 'node:crypto';
import { SnaphookError } from '../../../ports/errors.ts';
import { GuestFileNotFound, type GuestProgram } from '../../../ports/guest-operations.ts';
import { withDeadline } from '../../deadline.ts';
import { FIRST_PAUSE_MS, LOST_ANSWERS, nextPauseMs, programEnd } from '../../program-end.ts';
import type { HelperFacts } from '../helper-facts.ts';
import type { HelperTransport } from '../helper-transport.ts';
import { quoteArgument } from '../quoting.ts';
import { clearHeldSession, endHeldSession, type HeldSession, tellProgram } from './held-session.ts';
import { type GuestOperationsWay, makeSessionFolder } from './way.ts';

/** What a command line of Windows has room for, two hex digits a byte, with the path of the helper. */
const MAX_TOLD_BYTES = 15_000;
/** The helper's `await` waits for 2 minutes: before that another one waits. */
const AWAIT_AGAIN_MS = 75_000;
/** How long the end of a helper may take that a thaw asks for. */
const END_LIMIT_MS = 15_000;
const LINE_FEED = 0x0a;

const NOTHING = Buffer.alloc(0);

/**
 * The helper by guest operations: `hold` serves and writes its events to a file, `tell` brings it bytes, and `await` ends when the guest
 * stands still, as the file then says nothing. Questions are asked while somebody waits for an answer, and never else.
 */
export class GuestOperationsHelperChannel implements HelperTransport {
  readonly #way: GuestOperationsWay;
  readonly #facts: HelperFacts;
  readonly #life = new AbortController();
  #held: HeldSession | undefined;
  #processId: number | undefined;
  #heardBytes = 0;
  /** Those that wait for the freeze, the newest last. */
  #awaits: readonly { readonly processId: number; readonly sinceMs: number }[] = [];
  #pauseMs = FIRST_PAUSE_MS;
  /** Never rejects. Questions wait for messages on their way: two calls at once would open another connection to vCenter, maybe in the window. */
  #sending: Promise<unknown> = Promise.resolve();
  #underWay = 0;
  #listener = new AbortController();

  constructor(way: GuestOperationsWay, facts: HelperFacts) {
    this.#way = way;
    this.#facts = facts;
  }

  async start(
    helperPath: string,
    onSession: (resume: Readonly<Record<string, string>>) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const vcenterSession = await this.#way.login(signal);
    const folder = await makeSessionFolder(this.#way, signal);
    // Chosen here, so that the record is written before there is a helper, and finds it whatever becomes of the answer.
    const held = { helperPath, session: randomBytes(16).toString('hex'), folder };
    this.#held = held;
    await onSession({ ...held, ...(vcenterSession !== undefined && { vcenterSession }) });
    const words = `hold ${held.session} ${quoteArgument(eventsOf(held))}`;
    try {
      this.#processId = await this.#way.operations.start({ path: helperPath, arguments: words }, signal);
    } catch (thrown) {
      if (!(thrown instanceof GuestFileNotFound)) throw thrown;
      // What no helper means is told by who asked for it.
      this.#facts.addOutput(NOTHING, Buffer.from(thrown.message));
      this.#facts.exited(undefined);
      return;
    }
    this.#listenAnew();
  }

  get canSend(): boolean {
    return this.#processId !== undefined && this.#facts.end === undefined && !this.#life.signal.aborted;
  }

  async expectFreeze(signal: AbortSignal): Promise<void> {
    await this.#inTurn(() => this.#await(signal));
  }

  /** The connection to vCenter is what has to stay warm. */
  async keepWarm(): Promise<void> {
    const { operations, clock } = this.#way;
    const { signal } = this.#life;
    const refresh = async () => {
      const newest = this.#awaits.at(-1);
      if (newest !== undefined && clock.monotonicMs() - newest.sinceMs >= AWAIT_AGAIN_MS) await this.#await(signal);
      else await operations.programs([this.#ownProcess()], signal);
    };
    // One answer that is lost breaks nothing: the next time comes.
    await this.#inTurn(refresh).catch(() => signal.throwIfAborted());
  }

  async send(data: Buffer): Promise<void> {
    await this.#inTurn(() => this.#tell(data));
  }

  /** It waits for nothing: there is no order among programs that are started. Nor does the answer wait for a message that got none. */
  async sendUrgently(data: Buffer): Promise<void> {
    if (this.#underWay > 0) this.#listenAnew();
    await this.#waitedFor(this.#tell(data));
  }

  async receiveAgain(): Promise<void> {
    this.#life.signal.throwIfAborted();
    this.#facts.receivingAgain();
    this.#listenAnew();
  }

  async endShell(): Promise<void> {
    const late = () => this.#gone(`its helper did not end in ${END_LIMIT_MS} ms`);
    await withDeadline(this.#way.clock, END_LIMIT_MS, this.#life.signal, late, (signal) => this.#end(signal));
  }

  async dispose(signal: AbortSignal): Promise<void> {
    this.#life.abort(this.#gone('the session was closed'));
    if (!this.#held) return;
    signal.throwIfAborted();
    await this.#end(signal);
  }

  async #end(signal: AbortSignal): Promise<void> {
    if (!this.#held) return;
    const { end: known } = this.#facts;
    const isOver = known?.kind === 'exited' && known.exitCode === 0;
    const end = await (isOver ? clearHeldSession : endHeldSession)(this.#way, this.#held, signal);
    this.#held = undefined;
    if (end === 'released') this.#facts.exited(0);
    else this.#facts.shellGone();
  }

  /** One after the other, as they are asked for. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    await this.#waitedFor(this.#sending.then(work));
  }

  /** Questions wait for it. */
  async #waitedFor(call: Promise<void>): Promise<void> {
    this.#sending = call.catch(() => undefined);
    this.#underWay += 1;
    await call.finally(() => {
      this.#underWay -= 1;
    });
  }

  async #tell(data: Buffer): Promise<void> {
    const held = this.#held;
    if (!held || this.#life.signal.aborted) throw this.#gone('the helper was not started, or has ended');
    const { operations } = this.#way;
    this.#pauseMs = FIRST_PAUSE_MS;
    for (let start = 0; start < data.length; start += MAX_TOLD_BYTES) {
      const part = tellProgram(held, data.subarray(start, start + MAX_TOLD_BYTES));
      const processId = await operations.start(part, this.#life.signal);
      if (start + MAX_TOLD_BYTES >= data.length) return;
      // The next part must not overtake it.
      const exitCode = await programEnd(this.#way, processId, this.#life.signal);
      if (exitCode !== 0) throw this.#gone(`a message did not reach the helper, exit code ${exitCode ?? 'unknown'}`);
    }
  }

  async #await(signal: AbortSignal): Promise<void> {
    const { operations, clock } = this.#way;
    const { helperPath, session } = this.#held ?? { helperPath: '', session: '' };
    const sinceMs = clock.monotonicMs();
    const processId = await operations.start({ path: helperPath, arguments: `await ${session}` }, signal);
    this.#awaits = [...this.#awaits, { processId, sinceMs }];
  }

  /** A question that hangs is given up, and messages under way are not waited for any more. */
  #listenAnew(): void {
    this.#listener.abort();
    this.#listener = new AbortController();
    this.#sending = Promise.resolve();
    void this.#askAndWait(AbortSignal.any([this.#life.signal, this.#listener.signal]));
  }

  /** Asks for news until the helper has ended or cannot be asked. Never rejects. */
  async #askAndWait(signal: AbortSignal): Promise<void> {
    for (let lost = 0; !signal.aborted && !this.#facts.end; ) {
      await this.#facts.awaited();
      await this.#sending;
      if (signal.aborted) return;
      try {
        if (await this.#ask(signal)) this.#pauseMs = FIRST_PAUSE_MS;
        lost = 0;
      } catch (thrown) {
        lost += 1;
        if (signal.aborted) return;
        if (lost >= LOST_ANSWERS) {
          this.#facts.connectionLost(thrown);
          return;
        }
      }
      await this.#way.clock.sleep(this.#pauseMs, signal).catch(() => undefined);
      this.#pauseMs = nextPauseMs(this.#pauseMs);
    }
  }

  /** True: there was something new. */
  async #ask(signal: AbortSignal): Promise<boolean> {
    const { operations } = this.#way;
    const own = this.#ownProcess();
    const ids = [own, ...this.#awaits.map(({ processId }) => processId)];
    const [helper, ...waiting] = await operations.programs(ids, signal);
    if (waiting.some((program) => program.kind === 'ended' && program.exitCode === 0)) {
      this.#awaits = [];
      // When it began the file tells after the hold.
      this.#facts.tell({ event: 'frozen', atMs: 0, freezeMs: 0 });
      return true;
    }
    if (await this.#hear(signal)) return true;
    if (!helper || this.#isAtWork(helper)) return false;
    // What it said last, between the two questions.
    await this.#hear(signal);
    this.#facts.exited(helper.kind === 'ended' ? helper.exitCode : undefined);
    return true;
  }

  /** After a new start of the guest its number may be that of another program. */
  #isAtWork(program: GuestProgram): boolean {
    if (program.kind !== 'running') return false;
    const { commandLine } = program;
    return commandLine === '' || commandLine.includes(this.#held?.session ?? '');
  }

  /** Whole lines alone: a file may be read while a line is written. */
  async #hear(signal: AbortSignal): Promise<boolean> {
    const held = this.#held;
    if (!held) return false;
    const { operations } = this.#way;
    const found = await operations.readLonger(eventsOf(held), this.#heardBytes, signal).catch((thrown: unknown) => {
      // It has not come so far, or not even to its start: that the program tells.
      if (thrown instanceof GuestFileNotFound) return undefined;
      throw thrown;
    });
    const heard = found?.subarray(this.#heardBytes) ?? NOTHING;
    const lines = heard.subarray(0, heard.lastIndexOf(LINE_FEED) + 1);
    if (lines.length === 0) return false;
    this.#heardBytes += lines.length;
    this.#facts.addOutput(lines, NOTHING);
    return true;
  }

  #ownProcess(): number {
    if (this.#processId === undefined) throw this.#gone('the helper was not started');
    return this.#processId;
  }

  #gone(reason: string): SnaphookError {
    return new SnaphookError('E_GUEST_UNREACHABLE', `guest "${this.#way.name}", by VMware Tools: ${reason}`, {
      hint: 'See in vCenter that the VM runs and that VMware Tools is running and current.',
      retry: 'safe',
    });
  }
}

const eventsOf = ({ folder }: HeldSession): string => `${folder}\\events.jsonl`;

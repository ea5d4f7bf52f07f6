import {
  EXCHANGE_WRITER_ID,
  type HelperCommand,
  type HelperEvent,
  type HelperLogEntry,
  type HelperPhase,
  type HoldMode,
  MAX_EXCHANGE_HOLD_MS,
  VSS_HELPER_PROTOCOL,
} from '../../guest/windows/vss-helper-protocol.ts';
import type { GuestClock } from '../guest/guest-clock.ts';
import type { ProgramIo } from '../guest/program.ts';
import type { Pace } from '../world/pace.ts';
import { HRESULT, VssError } from './vss-codes.ts';
import type { VssCoordinator } from './vss-coordinator.ts';
import { parseHelperCommand } from './vss-helper-commands.ts';
import { HelperInput } from './vss-helper-input.ts';
import type { ResidentSets } from './vss-resident-sets.ts';
import { selfTest } from './vss-self-test.ts';
import type { SnapshotSet } from './vss-snapshot-set.ts';

/** The machine that the helper runs on. */
export interface HelperMachine {
  readonly coordinator: VssCoordinator;
  readonly clock: GuestClock;
  readonly pace: Pace;
  readonly os: string;
  readonly bootId: string;
  readonly residents: ResidentSets;
}

export const HELPER_VERSION = 'snaphook-vss 0.2.0';

type PrepareCommand = Extract<HelperCommand, { command: 'prepare' }>;

/** The set a conversation works on. */
interface OpenSet {
  readonly name: string;
  readonly set: SnapshotSet;
  readonly mode: HoldMode;
  readonly holdMs: number;
  readonly isFull: boolean;
  /** The resident requestor has it: it outlives this process. */
  readonly isResident: boolean;
  readonly since: Date;
}

/** One run of the helper, from `hello` to the end of its input, `quit`, or its death. */
export class HelperConversation {
  readonly #guest: HelperMachine;
  readonly #io: ProgramIo;
  readonly #input = new HelperInput();
  readonly #exit: Promise<number>;
  #end: (exitCode: number) => void = () => undefined;
  #phase: HelperPhase = 'idle';
  #open: OpenSet | undefined;
  /** Set while writes are held: lets go with this result for VSS. */
  #endHold: ((result: string) => void) | undefined;
  /** Set while writes are held: what becomes of the hold without the helper. */
  #leaveHold: (() => void) | undefined;
  /** The command being worked on; an abort replaces it, and then its outcome counts no more. */
  #work: object | undefined;

  constructor(guest: HelperMachine, io: ProgramIo) {
    this.#guest = guest;
    this.#io = io;
    this.#exit = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  run(): Promise<number> {
    const { os, bootId } = this.#guest;
    this.#tell({ event: 'hello', protocol: VSS_HELPER_PROTOCOL, helper: HELPER_VERSION, os, bootId });
    this.#io.killed.addEventListener('abort', () => this.#die());
    this.#io.stdin.attach({
      data: (bytes) => {
        this.#input.push(bytes);
        this.#read();
      },
      end: () => this.#leave(0),
    });
    return this.#exit;
  }

  /** While writes are held nothing but the release byte is looked at. */
  #read(): void {
    while (true) {
      if (this.#endHold) {
        if (this.#input.takeRelease()) this.#endHold(HRESULT.asyncFinished);
        else return;
      }
      const line = this.#input.peekLine();
      if (line === undefined) return;
      const command = parseHelperCommand(line);
      const urgent = command?.command === 'abort' || command?.command === 'status';
      if (this.#work && !urgent) return;
      this.#input.dropLine();
      this.#obey(command);
    }
  }

  #obey(command: HelperCommand | undefined): void {
    switch (command?.command) {
      case undefined:
        this.#fail(new VssError(HRESULT.invalidArgument, 'not a command of this protocol'));
        return;
      case 'prepare':
        this.#perform((current) => this.#prepare(command, current));
        return;
      case 'freeze':
        this.#perform((current) => this.#freeze(current));
        return;
      case 'complete':
        this.#perform(async () => this.#complete(command.success));
        return;
      case 'park':
        this.#perform(async () => this.#park(command.hours));
        return;
      case 'resume':
        this.#perform(async () => this.#resume(command.set));
        return;
      case 'selftest':
        this.#perform(async () => this.#selfTest());
        return;
      case 'status':
        this.#tell({ event: 'status', phase: this.#phase });
        return;
      case 'abort':
        this.#giveUp();
        this.#tell({ event: 'aborted' });
        return;
      case 'quit':
        this.#leave(0);
    }
  }

  #perform(work: (current: () => boolean) => Promise<void>): void {
    const token = {};
    this.#work = token;
    const current = () => this.#work === token;
    work(current)
      .catch((error: unknown) => {
        if (!(error instanceof VssError)) this.#guest.coordinator.noteDefect(error);
        if (current()) this.#fail(error);
      })
      .finally(() => {
        if (!current()) return;
        this.#work = undefined;
        this.#read();
      })
      .catch((error: unknown) => {
        // Not even letting go went well: the helper dies, as a program with such a defect would.
        this.#guest.coordinator.noteDefect(error);
        this.#end(1);
      });
  }

  async #prepare(command: PrepareCommand, current: () => boolean): Promise<void> {
    if (this.#phase !== 'idle') throw new VssError(HRESULT.badState, 'a snapshot set is already prepared');
    this.#phase = 'prepare';
    const { coordinator, residents } = this.#guest;
    if (!coordinator.knobs.providerRegistered) {
      throw new VssError(HRESULT.providerNotRegistered, 'the provider is not registered');
    }
    const { set: name, disks, backupType, mode, holdMs } = command;
    const isFull = backupType === 'full';
    if (isFull) residents.requireRoom(name);
    const since = new Date();
    const set = coordinator.start(disks, backupType, command);
    this.#open = { name, set, mode, holdMs, isFull, isResident: false, since };
    await set.prepare();
    if (!current()) return;
    if (holdMs > MAX_EXCHANGE_HOLD_MS && set.selectedWriters.includes(EXCHANGE_WRITER_ID)) {
      throw new VssError(HRESULT.invalidArgument, `Exchange stays frozen for at most ${MAX_EXCHANGE_HOLD_MS} ms`);
    }
    this.#phase = 'prepared';
    const { volumes, notHeld, components, excludedComponents } = set;
    this.#tell({ event: 'prepared', writers: set.writers(), volumes, notHeld, components, excludedComponents });
  }

  async #freeze(current: () => boolean): Promise<void> {
    const open = this.#open;
    if (!open || this.#phase !== 'prepared') throw new VssError(HRESULT.badState, 'nothing is prepared');
    const { set, mode } = open;
    this.#phase = 'freeze';
    const startedMs = this.#guest.clock.nowMs();
    let heldMs = 0;
    let expired = false;
    const hold = async () => {
      const sinceMs = this.#guest.clock.nowMs();
      const held = await this.#holdUntilReleased(open, sinceMs, sinceMs - startedMs);
      heldMs = round(this.#guest.clock.nowMs() - sinceMs);
      expired = held === HRESULT.providerVeto;
      return held;
    };
    const tellEnd = () => {
      if (current()) this.#tell({ event: expired ? 'expired' : 'thawed', heldMs });
    };
    const preCommit = () => hold().finally(tellEnd);
    const goAlong = async () => HRESULT.asyncFinished;
    const result = await set.snapshot(
      mode === 'commit'
        ? { commit: hold, released: tellEnd }
        : { preCommit, commit: goAlong, released: () => undefined },
    );
    if (!current()) return;
    this.#phase = 'finished';
    this.#tell({ event: 'finished', result, writers: set.writers(), events: this.#events() });
  }

  #holdUntilReleased({ mode, holdMs }: OpenSet, sinceMs: number, freezeMs: number): Promise<string> {
    return new Promise((resolve) => {
      const end = (result: string) => {
        clearTimeout(timer);
        this.#endHold = undefined;
        this.#leaveHold = undefined;
        this.#phase = 'thaw';
        resolve(result);
      };
      const { clock, coordinator, pace } = this.#guest;
      const expire = () => end(HRESULT.providerVeto);
      const { holdLimitMs, freezeLimitMs } = coordinator.knobs;
      const limitMs = mode === 'commit' ? holdLimitMs : freezeLimitMs;
      let timer = setTimeout(expire, pace.scaledMs(holdMs));
      this.#endHold = end;
      this.#leaveHold = () => {
        clearTimeout(timer);
        timer = setTimeout(expire, pace.scaledMs(sinceMs + limitMs - clock.nowMs()));
      };
      this.#phase = 'frozen';
      this.#tell({ event: 'frozen', atMs: sinceMs, freezeMs: round(freezeMs) });
    });
  }

  #complete(success: boolean): void {
    const { set, name, isResident } = this.#finishedSet();
    this.#phase = 'complete';
    if (isResident) this.#guest.residents.remove(name);
    set.complete(success);
    this.#tell({ event: 'completed', writers: set.writers() });
    this.#open = undefined;
    this.#phase = 'idle';
  }

  #park(hours: number): void {
    const { set, name, isFull, isResident } = this.#finishedSet();
    if (!isFull || isResident || !set.isMade) {
      throw new VssError(HRESULT.badState, 'only a full set that this process made and VSS finished can be parked');
    }
    this.#guest.residents.park(name, set, hours);
    this.#tell({ event: 'parked' });
    this.#open = undefined;
    this.#phase = 'idle';
  }

  #resume(name: string): void {
    if (this.#phase !== 'idle') throw new VssError(HRESULT.badState, 'a snapshot set is open already');
    const set = this.#guest.residents.get(name);
    const resident = { name, set, mode: 'commit', holdMs: 0, isFull: true, isResident: true } as const;
    this.#open = { ...resident, since: new Date() };
    this.#phase = 'finished';
    this.#tell({ event: 'resumed', phase: 'finished', writers: set.writers() });
  }

  #selfTest(): void {
    if (this.#phase !== 'idle') throw new VssError(HRESULT.badState, 'a snapshot set is open');
    this.#tell({ event: 'selftest', checks: selfTest(this.#guest) });
  }

  #finishedSet(): OpenSet {
    if (this.#open && this.#phase === 'finished') return this.#open;
    throw new VssError(HRESULT.badState, 'no snapshot set is finished');
  }

  #events(): readonly HelperLogEntry[] {
    return this.#open ? this.#guest.coordinator.knobs.eventLog.since(this.#open.since) : [];
  }

  #fail(error: unknown): void {
    const { result, message } =
      error instanceof VssError ? error : { result: HRESULT.unexpected, message: 'catastrophic failure' };
    const phase = this.#phase;
    const writers = this.#open?.set.writers() ?? [];
    const events = this.#events();
    this.#giveUp();
    this.#tell({ event: 'failed', phase, result, message, writers, events });
  }

  /** Releases, aborts, forgets: nothing is frozen after this. */
  #giveUp(): void {
    this.#work = undefined;
    const open = this.#open;
    if (open?.isResident) this.#guest.residents.remove(open.name);
    open?.set.abort();
    this.#endHold?.(HRESULT.providerVeto);
    this.#open = undefined;
    this.#phase = 'idle';
  }

  /** A dead process lets go of nothing: what it holds Windows ends, by its own limit of 10 s. */
  #die(): void {
    if (!this.#leaveHold) {
      this.#leave(1);
      return;
    }
    this.#leaveHold();
    this.#work = undefined;
    this.#end(1);
  }

  /** What the resident requestor has stays with it. */
  #leave(exitCode: number): void {
    if (this.#open?.isResident) this.#open = undefined;
    this.#giveUp();
    this.#end(exitCode);
  }

  #tell(event: HelperEvent): void {
    this.#io.write('stdout', Buffer.from(`${JSON.stringify(event)}\n`, 'utf8'));
  }
}

function round(valueMs: number): number {
  return Math.round(valueMs * 1000) / 1000;
}

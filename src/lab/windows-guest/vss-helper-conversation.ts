import {
  type HelperCommand,
  type HelperEvent,
  type HelperLogEntry,
  type HelperPhase,
  VSS_HELPER_PROTOCOL,
} from '../../guest/windows/vss-helper-protocol.ts';
import type { GuestClock } from '../guest/guest-clock.ts';
import type { ProgramIo } from '../guest/program.ts';
import type { Pace } from '../world/pace.ts';
import type { ApplicationService } from './application-service.ts';
import { HRESULT, VssError } from './vss-codes.ts';
import type { VssCoordinator } from './vss-coordinator.ts';
import { HelperApplications, ScriptFailure } from './vss-helper-applications.ts';
import { parseHelperCommand } from './vss-helper-commands.ts';
import { HelperHold } from './vss-helper-hold.ts';
import { HelperInput } from './vss-helper-input.ts';
import { type OpenSet, requireBearableHold, startSet } from './vss-open-set.ts';
import type { ResidentSets } from './vss-resident-sets.ts';
import { selfTest } from './vss-self-test.ts';

/** The machine that the helper runs on. */
export interface HelperMachine {
  readonly coordinator: VssCoordinator;
  readonly clock: GuestClock;
  readonly pace: Pace;
  readonly os: string;
  readonly bootId: string;
  readonly residents: ResidentSets;
  readonly applications: ApplicationService;
}

export const HELPER_VERSION = 'snaphook-vss 0.2.0';

type PrepareCommand = Extract<HelperCommand, { command: 'prepare' }>;
type QuiesceCommand = Extract<HelperCommand, { command: 'quiesce' }>;

/** One run of the helper, from `hello` to the end of its input, `quit`, or its death. */
export class HelperConversation {
  readonly #guest: HelperMachine;
  readonly #io: ProgramIo;
  readonly #input = new HelperInput();
  readonly #exit: Promise<number>;
  #end: (exitCode: number) => void = () => undefined;
  #phase: HelperPhase = 'idle';
  #open: OpenSet | undefined;
  readonly #applications: HelperApplications;
  readonly #hold: HelperHold;
  /** The command being worked on; an abort replaces it, and then its outcome counts no more. */
  #work: object | undefined;

  constructor(guest: HelperMachine, io: ProgramIo) {
    this.#guest = guest;
    this.#io = io;
    this.#applications = new HelperApplications(guest.applications);
    this.#hold = new HelperHold(guest);
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
      end: () => void this.#leave(0),
    });
    return this.#exit;
  }

  /** While writes are held nothing but the release byte is looked at. */
  #read(): void {
    while (true) {
      if (this.#hold.isActive) {
        if (this.#input.takeRelease()) this.#hold.end(HRESULT.asyncFinished);
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
      case 'quiesce':
        this.#perform((current) => this.#quiesce(command, current));
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
        this.#perform(() => this.#abort());
        return;
      case 'quit':
        void this.#leave(0);
    }
  }

  #perform(work: (current: () => boolean) => Promise<void>): void {
    const token = {};
    this.#work = token;
    const current = () => this.#work === token;
    work(current)
      .catch(async (error: unknown) => {
        if (!(error instanceof VssError)) this.#guest.coordinator.noteDefect(error);
        if (current()) await this.#fail(error);
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
    const open = startSet(this.#guest, command);
    const { set } = open;
    this.#open = open;
    if (open.isFull) this.#liveInService();
    await set.prepare();
    if (!current()) return;
    requireBearableHold(open);
    this.#phase = 'prepared';
    const { volumes, notHeld, components, excludedComponents } = set;
    const { hasPrograms } = this.#guest.applications;
    this.#tell({
      event: 'prepared',
      writers: set.writers(),
      volumes,
      notHeld,
      components,
      excludedComponents,
      hasPrograms,
    });
  }

  async #quiesce({ scriptMs, lifeMs }: QuiesceCommand, current: () => boolean): Promise<void> {
    const open = this.#open;
    if (!open || this.#phase !== 'prepared') throw new VssError(HRESULT.badState, 'nothing is prepared');
    this.#phase = 'quiesce';
    const scripts = await this.#applications.quiesce({ scriptMs, lifeMs, holdMs: open.holdMs }, current);
    if (!current()) return;
    this.#phase = 'quiet';
    this.#tell({ event: 'quiesced', scripts });
  }

  async #freeze(current: () => boolean): Promise<void> {
    const open = this.#open;
    if (!open || (this.#phase !== 'prepared' && this.#phase !== 'quiet'))
      throw new VssError(HRESULT.badState, 'nothing is prepared');
    this.#applications.beginFreeze();
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
    const scripts = await this.#applications.letGo(result === HRESULT.asyncFinished ? 'success' : 'failed');
    if (!current()) return;
    this.#phase = 'finished';
    this.#tell({ event: 'finished', result, writers: set.writers(), events: this.#events(), scripts });
  }

  #holdUntilReleased(open: OpenSet, sinceMs: number, freezeMs: number): Promise<string> {
    const released = this.#hold.untilReleased(open, sinceMs, () => {
      this.#phase = 'thaw';
    });
    this.#phase = 'frozen';
    this.#tell({ event: 'frozen', atMs: sinceMs, freezeMs: round(freezeMs) });
    return released;
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
    this.#liveInService();
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

  async #fail(error: unknown): Promise<void> {
    const { result, message } =
      error instanceof VssError ? error : { result: HRESULT.unexpected, message: 'catastrophic failure' };
    const phase = this.#phase;
    const writers = this.#open?.set.writers() ?? [];
    const events = this.#events();
    this.#giveUp();
    const told = error instanceof ScriptFailure ? error.scripts : [];
    const scripts = [...told, ...(await this.#applications.letGo('failed'))];
    this.#tell({ event: 'failed', phase, result, message, writers, events, scripts });
  }

  async #abort(): Promise<void> {
    await this.#applications.letGo('failed');
    this.#tell({ event: 'aborted' });
  }

  /** Releases, aborts, forgets: nothing is frozen after this. */
  #giveUp(): void {
    this.#work = undefined;
    const open = this.#open;
    if (open?.isResident) this.#guest.residents.remove(open.name);
    open?.set.abort();
    this.#hold.end(HRESULT.providerVeto);
    this.#open = undefined;
    this.#phase = 'idle';
  }

  /** From here on this process only passes on what is said. */
  #liveInService(): void {
    this.#guest.applications.life.addEventListener('abort', () => this.#die(), { once: true });
  }

  /** A dead process lets go of nothing: what it holds Windows ends, by its own limit of 10 s. Its connection to the service breaks. */
  #die(): void {
    void this.#applications.letGo('failed');
    if (!this.#hold.isActive) {
      void this.#leave(1);
      return;
    }
    this.#hold.leave();
    this.#work = undefined;
    this.#end(1);
  }

  /** What the resident requestor has stays with it. */
  async #leave(exitCode: number): Promise<void> {
    if (this.#open?.isResident) this.#open = undefined;
    this.#giveUp();
    await this.#applications.letGo('failed');
    this.#end(exitCode);
  }

  #tell(event: HelperEvent): void {
    this.#io.write('stdout', Buffer.from(`${JSON.stringify(event)}\n`, 'utf8'));
  }
}

function round(valueMs: number): number {
  return Math.round(valueMs * 1000) / 1000;
}

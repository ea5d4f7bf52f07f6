import {
  type HelperCommand,
  type HelperEvent,
  type HelperPhase,
  MAX_HOLD_MS,
  VSS_HELPER_PROTOCOL,
} from '../../guest/windows/vss-helper-protocol.ts';
import type { GuestClock } from '../guest/guest-clock.ts';
import type { Program, ProgramIo } from '../guest/program.ts';
import type { Pace } from '../world/pace.ts';
import { HRESULT, VssError } from './vss-codes.ts';
import type { VssCoordinator } from './vss-coordinator.ts';
import { parseHelperCommand } from './vss-helper-commands.ts';
import { HelperInput } from './vss-helper-input.ts';
import type { SnapshotSet } from './vss-snapshot-set.ts';

export interface HelperGuest {
  readonly coordinator: VssCoordinator;
  readonly clock: GuestClock;
  readonly pace: Pace;
  readonly os: string;
  readonly bootId: string;
}

const HELPER_VERSION = 'snaphook-vss 0.1.0';

/** `snaphook-vss.exe` of the simulated guest. */
export function vssHelperProgram(guest: HelperGuest): Program {
  return async (io) => {
    if (io.arguments.trim() !== 'serve') {
      io.write('stderr', 'usage: snaphook-vss serve\r\n');
      return 2;
    }
    return new HelperConversation(guest, io).run();
  };
}

type PrepareCommand = Extract<HelperCommand, { command: 'prepare' }>;

/** One run of the helper, from `hello` to the end of its input, `quit`, or its death. */
class HelperConversation {
  readonly #guest: HelperGuest;
  readonly #io: ProgramIo;
  readonly #input = new HelperInput();
  readonly #exit: Promise<number>;
  #end: (exitCode: number) => void = () => undefined;
  #phase: HelperPhase = 'idle';
  #set: SnapshotSet | undefined;
  #holdMs = 0;
  /** Set while writes are held: lets go with this result for VSS. */
  #endHold: ((result: string) => void) | undefined;
  /** Set while writes are held: what becomes of the hold without the helper. */
  #leaveHold: (() => void) | undefined;
  /** The command being worked on; an abort replaces it, and then its outcome counts no more. */
  #work: object | undefined;

  constructor(guest: HelperGuest, io: ProgramIo) {
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
    const set = this.#guest.coordinator.start(command.disks, command.backupType);
    this.#set = set;
    this.#holdMs = Math.min(command.holdMs, MAX_HOLD_MS);
    await set.prepare();
    if (!current()) return;
    this.#phase = 'prepared';
    this.#tell({ event: 'prepared', writers: set.writers(), volumes: set.volumes, components: set.components });
  }

  async #freeze(current: () => boolean): Promise<void> {
    const set = this.#set;
    if (!set || this.#phase !== 'prepared') throw new VssError(HRESULT.badState, 'nothing is prepared');
    this.#phase = 'freeze';
    const startedMs = this.#guest.clock.nowMs();
    let heldMs = 0;
    let expired = false;
    const result = await set.snapshot({
      commit: async () => {
        const sinceMs = this.#guest.clock.nowMs();
        const committed = await this.#holdUntilReleased(sinceMs, sinceMs - startedMs);
        heldMs = round(this.#guest.clock.nowMs() - sinceMs);
        expired = committed === HRESULT.providerVeto;
        return committed;
      },
      released: () => {
        if (current()) this.#tell({ event: expired ? 'expired' : 'thawed', heldMs });
      },
    });
    if (!current()) return;
    this.#phase = 'finished';
    this.#tell({ event: 'finished', result, writers: set.writers() });
  }

  #holdUntilReleased(sinceMs: number, freezeMs: number): Promise<string> {
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
      let timer = setTimeout(expire, pace.scaledMs(this.#holdMs));
      this.#endHold = end;
      this.#leaveHold = () => {
        clearTimeout(timer);
        timer = setTimeout(expire, pace.scaledMs(sinceMs + coordinator.holdLimitMs - clock.nowMs()));
      };
      this.#phase = 'frozen';
      this.#tell({ event: 'frozen', atMs: sinceMs, freezeMs: round(freezeMs) });
    });
  }

  #complete(success: boolean): void {
    const set = this.#set;
    if (!set || this.#phase !== 'finished') throw new VssError(HRESULT.badState, 'no snapshot set is finished');
    this.#phase = 'complete';
    set.complete(success);
    this.#tell({ event: 'completed', writers: set.writers() });
    this.#set = undefined;
    this.#phase = 'idle';
  }

  #fail(error: unknown): void {
    const { result, message } =
      error instanceof VssError ? error : { result: HRESULT.unexpected, message: 'catastrophic failure' };
    const phase = this.#phase;
    const writers = this.#set?.writers() ?? [];
    this.#giveUp();
    this.#tell({ event: 'failed', phase, result, message, writers });
  }

  /** Releases, aborts, forgets: nothing is frozen after this. */
  #giveUp(): void {
    this.#work = undefined;
    this.#set?.abort();
    this.#endHold?.(HRESULT.providerVeto);
    this.#set = undefined;
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

  #leave(exitCode: number): void {
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

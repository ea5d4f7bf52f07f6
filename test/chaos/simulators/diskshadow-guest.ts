import { SnaphookError } from '../../../src/ports/errors.ts';
import type { FreezeEvidence, Guest, PreparedGuest, ThawVerdict } from '../../../src/ports/guest.ts';
import type { DiskshadowMachine } from './diskshadow-machine.ts';
import { shadowEvidence } from './guest-evidence.ts';
import { CALL_TIMEOUT_MS, CLOSE_LIMIT_MS, type GuestParts } from './simulated-guest.ts';

/** As the adapter gives it to diskshadow. */
const CREATE_LIMIT_MS = 180_000;
const NOT_HELD: ThawVerdict = { kind: 'not-held', heldMs: 0 };

const refused = () => new SnaphookError('E_GUEST', 'the guest refused a call');
const lost = () => new SnaphookError('E_GUEST_UNREACHABLE', 'the connection to the guest broke', { effect: 'unknown' });

interface Made {
  readonly setId: string;
  readonly disks: readonly string[];
  readonly madeMs: number;
}

/** One guest that makes shadow copies during one run, as its adapter gives it to one process. */
export class DiskshadowGuest implements Guest {
  readonly name: string;
  readonly scriptLimitMs = 0;
  readonly #parts: GuestParts<DiskshadowMachine>;
  #request: Parameters<Guest['prepare']>[0] | undefined;
  /** Set as soon as something of ours may be in the guest. */
  #left: { readonly setId: string | undefined } | undefined;
  #made: Made | undefined;
  #closing: Promise<'closed' | 'unknown'> | undefined;

  constructor(parts: GuestParts<DiskshadowMachine>) {
    this.#parts = parts;
    this.name = parts.machine.name;
  }

  async prepare(request: Parameters<Guest['prepare']>[0], signal: AbortSignal): Promise<PreparedGuest> {
    this.#parts.onConnection();
    const { volumeDisks } = this.#parts.machine.options;
    await this.#call('look', signal, 1500, () => {
      const homeless = request.diskUuids.find((disk) => !volumeDisks.includes(disk));
      if (homeless !== undefined)
        throw new SnaphookError('E_GUEST', `disk "${homeless}" holds no volume in guest "${this.name}"`);
    });
    await request.onSession({ shadowFolder: request.runId });
    this.#request = request;
    return this.#prepared(request);
  }

  async quiet(_request: Parameters<Guest['quiet']>[0], signal: AbortSignal): Promise<PreparedGuest> {
    const { machine, process } = this.#parts;
    const request = this.#known();
    this.#left = { setId: undefined };
    await this.#call('upload', signal, 2000, () => machine.makeFolder(request.runId));
    const setId = await this.#create(request, signal);
    if (setId === undefined)
      throw new SnaphookError('E_FREEZE_FAILED', `diskshadow of guest "${this.name}" made no shadow copies`);
    this.#left = { setId };
    await request.onSession({ shadowFolder: request.runId, shadowSet: setId });
    const disks = await this.#call('look', signal, 1500, () => machine.disksOf(setId));
    if (disks.length === 0)
      throw new SnaphookError('E_FREEZE_FAILED', `shadow copies of guest "${this.name}" are gone`);
    this.#made = { setId, disks, madeMs: process.clock.monotonicMs() };
    return this.#prepared(request);
  }

  async freeze(): Promise<void> {
    if (!this.#made) throw new SnaphookError('E_FREEZE_FAILED', `guest "${this.name}" has made no shadow copies`);
  }

  async thaw(): Promise<ThawVerdict> {
    return NOT_HELD;
  }

  async finish(signal: AbortSignal): Promise<FreezeEvidence> {
    const { machine, process } = this.#parts;
    const made = this.#made;
    if (!made) throw new Error('no shadow copies were made');
    const lookedAgainMs = process.clock.monotonicMs();
    return this.#call('finish', signal, 3000, () => {
      const isGone = machine.disksOf(made.setId).length === 0;
      const seen = { madeMs: made.madeMs, lookedAgainMs, isGone };
      return shadowEvidence.frozen(machine.writersOf(made.setId), made.disks, seen, made.setId);
    });
  }

  close(): Promise<'closed' | 'unknown'> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #prepared({ diskUuids }: Parameters<Guest['prepare']>[0]): PreparedGuest {
    const { machine } = this.#parts;
    return shadowEvidence.prepared(this.#made ? machine.writersOf(this.#made.setId) : [], diskUuids);
  }

  /** The program runs for as long as it takes; its answer may be lost, and with a lost connection it goes on. */
  async #create(
    { runId, diskUuids }: Parameters<Guest['prepare']>[0],
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { machine, process } = this.#parts;
    const { timeline } = process.world;
    let ended: { readonly setId: string | undefined } | undefined;
    let tell = () => {};
    await this.#call('create', signal, 500, () =>
      machine.create(runId, diskUuids, (setId) => {
        ended = { setId };
        tell();
      }),
    );
    return process.guard<string | undefined>((resolve, reject) => {
      const cancel = timeline.after(CREATE_LIMIT_MS, () =>
        reject(new SnaphookError('E_FREEZE_FAILED', 'diskshadow takes too long', { effect: 'unknown' })),
      );
      tell = () => {
        cancel();
        timeline.after(40, () => resolve(ended?.setId));
      };
      if (ended) tell();
    }, signal);
  }

  async #close(): Promise<'closed' | 'unknown'> {
    const { machine, process } = this.#parts;
    const left = this.#left;
    if (!left) return 'closed';
    const { runId } = this.#known();
    const limit = new AbortController();
    const done = new AbortController();
    process.clock.sleep(CLOSE_LIMIT_MS, done.signal).then(
      () => limit.abort(new Error('the shadow copies were not removed in time')),
      () => undefined,
    );
    try {
      await this.#call('close', limit.signal, 2000, () => machine.cleanUp(runId, left.setId));
      return 'closed';
    } catch {
      return 'unknown';
    } finally {
      done.abort();
    }
  }

  #known(): Parameters<Guest['prepare']>[0] {
    if (!this.#request) throw new Error(`guest "${this.name}" was not prepared`);
    return this.#request;
  }

  #call<Result>(name: string, signal: AbortSignal, slowMs: number, effect: () => Result): Promise<Result> {
    const { process, random } = this.#parts;
    return process.call({
      name: `guest.${name}`,
      signal,
      latencyMs: random.latency(300, slowMs),
      effect,
      errors: name === 'close' ? { lost } : { refused, lost },
      timeoutMs: CALL_TIMEOUT_MS,
    });
  }
}

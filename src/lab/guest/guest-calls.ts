import type { EventLog } from '../world/events.ts';
import type { FaultAction, FaultRules } from '../world/faults.ts';
import { type Latency, waitLatency } from '../world/pace.ts';

/** What a fault rule may do to the connection that a call came over. */
export interface CallLine {
  /** Cuts the TCP connection. */
  drop(): void;
  /** Answers in place of what was asked for, in the words of whoever was asked. */
  refuse(answer: Extract<FaultAction, { readonly do: 'answer' }>): void;
  /** Says that what was asked for stays without an answer, where silence is not enough. */
  hang?(): void;
  /** Resolves when the connection is closed. */
  readonly gone: Promise<void>;
  /** Keeps back what is said until `open`. */
  readonly gate?: OutputGate;
}

/** How far a call came: `withheld` had its effect, and the client does not learn it. */
export type CallEnd = 'never came' | 'withheld' | 'answered';

interface CallWorld {
  /** Of the guest, in events and fault rules. */
  readonly name: string;
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly latency: Latency;
}

/** Everything a client asks of the guest, with the fault rules around it and its lines in the event log. */
export class GuestCalls {
  readonly #world: CallWorld;

  constructor(world: CallWorld) {
    this.#world = world;
  }

  async perform(operation: string, line: CallLine, work: () => Promise<void>): Promise<CallEnd> {
    const { name, events, faults, latency } = this.#world;
    events.add('guest', 'request', operation, name);
    await waitLatency(latency);
    line.gate?.close();
    const came = await applied(faults.take('guest', 'before', operation, name), line);
    if (came) await work();
    const learned = came && (await applied(faults.take('guest', 'after', operation, name), line));
    line.gate?.open(learned);
    if (!came) return 'never came';
    if (learned) events.add('guest', 'answer', operation, name);
    return learned ? 'answered' : 'withheld';
  }
}

/** False: the call did not come through, or its answer did not. */
async function applied(actions: readonly FaultAction[], line: CallLine): Promise<boolean> {
  for (const action of actions) {
    if (action.do === 'drop' || action.do === 'cut') line.drop();
    if (action.do === 'answer') line.refuse(action);
    if (action.do === 'hang') line.hang?.();
    if (action.do === 'drop' || action.do === 'cut' || action.do === 'hang' || action.do === 'answer') return false;
    if (action.do === 'delay') await waitLatency({ latencyMs: action.delayMs, jitterMs: 0 });
    if (action.do === 'late') {
      await line.gone;
      await waitLatency({ latencyMs: action.afterMs, jitterMs: 0 });
    }
    if (action.do === 'call') await action.run();
  }
  return true;
}

/** Keeps what the helper says while a call is decided on, so that a rule can withhold it. */
export class OutputGate {
  readonly #say: (data: Buffer) => void;
  #kept: Buffer[] = [];
  #closed = 0;

  constructor(say: (data: Buffer) => void) {
    this.#say = say;
  }

  write(data: Buffer): void {
    if (this.#closed > 0) this.#kept.push(data);
    else this.#say(data);
  }

  close(): void {
    this.#closed += 1;
  }

  open(say: boolean): void {
    this.#closed -= 1;
    if (this.#closed > 0) return;
    const kept = this.#kept;
    this.#kept = [];
    if (say) for (const data of kept) this.#say(data);
  }
}

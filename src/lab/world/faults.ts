import type { EventLog, LabSystem } from './events.ts';

/** What happens to a matching call. */
export type FaultAction =
  /** Answer with this status and body instead of the real one (JSON text, SOAP text, or plain, as the system speaks). */
  | { readonly do: 'answer'; readonly status: number; readonly body?: string }
  /** Cut the TCP connection without an answer. */
  | { readonly do: 'drop' }
  /** Reset the connection in the middle of the body of the answer. Before the call there is none: as `drop`. */
  | { readonly do: 'cut' }
  /** Never answer; the connection stays open. */
  | { readonly do: 'hang' }
  | { readonly do: 'delay'; readonly delayMs: number }
  /** Go on only when the client has given up (closed the connection) and this much later: the effect comes, nobody waits for it. */
  | { readonly do: 'late'; readonly afterMs: number }
  /** Run something in the test process, for instance kill the client; then go on. */
  | { readonly do: 'call'; readonly run: () => void | Promise<void> };

export interface FaultRule {
  readonly system: LabSystem;
  /** Operation as in the event log; absent: every operation. A string matches exactly. */
  readonly operation?: string | RegExp;
  /** Object as in the event log; absent: every object. */
  readonly object?: string | RegExp;
  /** Fires on the nth matching call only (1 = first); absent: on every one. */
  readonly nth?: number;
  /** Before the call has its effect, or after it (the effect happened, the client does not learn it). */
  readonly when: 'before' | 'after';
  readonly action: FaultAction;
}

const matches = (pattern: string | RegExp | undefined, text: string): boolean =>
  pattern === undefined || (typeof pattern === 'string' ? pattern === text : pattern.test(text));

/** The knobs by rule. Each rule counts its own matching calls. */
export class FaultRules {
  readonly #rules: { rule: FaultRule; seen: number }[] = [];
  readonly #events: EventLog;

  constructor(events: EventLog) {
    this.#events = events;
  }

  /** Returns a function that takes the rule away again. */
  add(rule: FaultRule): () => void {
    const entry = { rule, seen: 0 };
    this.#rules.push(entry);
    return () => {
      const index = this.#rules.indexOf(entry);
      if (index >= 0) this.#rules.splice(index, 1);
    };
  }

  clear(): void {
    this.#rules.length = 0;
  }

  /** The actions for this call at this moment, in the order the rules were added. Counts the call. */
  take(system: LabSystem, when: 'before' | 'after', operation: string, object: string): readonly FaultAction[] {
    const actions: FaultAction[] = [];
    for (const entry of this.#rules) {
      const { rule } = entry;
      if (rule.system !== system || rule.when !== when) continue;
      if (!matches(rule.operation, operation) || !matches(rule.object, object)) continue;
      entry.seen += 1;
      if (rule.nth !== undefined && entry.seen !== rule.nth) continue;
      this.#events.add(system, 'fault', operation, object, { when, action: rule.action.do });
      actions.push(rule.action);
    }
    return actions;
  }
}

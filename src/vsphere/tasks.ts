import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';
import { nextLookMs } from '../ports/polling.ts';
import { arrayItems, ref, text, type VimRef } from './decode.ts';
import type { SoapObject } from './encode.ts';
import { errorOfUnreadableAnswer, readDataFault, VimFaultError } from './faults.ts';
import { type ObjectProperties, retrieveObjects } from './property-collector.ts';
import type { Session, Sessions } from './session.ts';
import type { ChangingOperation } from './vim-wsdl.ts';

const LONGEST_PAUSE_MS = 1000;

const pauseMs = (waitedMs: number): number => Math.min(LONGEST_PAUSE_MS, nextLookMs(waitedMs));

/** Changes that vCenter does as tasks, each waited for to its end. */
export class Tasks {
  readonly #sessions: Sessions;
  readonly #clock: Clock;

  constructor(sessions: Sessions, clock: Clock) {
    this.#sessions = sessions;
    this.#clock = clock;
  }

  /**
   * Starts the task, waits for its end and resolves to its result. Refused because of another task, it waits for that one and
   * starts again. Throws `VimFaultError` for a task that failed; `effect: 'unknown'` when no answer came to the start, or the
   * wait was given up.
   */
  async run(operation: ChangingOperation, body: SoapObject, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        const task = await this.#start(operation, body, signal);
        return await this.#end(operation, task, signal);
      } catch (error) {
        const other =
          error instanceof VimFaultError && error.fault.type === 'TaskInProgress' ? error.fault.task : undefined;
        if (other === undefined) throw error;
        await this.#poll(other, signal);
        // vCenter may still refuse for it, or have forgotten it: never without a pause.
        await this.#clock.sleep(pauseMs(0), signal);
      }
    }
  }

  /** Resolves when no task of the object is queued or running. */
  async whenIdle(object: VimRef, signal: AbortSignal): Promise<void> {
    const tasks = await this.#sessions.run(signal, (session) => recentTasks(session, object));
    for (const task of tasks) await this.#poll(task, signal);
  }

  #start(operation: ChangingOperation, body: SoapObject, signal: AbortSignal): Promise<VimRef> {
    return this.#withUnknownEffect(() =>
      this.#sessions.run(signal, async (session) => {
        const started = await keepFault(() => session.call(operation, body));
        if (started instanceof VimFaultError) return started;
        const task = ref(started);
        if (task === undefined) throw errorOfUnreadableAnswer(session.server, operation);
        return task;
      }),
    );
  }

  async #end(operation: ChangingOperation, task: VimRef, signal: AbortSignal): Promise<void> {
    const info = await this.#withUnknownEffect(() => this.#poll(task, signal));
    const state = text(info?.properties.get('info.state'));
    if (state === 'success') return;
    if (state === 'error') throw new VimFaultError(operation, readDataFault(info?.properties.get('info.error')));
    throw new SnaphookError('E_VCENTER', `vCenter does not know task "${task.id}" of "${operation}" any more`, {
      hint: 'It was forgotten before its end was seen. See the task log of vCenter.',
      effect: 'unknown',
      retry: 'after-probe',
    });
  }

  /** Until the task has ended. Undefined: vCenter has forgotten it. A state that is not told may be that of a task at work. */
  async #poll(task: VimRef, signal: AbortSignal): Promise<ObjectProperties | undefined> {
    const sinceMs = this.#clock.monotonicMs();
    for (;;) {
      const info = await this.#sessions.run(signal, (session) =>
        readObject(session, task, ['info.state', 'info.error']),
      );
      const state = text(info?.properties.get('info.state'));
      if (info === undefined || state === 'success' || state === 'error') return info;
      await this.#clock.sleep(pauseMs(this.#clock.monotonicMs() - sinceMs), signal);
    }
  }

  async #withUnknownEffect<Result>(work: () => Promise<Result | VimFaultError>): Promise<Result> {
    let result: Result | VimFaultError;
    try {
      result = await work();
    } catch (error) {
      if (!(error instanceof SnaphookError) || error.code !== 'E_VCENTER_UNREACHABLE') throw error;
      throw new SnaphookError(error.code, error.message, {
        cause: error,
        effect: 'unknown',
        retry: 'after-probe',
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      });
    }
    if (result instanceof VimFaultError) throw result;
    return result;
  }
}

/** A fault that tells of a lost session stays thrown: a new login may help. */
async function keepFault(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof VimFaultError && error.fault.type !== 'NotAuthenticated') return error;
    throw error;
  }
}

async function recentTasks(session: Session, object: VimRef): Promise<readonly VimRef[]> {
  const found = await readObject(session, object, ['recentTask']);
  return arrayItems(found?.properties.get('recentTask')).flatMap((task) => ref(task) ?? []);
}

/** Properties of one object; undefined when it is gone. */
export async function readObject(
  session: Session,
  object: VimRef,
  pathSet: readonly string[],
): Promise<ObjectProperties | undefined> {
  for await (const found of retrieveObjects(session, {
    propSet: [{ type: object.type, pathSet }],
    objectSet: [{ obj: object, skip: false }],
    reportMissingObjectsInResults: true,
  })) {
    if (found.properties.size > 0 || found.missing.size === 0) return found;
    return [...found.missing.values()].every(({ type }) => type === 'ManagedObjectNotFound') ? undefined : found;
  }
  return undefined;
}

import type { EventLog } from '../world/events.ts';
import type { Pace } from '../world/pace.ts';
import type { RestAnswer } from './answers.ts';
import { acceptedAnswer } from './answers.ts';
import type { Iterators } from './iterators.ts';
import type { JobOutcome, Jobs } from './jobs.ts';
import type { LabArray } from './lab-array.ts';
import { type Fields, textOf } from './lenient-fields.ts';
import { notFound, notLocal, problemText, Refusal } from './messages.ts';
import type { ReleaseFacts } from './releases.ts';
import type { ListCursors } from './v1-cursors.ts';

export interface LabUser {
  readonly name: string;
  readonly password: string;
  readonly role: 'admin' | 'monitor';
}

/** One running Unisphere, as its handlers need it. */
export interface UnisphereState {
  readonly release: ReleaseFacts;
  readonly arrays: ReadonlyMap<string, LabArray>;
  readonly jobs: Jobs;
  readonly iterators: Iterators;
  readonly cursors: ListCursors;
  readonly events: EventLog;
  readonly pace: Pace;
  /** When a refresh of the object model was last accepted, per array. */
  readonly refreshedAtMs: Map<string, number>;
}

/** One call that has found its route. */
export interface RestCall {
  readonly unisphere: UnisphereState;
  readonly user: LabUser;
  /** Endpoint version of the path; 0 where the path has none. */
  readonly apiVersion: number;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Fields;
}

export type Handler = (call: RestCall) => RestAnswer | Promise<RestAnswer>;

/** A path parameter; the router only calls handlers of routes that have it. */
export const param = (call: RestCall, name: string): string => call.params[name] ?? '';

export function arrayOf(call: RestCall): LabArray {
  const array = call.unisphere.arrays.get(param(call, 'array'));
  if (!array) throw notFound('Symmetrix', param(call, 'array'), param(call, 'array'));
  return array;
}

/** The array, to be changed: one that is not local can only be read. */
export function controlledArrayOf(call: RestCall): LabArray {
  const array = arrayOf(call);
  if (!array.local) throw notLocal(array.id);
  return array;
}

export interface Effect extends JobOutcome {
  readonly answer: RestAnswer;
}

export interface WriteOperation {
  readonly array: LabArray;
  /** Name of the job, and usage of the lock. */
  readonly name: string;
  /** Such as `modifying the storage group resource`: put in front of functional refusals. Absent: not prefixed. */
  readonly problem?: string;
  /** Devices nobody else may change meanwhile. */
  readonly devices: readonly string[];
  /** It changes what hosts see. */
  readonly masking: boolean;
  /** Simulated time before and after the effect; default the array's write time before it. */
  readonly beforeMs?: number;
  readonly afterMs?: number;
  /** The effect, in one turn of the event loop. */
  readonly run: () => Effect;
}

/** Does a change at once or, with `executionOption: ASYNCHRONOUS`, as a job. */
export async function perform(call: RestCall, operation: WriteOperation): Promise<RestAnswer> {
  const { array } = operation;
  const { pace, jobs } = call.unisphere;
  const execute = async (): Promise<Effect> => {
    let release: () => void = () => {};
    try {
      release = array.locks.take({
        devices: operation.devices,
        masking: operation.masking,
        usage: operation.name,
        user: call.user.name,
      });
      await pace.wait(operation.beforeMs ?? array.knobs.writeMs);
      const effect = operation.run();
      await pace.wait(operation.afterMs ?? 0);
      return effect;
    } catch (error) {
      throw withProblem(error, operation.problem);
    } finally {
      release();
    }
  };
  const option = textOf(call.body, 'executionOption') ?? call.query.get('executionOption') ?? 'SYNCHRONOUS';
  if (option.toUpperCase() !== 'ASYNCHRONOUS') return (await execute()).answer;
  const job = jobs.start({
    arrayId: array.id,
    name: operation.name,
    user: call.user.name,
    durationMs: array.knobs.jobMs,
    run: execute,
  });
  return acceptedAnswer(job);
}

const withProblem = (error: unknown, problem: string | undefined): unknown =>
  problem !== undefined && error instanceof Refusal && error.status === 500
    ? new Refusal(500, problemText(problem, error.message))
    : error;

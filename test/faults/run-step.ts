import type { RemoteSystem } from './fault-kinds.ts';

/**
 * What must be before a hook comes to a step at all. `release bytes lost`: the guest stands still and hears none of them.
 * `session left open`: a pre hook lost its guest for good, so that its post hook has to end the session.
 */
export type Given = 'release bytes lost' | 'session left open';

export type Hook = 'pre' | 'post';

/** The parts of the matrix: each has a job whose runs come to its steps. */
export const AREAS = [
  'windows job',
  'linux guest',
  'proxy',
  'storage groups',
  'managed route',
  'full backup',
  'shadow copies',
  'VMware Tools',
  'guest operations',
  'plug-in',
] as const;
export type Area = (typeof AREAS)[number];

/** One thing a hook does that can go wrong: the nth call of an operation, or the nth write to one kind of file. */
export interface RunStep {
  readonly hook: Hook;
  /** `guest`: over WinRM. `proxy`: the system of this machine, as the adapter of the proxy calls it. */
  readonly system: RemoteSystem | 'ssh' | 'proxy' | 'disk';
  readonly operation: string;
  /** 1 is the first of this operation in this hook. */
  readonly nth: number;
  /** Absent: a clean run comes to it. */
  readonly given?: Given;
}

/** Without its number. */
export const groupOf = ({ hook, system, operation, given }: RunStep): string =>
  `${hook} ${system} ${operation}${given === undefined ? '' : ` (${given})`}`;

export const nameOfStep = (step: RunStep): string => `${groupOf(step)} #${step.nth}`;

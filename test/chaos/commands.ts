import { type JobSpec, ON_OPEN_RUN } from '../../src/job/job-spec.ts';
import { drawLateMs } from './faults.ts';
import type { Death } from './hook-process.ts';
import type { HookCommand, HookRun } from './hooks.ts';
import type { Random } from './random.ts';

const DAY_MS = 24 * 3_600_000;

/** Where a death is worst. */
const CALLS_WITH_EFFECT = [
  'guest.openSession',
  'guest.freeze',
  'guest.thaw',
  'array.establish',
  'array.establish',
  'array.createDevices',
  'array.link',
  'array.addToStorageGroup',
  'array.removeFromStorageGroup',
  'array.unlink',
  'array.terminate',
  'images.write',
  'images.writeRecord',
  'images.remove',
  'journal.create',
];

/** Draws what is called next, and when it dies. */
export class CommandSource {
  readonly #random: Random;
  readonly #jobs: readonly JobSpec[];
  readonly #runs: readonly HookRun[];

  /** `runs`: the hooks that were started so far, as the list grows. */
  constructor(random: Random, jobs: readonly JobSpec[], runs: readonly HookRun[]) {
    this.#random = random;
    this.#jobs = jobs;
    this.#runs = runs;
  }

  command(): HookCommand {
    const job = this.#random.pick(this.#jobs);
    const draw = this.#random.next();
    const isHandedOver = this.#runs.at(-1)?.end?.kind === 'pre';
    if (draw < (isHandedOver ? 0.2 : 0.7)) return this.#preOf(job);
    if (draw < 0.92) return { hook: 'post', job };
    return {
      hook: 'reap',
      apply: this.#random.chance(0.7),
      includeWaiting: this.#random.chance(0.3),
      olderThanMs: this.#random.pick([DAY_MS, 0]),
    };
  }

  /** Comes while another hook works: mostly for the same job. */
  rivalOf({ command }: HookRun): HookCommand {
    const draw = this.#random.next();
    if (!('job' in command) || draw < 0.15) return this.command();
    if (draw < 0.5) return { hook: 'post', job: command.job };
    return this.#preOf({ ...command.job, onOpenRun: this.#random.pick(ON_OPEN_RUN) });
  }

  /** A new run of the backup product, or its last one of the job again. */
  #preOf(job: JobSpec): HookCommand {
    const last = this.#runs.findLast(({ command }) => command.hook === 'pre' && command.job.name === job.name);
    const again = last?.command.hook === 'pre' && this.#random.chance(0.3) ? last.command.productRunId : undefined;
    const fresh = this.#random.chance(0.9) ? `backup-${this.#runs.length}` : undefined;
    return { hook: 'pre', job, productRunId: again ?? fresh };
  }

  death(): Death | undefined {
    // The worst moment has a share of its own: an establish that comes when nobody waits for it any more.
    if (this.#random.chance(0.06)) return { atCall: 'array.establish', when: 'late', lateMs: drawLateMs(this.#random) };
    if (!this.#random.chance(0.3)) return undefined;
    const atCall = this.#random.chance(0.5) ? this.#random.whole(1, 90) : this.#random.pick(CALLS_WITH_EFFECT);
    const when = this.#random.pick(
      typeof atCall === 'string' && atCall.startsWith('array')
        ? (['before', 'after', 'late', 'late'] as const)
        : (['before', 'torn', 'after', 'late'] as const),
    );
    return { atCall, when, lateMs: drawLateMs(this.#random) };
  }
}

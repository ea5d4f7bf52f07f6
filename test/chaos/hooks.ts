import type { ReapedFinding } from '../../src/job/finding.ts';
import type { JobSpec } from '../../src/job/job-spec.ts';
import { type PostResult, post } from '../../src/job/post.ts';
import { type PreResult, pre } from '../../src/job/pre.ts';
import { reap } from '../../src/job/reap.ts';
import { ERROR_CODES, SnaphookError } from '../../src/ports/errors.ts';
import { type Death, HookProcess } from './hook-process.ts';
import type { Site } from './site.ts';

export type HookCommand =
  | {
      readonly hook: 'pre';
      readonly job: JobSpec;
      /** What the backup product calls its run; the same again for a retry. */
      readonly productRunId?: string | undefined;
    }
  | { readonly hook: 'post'; readonly job: JobSpec }
  | {
      readonly hook: 'reap';
      readonly apply: boolean;
      readonly includeWaiting: boolean;
      readonly olderThanMs: number;
    };

/** How a hook ended. `undefined`: it works, or its process was killed. */
export type HookEnd =
  | { readonly kind: 'pre'; readonly result: PreResult }
  | { readonly kind: 'post'; readonly result: PostResult }
  | { readonly kind: 'reap'; readonly findings: readonly ReapedFinding[] }
  | { readonly kind: 'error'; readonly error: unknown };

export interface HookRun {
  readonly command: HookCommand;
  readonly process: HookProcess;
  readonly interruption: AbortController;
  readonly startedAtMs: number;
  end: HookEnd | undefined;
  endedAtMs: number | undefined;
}

export const isOver = ({ end, process }: HookRun): boolean => end !== undefined || !process.isAlive;

/** Starts hooks as processes of the site's machine and remembers how they ended. */
export class Hooks {
  readonly runs: HookRun[] = [];
  readonly #site: Site;
  onEnd: (run: HookRun) => void = () => undefined;

  constructor(site: Site) {
    this.#site = site;
  }

  get living(): readonly HookRun[] {
    return this.runs.filter((run) => !isOver(run));
  }

  start(command: HookCommand, death?: Death): HookRun {
    const { world, timeline } = this.#site;
    const id = `p${this.runs.length + 1}`;
    const process = new HookProcess(id, world, death);
    const run: HookRun = {
      command,
      process,
      interruption: new AbortController(),
      startedAtMs: timeline.nowMs,
      end: undefined,
      endedAtMs: undefined,
    };
    this.runs.push(run);
    world.trace(
      `${id} starts ${command.hook}${'job' in command ? ` ${command.job.name} ${command.job.onOpenRun}` : ''}`,
    );
    const end = (how: HookEnd) => {
      if (!process.isAlive) return;
      run.end = how;
      run.endedAtMs = timeline.nowMs;
      process.exit();
      world.trace(`${id} ${outcomeOf(run)}${how.kind === 'error' ? `: ${String(how.error)}` : ''}`);
      this.onEnd(run);
    };
    this.#work(run).then(end, (error: unknown) => end({ kind: 'error', error }));
    return run;
  }

  async #work({ command, process, interruption }: HookRun): Promise<HookEnd> {
    const ports = this.#site.portsFor(process);
    switch (command.hook) {
      case 'pre': {
        const { job, productRunId } = command;
        const context = { job: job.name, integration: 'chaos', instance: undefined, productRunId, level: undefined };
        const result = await pre(ports, job, context, interruption.signal);
        return { kind: 'pre', result };
      }
      case 'post':
        return { kind: 'post', result: await post(ports, command.job) };
      case 'reap':
        return { kind: 'reap', findings: await reap(ports, command, interruption.signal) };
    }
  }
}

/** One word for tables: `ok`, `degraded`, an error code, or `killed`. */
export function outcomeOf({ end }: HookRun): string {
  if (!end) return 'killed';
  if (end.kind === 'error') return end.error instanceof SnaphookError ? end.error.code : 'uncoded error';
  if (end.kind === 'pre') return end.result.degraded ? 'degraded' : 'ok';
  return end.kind === 'reap' && end.findings.some(({ did }) => did === 'failed') ? 'E_LEFTOVERS' : 'ok';
}

/** Every way a hook may end has a code that users can look up. */
export function isDocumented({ end }: HookRun): boolean {
  if (end?.kind !== 'error') return true;
  return end.error instanceof SnaphookError && ERROR_CODES.includes(end.error.code) && end.error.code !== 'E_INTERNAL';
}

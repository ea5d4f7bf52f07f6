import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Pace } from '../world/pace.ts';
import { JobFile, type JobRecord } from './job-file.ts';
import { Refusal } from './messages.ts';
import { jobDate, jobResultDate } from './wire-dates.ts';

export interface JobOutcome {
  readonly tasks?: readonly string[];
  readonly resourceLink?: string;
  readonly links?: readonly unknown[];
}

export interface JobRequest {
  readonly arrayId: string;
  readonly name: string;
  readonly user: string;
  /** Simulated milliseconds from acceptance to the final state. */
  readonly durationMs: number;
  /** The effect; a refusal makes the job fail with its text. */
  readonly run: () => Promise<JobOutcome>;
}

/** Finished jobs that can still be asked for. Not published: inferred. */
const FINISHED_KEPT = 500;
/** The lab's own wording. Whether such a job had its effect is not known: clients have to look. */
const INTERRUPTED = 'The server was restarted before the job was finished';

const isFinished = ({ status }: JobRecord): boolean => status === 'SUCCEEDED' || status === 'FAILED';

/** Jobs of this Unisphere, oldest first. One that is unfinished at `close` goes no further and has failed at the next start. */
export class Jobs {
  readonly #jobs: Map<string, JobRecord>;
  readonly #file: JobFile;
  readonly #pace: Pace;
  readonly #closing = new AbortController();
  #lastId = 0;

  constructor(pace: Pace, folder: string) {
    this.#pace = pace;
    this.#file = new JobFile(folder);
    this.#jobs = new Map(this.#file.load().map((job) => [job.id, job]));
    for (const job of [...this.#jobs.values()]) {
      this.#lastId = Math.max(this.#lastId, Number(job.id));
      if (!isFinished(job)) this.#enter(job, 'FAILED', { result: INTERRUPTED });
    }
  }

  start({ arrayId, name, user, durationMs, run }: JobRequest): unknown {
    this.#lastId = Math.max(Date.now(), this.#lastId + 1);
    const nowMs = Date.now();
    const job: JobRecord = {
      id: String(this.#lastId),
      arrayId,
      name,
      user,
      status: 'SCHEDULED',
      scheduledMs: nowMs,
      modifiedMs: nowMs,
      tasks: [name],
    };
    this.#keep(job);
    void this.#execute(job, durationMs, run);
    return bodyOf(job);
  }

  find(id: string, arrayId?: string): unknown {
    const job = this.#jobs.get(id);
    return job && (arrayId === undefined || job.arrayId === arrayId) ? bodyOf(job) : undefined;
  }

  ids(match: { arrayId?: string; status?: string; name?: string; username?: string }): readonly string[] {
    return [...this.#jobs.values()]
      .filter(
        (job) =>
          (match.arrayId === undefined || job.arrayId === match.arrayId) &&
          (match.status === undefined || job.status === match.status.toUpperCase()) &&
          (match.name === undefined || job.name === match.name) &&
          (match.username === undefined || job.user === match.username),
      )
      .map((job) => job.id);
  }

  close(): void {
    this.#closing.abort();
  }

  async #execute(scheduled: JobRecord, durationMs: number, run: JobRequest['run']): Promise<void> {
    let job = scheduled;
    try {
      await this.#wait(durationMs * 0.2);
      job = this.#enter(job, 'VALIDATING');
      await this.#wait(durationMs * 0.1);
      job = this.#enter(job, 'RUNNING');
      await this.#wait(durationMs * 0.5);
      const { tasks, resourceLink, links } = await run();
      if (tasks) job = { ...job, tasks };
      await this.#wait(durationMs * 0.2);
      const started = jobResultDate(new Date(job.scheduledMs));
      this.#enter(job, 'SUCCEEDED', {
        ...(resourceLink !== undefined && { resourceLink }),
        ...(links && { links }),
        result: `Started job execution on ${started} - Finished job execution on ${jobResultDate(new Date())}`,
      });
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#enter(job, 'FAILED', {
        result: error instanceof Refusal ? error.message : `lab defect: ${String(error)}`,
      });
    }
  }

  #enter(job: JobRecord, status: JobRecord['status'], more: Partial<JobRecord> = {}): JobRecord {
    const nowMs = Date.now();
    const next = { ...job, ...more, status, modifiedMs: nowMs };
    return this.#keep(isFinished(next) ? { ...next, completedMs: nowMs } : next);
  }

  #keep(job: JobRecord): JobRecord {
    this.#jobs.set(job.id, job);
    const finished = [...this.#jobs.values()].filter(isFinished);
    for (const { id } of finished.slice(0, Math.max(0, finished.length - FINISHED_KEPT))) this.#jobs.delete(id);
    this.#file.save([...this.#jobs.values()]);
    return job;
  }

  #wait(simulatedMs: number): Promise<void> {
    return sleepFor(this.#pace.scaledMs(simulatedMs), undefined, { signal: this.#closing.signal });
  }
}

const datesOf = (what: string, timeMs: number): Readonly<Record<string, unknown>> => ({
  [`${what}_date`]: jobDate(new Date(timeMs)),
  [`${what}_date_milliseconds`]: timeMs,
});

const bodyOf = (job: JobRecord): unknown => ({
  jobId: job.id,
  symmetrixId: job.arrayId,
  name: job.name,
  status: job.status,
  username: job.user,
  ...datesOf('last_modified', job.modifiedMs),
  ...datesOf('scheduled', job.scheduledMs),
  ...(job.completedMs !== undefined && datesOf('completed', job.completedMs)),
  task: job.tasks.map((description, index) => ({ execution_order: index + 1, description })),
  resourceLink: job.resourceLink,
  result: job.result,
  links: job.links,
});

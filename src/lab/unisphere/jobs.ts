import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Pace } from '../world/pace.ts';
import { Refusal } from './messages.ts';
import { jobDate, jobResultDate } from './wire-dates.ts';

export type JobStatus = 'SCHEDULED' | 'VALIDATING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED';

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

interface Job {
  readonly id: string;
  readonly request: JobRequest;
  readonly scheduledAt: Date;
  status: JobStatus;
  modifiedAt: Date;
  completedAt?: Date;
  outcome?: JobOutcome;
  result?: string;
}

/** Jobs of this Unisphere, oldest first. They die with it: an unfinished one has no effect after `close`. */
export class Jobs {
  readonly #jobs = new Map<string, Job>();
  readonly #pace: Pace;
  readonly #closing = new AbortController();
  #lastId = 0;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  start(request: JobRequest): unknown {
    this.#lastId = Math.max(Date.now(), this.#lastId + 1);
    const now = new Date();
    const job: Job = { id: String(this.#lastId), request, scheduledAt: now, status: 'SCHEDULED', modifiedAt: now };
    this.#jobs.set(job.id, job);
    void this.#execute(job);
    return bodyOf(job);
  }

  find(id: string, arrayId?: string): unknown {
    const job = this.#jobs.get(id);
    return job && (arrayId === undefined || job.request.arrayId === arrayId) ? bodyOf(job) : undefined;
  }

  ids(match: { arrayId?: string; status?: string; name?: string; username?: string }): readonly string[] {
    return [...this.#jobs.values()]
      .filter(
        (job) =>
          (match.arrayId === undefined || job.request.arrayId === match.arrayId) &&
          (match.status === undefined || job.status === match.status.toUpperCase()) &&
          (match.name === undefined || job.request.name === match.name) &&
          (match.username === undefined || job.request.user === match.username),
      )
      .map((job) => job.id);
  }

  close(): void {
    this.#closing.abort();
  }

  async #execute(job: Job): Promise<void> {
    const { durationMs } = job.request;
    try {
      await this.#wait(durationMs * 0.2);
      this.#enter(job, 'VALIDATING');
      await this.#wait(durationMs * 0.1);
      this.#enter(job, 'RUNNING');
      await this.#wait(durationMs * 0.5);
      job.outcome = await job.request.run();
      await this.#wait(durationMs * 0.2);
      job.result = `Started job execution on ${jobResultDate(job.scheduledAt)} - Finished job execution on ${jobResultDate(new Date())}`;
      this.#enter(job, 'SUCCEEDED');
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      job.result = error instanceof Refusal ? error.message : `lab defect: ${String(error)}`;
      this.#enter(job, 'FAILED');
    }
  }

  #enter(job: Job, status: JobStatus): void {
    job.status = status;
    job.modifiedAt = new Date();
    if (status === 'SUCCEEDED' || status === 'FAILED') job.completedAt = job.modifiedAt;
  }

  #wait(simulatedMs: number): Promise<void> {
    return sleepFor(this.#pace.scaledMs(simulatedMs), undefined, { signal: this.#closing.signal });
  }
}

const bodyOf = (job: Job): unknown => ({
  jobId: job.id,
  symmetrixId: job.request.arrayId,
  name: job.request.name,
  status: job.status,
  username: job.request.user,
  last_modified_date: jobDate(job.modifiedAt),
  last_modified_date_milliseconds: job.modifiedAt.getTime(),
  scheduled_date: jobDate(job.scheduledAt),
  scheduled_date_milliseconds: job.scheduledAt.getTime(),
  ...(job.completedAt && {
    completed_date: jobDate(job.completedAt),
    completed_date_milliseconds: job.completedAt.getTime(),
  }),
  task: (job.outcome?.tasks ?? [job.request.name]).map((description, index) => ({
    execution_order: index + 1,
    description,
  })),
  resourceLink: job.status === 'SUCCEEDED' ? job.outcome?.resourceLink : undefined,
  result: job.result,
  links: job.status === 'SUCCEEDED' ? job.outcome?.links : undefined,
});

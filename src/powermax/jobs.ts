import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';
import { nextLookMs } from '../ports/polling.ts';
import { classify, refusalError } from './messages.ts';
import type { Reply } from './reply.ts';
import { asBody, isBody, text } from './schema.ts';

/** "Cannot find role for user" comes and goes while a job is polled; six times ten seconds are known to be enough. */
const ROLE_BLIPS = 6;
const ROLE_BLIP_WAIT_MS = 10_000;

const RUNNING = ['UNSCHEDULED', 'SCHEDULED', 'RETRIEVING_PICTURE', 'VALIDATING', 'VALIDATED', 'RUNNING', 'CREATED'];

/** The id of the job a write answered with; undefined when the write is complete. */
export function jobIdOf(body: unknown): string | undefined {
  if (!isBody(body)) return undefined;
  const jobId = text(body, 'jobId', 'job_id');
  return jobId !== undefined && /^[\w.-]+$/.test(jobId) ? jobId : undefined;
}

/**
 * Waits for the end of a job. A failed job is a refusal with the job's own text. When the job cannot be followed any more,
 * its effect is unknown: throws with `effect: 'unknown'`.
 */
export async function followJob(
  jobId: string,
  from: { readonly clock: Clock; readonly read: () => Promise<Reply> },
  signal: AbortSignal,
): Promise<Reply> {
  const startedMs = from.clock.monotonicMs();
  let roleBlips = 0;
  try {
    for (let waitMs = nextLookMs(0); ; ) {
      await from.clock.sleep(waitMs, signal);
      const reply = await from.read();
      if (reply.kind === 'refused') {
        roleBlips += 1;
        if (reply.refusal.kind !== 'role' || roleBlips > ROLE_BLIPS) {
          throw refusalError(reply.refusal, `tell the state of job "${jobId}"`);
        }
        waitMs = ROLE_BLIP_WAIT_MS;
        continue;
      }
      const job = asBody(reply.body, `job "${jobId}"`);
      const status = (text(job, 'status') ?? '').toUpperCase();
      if (status === 'SUCCEEDED') return { kind: 'done', body: job, serviceMs: undefined };
      if (!RUNNING.includes(status)) {
        const message = text(job, 'result');
        const body = message === undefined ? undefined : { message };
        return {
          kind: 'refused',
          refusal: classify({ status: 500, body, raw: `job ended as ${status}` }, 'write'),
        };
      }
      waitMs = nextLookMs(from.clock.monotonicMs() - startedMs);
    }
  } catch (error) {
    throw lostJob(jobId, error, signal);
  }
}

function lostJob(jobId: string, error: unknown, signal: AbortSignal): SnaphookError {
  const known = error instanceof SnaphookError ? error : undefined;
  const code = known?.code ?? (signal.aborted ? 'E_DEADLINE' : 'E_ARRAY');
  const why = known?.message ?? 'given up waiting';
  return new SnaphookError(code, `end of job "${jobId}" on the array is not known: ${why}`, {
    hint: known?.hint ?? 'Look at the job list in Unisphere.',
    retry: 'after-probe',
    effect: 'unknown',
  });
}

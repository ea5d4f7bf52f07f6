import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { ArrayId } from '../ports/identity.ts';
import type { Governor } from './governor.ts';
import { followJob, jobIdOf } from './jobs.ts';
import { classify } from './messages.ts';
import { bodyOf, type Reply } from './reply.ts';
import { asBody } from './schema.ts';
import type { HttpCall, Session } from './session.ts';
import { negotiate, type UnisphereVersion } from './version.ts';

export interface WriteRequest {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  /** Below `/univmax/restapi`. */
  readonly path: string;
  readonly body: unknown;
  /** Goes before all waiting writes. */
  readonly urgent?: boolean;
}

/** Calls to one Unisphere about one array: governed, repeated where that is safe, jobs followed to their end. */
export interface Unisphere {
  readonly arrayId: ArrayId;
  readonly clock: Clock;
  /** Asked once in the life of the client. */
  version(signal: AbortSignal): Promise<UnisphereVersion>;
  /** Asks again, for facts. */
  askVersion(signal: AbortSignal): Promise<UnisphereVersion>;
  /** `path` below `/univmax`. */
  read(path: string, signal: AbortSignal): Promise<Reply>;
  write(request: WriteRequest, signal: AbortSignal): Promise<Reply>;
  /** An iterator is given back to the server; failures do not matter, it expires by itself. */
  discard(path: string, signal: AbortSignal): Promise<void>;
}

/** A lock on the array may be held for minutes; the caller's signal ends the wait earlier. */
const BUSY_ATTEMPTS = 10;
const UNREACHABLE_ATTEMPTS = 3;
const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 15_000;

export function createUnisphere(parts: {
  readonly arrayId: ArrayId;
  readonly session: Session;
  readonly governor: Governor;
  readonly clock: Clock;
}): Unisphere {
  const { arrayId, session, governor, clock } = parts;
  let known: UnisphereVersion | undefined;

  const once = async (call: HttpCall, signal: AbortSignal, urgent: boolean): Promise<Reply> => {
    const answer = await governor.run(call.call, () => session.send(call, signal), { signal, urgent });
    if (answer.status >= 200 && answer.status < 300) {
      return { kind: 'done', body: answer.body, serviceMs: answer.serviceMs };
    }
    return { kind: 'refused', refusal: classify(answer, call.call) };
  };

  const patiently = async (call: HttpCall, signal: AbortSignal, urgent = false): Promise<Reply> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const reply = await once(call, signal, urgent);
        if (reply.kind === 'done' || reply.refusal.retry !== 'safe' || attempt >= BUSY_ATTEMPTS) return reply;
      } catch (error) {
        const again = error instanceof SnaphookError && error.retry === 'safe' && attempt < UNREACHABLE_ATTEMPTS;
        if (!again) throw error;
      }
      await clock.sleep(delayMs(attempt), signal);
    }
  };

  const read = (path: string, signal: AbortSignal) =>
    patiently({ call: 'read', method: 'GET', path: `/univmax${path}` }, signal);

  const askVersion = async (signal: AbortSignal): Promise<UnisphereVersion> => {
    const reply = await read('/restapi/version', signal);
    known = negotiate(asBody(bodyOf(reply, 'tell its version'), 'version'));
    return known;
  };

  return {
    arrayId,
    clock,
    askVersion,
    version: async (signal) => known ?? askVersion(signal),
    read,
    async write({ method, path, body, urgent }, signal) {
      const reply = await patiently({ call: 'write', method, path: `/univmax/restapi${path}`, body }, signal, urgent);
      const jobId = reply.kind === 'done' ? jobIdOf(reply.body) : undefined;
      if (jobId === undefined) return reply;
      const { endpoint } = known ?? (await askVersion(signal));
      return followJob(jobId, { clock, read: () => read(`/restapi/${endpoint}/system/job/${jobId}`, signal) }, signal);
    },
    async discard(path, signal) {
      const call: HttpCall = { call: 'write', method: 'DELETE', path: `/univmax${path}` };
      await once(call, signal, false).catch(() => undefined);
    },
  };
}

/** Doubles from attempt to attempt; between half and all of it, so that many clients do not come back together. */
function delayMs(attempt: number): number {
  const longest = Math.min(FIRST_DELAY_MS * 2 ** (attempt - 1), MAX_DELAY_MS);
  return longest * (0.5 + Math.random() / 2);
}

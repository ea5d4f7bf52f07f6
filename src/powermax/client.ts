import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { ArrayId } from '../ports/identity.ts';
import { backoffMs } from './backoff.ts';
import { followJob, jobIdOf } from './jobs.ts';
import { classify } from './messages.ts';
import { bodyOf, type Reply } from './reply.ts';
import { asBody } from './schema.ts';
import type { HttpCall, Session } from './session.ts';
import { negotiate, type UnisphereVersion } from './version.ts';

/** The endpoint in a path below `/univmax`: public and private resources of the classic API have it in front. */
const ENDPOINT = /^((?:\/restapi)?(?:\/private)?\/)(\d{2,3})(?=\/)/;

export interface WriteRequest {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  /** Below `/univmax/restapi`. */
  readonly path: string;
  readonly body: unknown;
  /** Waits for no other call. */
  readonly urgent?: boolean;
  /** The caller reads back and repeats by itself: a busy answer is told at once. */
  readonly tellBusy?: boolean;
}

/** Calls to Unisphere about one array: repeated where that is safe, jobs followed to their end. */
export interface Unisphere {
  readonly arrayId: ArrayId;
  readonly clock: Clock;
  /** Asked once in the life of the client, and again when a path of its endpoint is not served any more. */
  version(signal: AbortSignal): Promise<UnisphereVersion>;
  /** What an earlier process was told; believed until the server refuses a path of it. */
  recall(version: UnisphereVersion): void;
  /** Asks again, for facts. */
  askVersion(signal: AbortSignal): Promise<UnisphereVersion>;
  /** `path` below `/univmax`. */
  read(path: string, signal: AbortSignal): Promise<Reply>;
  write(request: WriteRequest, signal: AbortSignal): Promise<Reply>;
  /** Gives an iterator back to the server without waiting; failures do not matter, it expires by itself. */
  discard(path: string, signal: AbortSignal): void;
}

/** A lock on the array may be held for minutes; the caller's signal ends the wait earlier. */
const BUSY_ATTEMPTS = 10;
const UNREACHABLE_ATTEMPTS = 3;
const FIRST_DELAY_MS = 200;

export function createUnisphere(parts: {
  readonly arrayId: ArrayId;
  readonly session: Session;
  readonly clock: Clock;
}): Unisphere {
  const { arrayId, session, clock } = parts;
  let known: UnisphereVersion | undefined;

  const once = async (call: HttpCall, signal: AbortSignal): Promise<Reply> => {
    const answer = await session.send(call, signal);
    if (answer.status >= 200 && answer.status < 300) {
      return { kind: 'done', body: answer.body, serviceMs: answer.serviceMs };
    }
    return { kind: 'refused', refusal: classify(answer, call.call) };
  };

  const patiently = async (call: HttpCall, signal: AbortSignal, busyAttempts = BUSY_ATTEMPTS): Promise<Reply> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const reply = await once(call, signal);
        if (reply.kind === 'done' || reply.refusal.retry !== 'safe' || attempt >= busyAttempts) return reply;
      } catch (error) {
        const again = error instanceof SnaphookError && error.retry === 'safe' && attempt < UNREACHABLE_ATTEMPTS;
        if (!again) throw error;
      }
      await clock.sleep(backoffMs(FIRST_DELAY_MS, attempt), signal);
    }
  };

  const get = (path: string, signal: AbortSignal) =>
    patiently({ call: 'read', method: 'GET', path: `/univmax${path}` }, signal);

  const askVersion = async (signal: AbortSignal): Promise<UnisphereVersion> => {
    let reply = await get('/restapi/version', signal);
    // Servers before 9.1 know it by another path. They are too old, and shall be told so by name.
    if (isUnserved(reply)) reply = await get('/restapi/system/version', signal);
    known = negotiate(asBody(bodyOf(reply, 'tell its version'), 'version'));
    return known;
  };

  /**
   * A path nobody serves had no effect. Its endpoint may have gone with an upgrade of the server: then the same path of the
   * endpoint that is served now is asked instead.
   */
  const onServedEndpoint = async (
    path: string,
    send: (path: string) => Promise<Reply>,
    signal: AbortSignal,
  ): Promise<Reply> => {
    const reply = await send(path);
    const asked = ENDPOINT.exec(path)?.[2];
    if (asked === undefined || !isUnserved(reply)) return reply;
    const { endpoint } = known !== undefined && known.endpoint !== Number(asked) ? known : await askVersion(signal);
    return endpoint === Number(asked) ? reply : send(path.replace(ENDPOINT, `$1${endpoint}`));
  };

  const read = (path: string, signal: AbortSignal) => onServedEndpoint(path, (served) => get(served, signal), signal);

  return {
    arrayId,
    clock,
    askVersion,
    version: async (signal) => known ?? askVersion(signal),
    recall(version) {
      known ??= version;
    },
    read,
    async write({ method, path, body, urgent = false, tellBusy = false }, signal) {
      const send = (served: string) => {
        const call: HttpCall = { call: 'write', method, path: `/univmax/restapi${served}`, body, urgent };
        return patiently(call, signal, tellBusy ? 1 : BUSY_ATTEMPTS);
      };
      const reply = await onServedEndpoint(path, send, signal);
      const jobId = reply.kind === 'done' ? jobIdOf(reply.body) : undefined;
      if (jobId === undefined) return reply;
      const { endpoint } = known ?? (await askVersion(signal));
      return followJob(jobId, { clock, read: () => read(`/restapi/${endpoint}/system/job/${jobId}`, signal) }, signal);
    },
    discard(path, signal) {
      // Changes nothing on the array: it waits with the reads, never before an establish.
      const call: HttpCall = { call: 'read', method: 'DELETE', path: `/univmax${path}` };
      once(call, signal).catch(() => undefined);
    },
  };
}

const isUnserved = (reply: Reply): boolean => reply.kind === 'refused' && reply.refusal.kind === 'no-such-path';

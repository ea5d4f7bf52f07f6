import { SnaphookError } from '../ports/errors.ts';
import type { HttpAnswer, HttpCall, Session } from './session.ts';

/** Of a server that cannot answer for now (the list of OpenStack Cinder's driver). 401 and 403 are answers like any other. */
const UNFIT_STATUS: readonly number[] = [408, 501, 502, 503, 504];

/**
 * Several Unisphere servers of one array as one session. One server has all calls until it fails: no connection, no answer, or a
 * status that says so; then the next has them. A call is sent again there at once if it certainly had no effect: every
 * read, and a write that never left. A write whose outcome is unknown is told as such; whoever looks what it did asks the next
 * server.
 */
export function firstThatAnswers(servers: readonly Session[]): Session {
  let preferred = 0;
  const at = (index: number): Session => {
    const server = servers[index % servers.length];
    if (!server) throw new TypeError('an array has at least one server');
    return server;
  };

  return {
    async send(call, signal) {
      for (let tried = 1; ; tried += 1) {
        const index = preferred;
        const outcome = await outcomeOf(at(index), call, signal);
        if (!outcome.isUnfit) return outcome.result();
        // Others may have noticed before us.
        if (preferred === index) preferred += 1;
        if (tried >= servers.length || !outcome.mayRepeat) return outcome.result();
      }
    },
    isWarm: () => at(preferred).isWarm(),
    close() {
      for (const server of servers) server.close();
    },
  };
}

interface Outcome {
  /** The server's fault, not that of the call. */
  readonly isUnfit: boolean;
  readonly mayRepeat: boolean;
  /** The answer, or throws the failure. */
  result(): HttpAnswer;
}

async function outcomeOf(server: Session, call: HttpCall, signal: AbortSignal): Promise<Outcome> {
  try {
    const answer = await server.send(call, signal);
    const isUnfit = UNFIT_STATUS.includes(answer.status);
    return { isUnfit, mayRepeat: call.call === 'read', result: () => answer };
  } catch (error) {
    const isUnfit = !signal.aborted && error instanceof SnaphookError && error.code === 'E_ARRAY_UNREACHABLE';
    return {
      isUnfit,
      mayRepeat: isUnfit && error.effect === 'none',
      result: () => {
        throw error;
      },
    };
  }
}

import { type ErrorRecord, toErrorRecord } from '../ports/errors.ts';

/** What goes wrong is told beside the other problems; only the end of the whole work ends it. */
export async function orProblem<Result>(
  problems: ErrorRecord[],
  otherwise: Result,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    problems.push(toErrorRecord(error));
    return otherwise;
  }
}

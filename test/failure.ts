import type { SnaphookError } from '../src/ports/errors.ts';

/** The error of work that must fail. */
export async function failure(work: Promise<unknown>): Promise<SnaphookError> {
  try {
    await work;
  } catch (error) {
    return error as SnaphookError; // the tests look at its fields; anything else fails them
  }
  throw new Error('it succeeded');
}

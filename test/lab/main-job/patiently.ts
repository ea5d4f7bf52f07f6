import { SnaphookError } from '../../../src/ports/errors.ts';

const TRIES = 3;

/** For tests of what comes after a capture: a machine with other work to do may lose a freeze window, and then another is tried. */
export async function patiently<Result>(capture: () => Promise<Result>): Promise<Result> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await capture();
    } catch (error) {
      const isLate = error instanceof SnaphookError && ['E_GRADE', 'E_FREEZE_WINDOW'].includes(error.code);
      if (!isLate || tried === TRIES) throw error;
    }
  }
}

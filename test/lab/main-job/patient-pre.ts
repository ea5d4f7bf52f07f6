import { SnaphookError } from '../../../src/ports/errors.ts';
import type { Site, SiteChange } from './site.ts';

const TRIES = 3;

/** For tests of what comes after a backup: a machine with other work to do may lose a freeze window, and then another is tried. */
export async function patientPre(site: Site, change: SiteChange = {}): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      await site.pre(change);
      return;
    } catch (error) {
      const isLate = error instanceof SnaphookError && ['E_GRADE', 'E_FREEZE_WINDOW'].includes(error.code);
      if (!isLate || tried === TRIES) throw error;
    }
  }
}

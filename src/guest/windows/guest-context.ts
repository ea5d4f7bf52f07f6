import { SnaphookError } from '../../ports/errors.ts';
import type { ResolvedSettings } from './windows-guest-settings.ts';

/** What every message names. */
export interface GuestContext {
  readonly name: string;
  readonly settings: ResolvedSettings;
}

/** There is no program at `helperPath`, or none that runs. */
export function notInstalled(context: GuestContext, detail: string): SnaphookError {
  return new SnaphookError(
    'E_GUEST_HELPER',
    `the VSS helper "${context.settings.helperPath}" does not run in guest "${context.name}": ${detail}`,
    { hint: `Install it: snaphook guest install ${context.name}. Or set helperPath to where it is installed.` },
  );
}

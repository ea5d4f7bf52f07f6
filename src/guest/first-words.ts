import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';
import { withDeadline } from './deadline.ts';

interface StartedHelper {
  readonly context: { readonly name: string; readonly settings: { readonly helperStartTimeoutMs: number } };
  readonly clock: Clock;
  readonly facts: { waitFor<Found>(check: () => Found | undefined, signal: AbortSignal): Promise<Found> };
}

/**
 * Waits for the hello of a helper that was just started. `spoken` gives it, or the error in its place, once there is one; `helper` is
 * what messages call the program, such as `VSS helper`.
 * @throws SnaphookError: that error, or `E_GUEST_HELPER` when it says nothing in the time of the settings.
 */
export async function firstWords<Hello extends object>(
  { context, clock, facts }: StartedHelper,
  helper: string,
  spoken: () => Hello | SnaphookError | undefined,
  signal: AbortSignal,
): Promise<Hello> {
  const limitMs = context.settings.helperStartTimeoutMs;
  const late = () =>
    new SnaphookError('E_GUEST_HELPER', `the ${helper} in guest "${context.name}" said nothing in ${limitMs} ms`, {
      hint: `Check that helperPath names the snaphook ${helper}, and that the guest is not overloaded.`,
    });
  const words = await withDeadline(clock, limitMs, signal, late, (limited) => facts.waitFor(spoken, limited));
  if (words instanceof SnaphookError) throw words;
  return words;
}

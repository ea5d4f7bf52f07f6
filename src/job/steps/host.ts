import { SnaphookError } from '../../ports/errors.ts';
import type { HostStorage } from '../../ports/host-storage.ts';
import type { MoRef } from '../../ports/identity.ts';
import { nextLookMs } from '../../ports/polling.ts';
import type { Run, Step } from '../step.ts';
import { onHosts } from '../vcenter-session.ts';
import { cloneOf, hasItsTargets, targetNamesOf } from './mounted-copy.ts';

/**
 * Effect: an ESXi host that knows nothing of the targets, so that it may be shown them. Undone when they are hidden from it again: it
 * looks, and forgets them, so that the next run finds them as new.
 */
export const hostStep: Step<undefined> = {
  name: 'host',
  repeatable: true,
  settles: false,

  async do(run, signal) {
    const { host } = cloneOf(run.plan);
    const names = targetNamesOf(run.plan);
    await onHosts(run, signal, async (storage) => {
      const [known] = await storage.devices(host.moRef, names, signal);
      if (known) {
        throw new SnaphookError('E_CLONE', `ESXi host "${host.name}" sees target "${known.canonicalName}" already`, {
          hint: 'A target is shown to the host for the life of a clone only. Take it out of the other masking view, then rescan the host.',
        });
      }
      // What an earlier clone on these devices may have left when it was cut short.
      await storage.forget(host.moRef, { canonicalNames: names, vmfsUuid: undefined }, signal);
    });
  },

  async probe() {
    return { found: 'not-done' };
  },

  async undo(run, signal) {
    const { present } = run.journal.state.steps;
    if (present.at !== 'untouched' && present.at !== 'undone') {
      throw new SnaphookError('E_LEFTOVERS', 'the targets are still shown to the ESXi host', {
        hint: 'The host forgets them when they are hidden from it. See the first error of this run.',
      });
    }
    // Nothing was shown to it, or what is shown now is another's.
    if (present.at === 'untouched' || !(await hasItsTargets(run, signal))) return;
    const names = targetNamesOf(run.plan);
    const { hosts, vmfsUuid } = run.takenFrom ?? { hosts: [], vmfsUuid: undefined };
    await onHosts(run, signal, async (storage) => {
      for (const host of new Set([cloneOf(run.plan).host.moRef, ...hosts])) {
        await whenGone(run, storage, host, signal);
        await storage.forget(host, { canonicalNames: names, vmfsUuid }, signal);
      }
    });
  },
};

/** Masking takes a moment to reach the host. */
async function whenGone(run: Run, storage: HostStorage, host: MoRef, signal: AbortSignal): Promise<void> {
  const { clock } = run.ports;
  const names = targetNamesOf(run.plan);
  const sinceMs = clock.monotonicMs();
  for (;;) {
    await storage.rescan(host, signal);
    const [left] = await storage.devices(host, names, signal);
    if (!left) return;
    const waitedMs = clock.monotonicMs() - sinceMs;
    const pauseMs = nextLookMs(waitedMs);
    if (waitedMs + pauseMs > run.plan.spec.limits.settleMs) {
      throw new SnaphookError('E_LEFTOVERS', `ESXi host "${host}" still sees target "${left.canonicalName}"`, {
        hint: 'See which masking view shows it to the host, then run `snaphook reap --apply`.',
      });
    }
    await clock.sleep(pauseMs, signal);
  }
}

import { SnaphookError } from '../../ports/errors.ts';
import type { RegisterResult } from '../results.ts';
import type { Step } from '../step.ts';
import { datastoreResultOf } from '../step-results.ts';
import { onHosts } from '../vcenter-session.ts';
import { cloneOf, findRegistered, hasItsTargets, refuseRunning, whenShown } from './mounted-copy.ts';

/** Effect: the copied VM is in the inventory, powered off, under a name and with identities of its own. */
export const registerStep: Step<RegisterResult> = {
  name: 'register',
  repeatable: true,
  settles: true,

  async do(run, signal) {
    const { host, pool, folder, name, configFile } = cloneOf(run.plan);
    const datastore = datastoreResultOf(run.journal.state)?.name ?? '';
    const vmPathName = `[${datastore}] ${configFile}`;
    return onHosts(run, signal, async (storage) => {
      if (!(await findRegistered(run, storage, signal))) {
        await storage.register({ vmPathName, name, folder, pool, host: host.moRef }, signal);
      }
      const registered = await whenShown(run, () => findRegistered(run, storage, signal), signal);
      if (!registered) {
        throw new SnaphookError('E_CLONE', `vCenter shows no VM at "${vmPathName}"`, {
          hint: 'Its registration was told to be done. See the tasks of the folder in vCenter.',
          effect: 'unknown',
        });
      }
      await storage.giveIdentity(registered.moRef, signal);
      const files = await storage.diskFiles(registered.moRef, signal);
      const stray = files.find((file) => !file.startsWith(`[${datastore}] `));
      if (stray !== undefined) {
        throw new SnaphookError('E_CLONE', `the copied VM uses "${stray}", which is not on the copy "${datastore}"`, {
          hint: 'Its configuration names a disk by a path of its own. Such a VM cannot be cloned from a snapshot.',
        });
      }
      return { vm: registered.moRef, name: registered.name };
    });
  },

  // Whether it is there is looked at before it is done, so "not done" is always a safe answer; what was begun is waited for.
  async probe(run, signal) {
    const { host, folder } = cloneOf(run.plan);
    await onHosts(run, signal, (storage) => storage.whenIdle({ host: host.moRef, folder }, signal));
    return { found: 'not-done' };
  },

  async undo(run, signal) {
    if (!(await hasItsTargets(run, signal))) return;
    const { host, folder } = cloneOf(run.plan);
    await onHosts(run, signal, async (storage) => {
      if (run.journal.state.steps.register.at === 'intended') {
        await storage.whenIdle({ host: host.moRef, folder }, signal);
      }
      const registered = await findRegistered(run, storage, signal);
      if (!registered) return;
      refuseRunning(registered);
      await storage.unregister(registered.moRef, signal);
    });
  },
};

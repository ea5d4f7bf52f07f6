import { SnaphookError } from '../ports/errors.ts';
import type { VmSnapshots } from '../ports/vm-snapshots.ts';
import type { Run } from './step.ts';

/**
 * Works in vCenter in a session that is journaled by its key and ended afterwards: one of a process that dies is ended by
 * whoever cleans up the run.
 */
export async function inVcenter<Result>(
  run: Run,
  signal: AbortSignal,
  work: (vcenter: VmSnapshots) => Promise<Result>,
): Promise<Result> {
  const { vmSnapshots: vcenter } = run.ports;
  if (!vcenter) {
    throw new SnaphookError(
      'E_CONFIG',
      `run "${run.plan.runId}" needs the proxy VM, which is not in the configuration`,
      {
        hint: 'Put `proxy.vm` back into the configuration until the run is cleaned up.',
      },
    );
  }
  const key = await vcenter.sessionKey(signal);
  if (key !== undefined) await run.journal.append({ kind: 'login', data: { key } });
  try {
    return await work(vcenter);
  } finally {
    await vcenter.close();
    if (key !== undefined) await run.journal.append({ kind: 'logout', data: { key } });
  }
}

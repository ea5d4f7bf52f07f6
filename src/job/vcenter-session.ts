import { SnaphookError } from '../ports/errors.ts';
import type { HostStorage } from '../ports/host-storage.ts';
import type { VmSnapshots } from '../ports/vm-snapshots.ts';
import type { Run } from './step.ts';

/** Works with VM snapshots and the proxy VM, as `inSession` says. */
export async function inVcenter<Result>(
  run: Run,
  signal: AbortSignal,
  work: (vcenter: VmSnapshots) => Promise<Result>,
): Promise<Result> {
  const { vmSnapshots } = run.ports;
  if (vmSnapshots) return inSession(run, vmSnapshots, signal, work);
  throw new SnaphookError('E_CONFIG', `run "${run.plan.runId}" needs the proxy VM, which is not in the configuration`, {
    hint: 'Put `proxy.vm` back into the configuration until the run is cleaned up.',
  });
}

/** Works with the storage of ESXi hosts, as `inSession` says. */
export const onHosts = <Result>(
  run: Run,
  signal: AbortSignal,
  work: (storage: HostStorage) => Promise<Result>,
): Promise<Result> => inSession(run, run.ports.hostStorage, signal, work);

/**
 * Works in vCenter in a session that is journaled by its key and ended afterwards: one of a process that dies is ended by
 * whoever cleans up the run.
 */
async function inSession<Port extends Pick<HostStorage, 'sessionKey' | 'close'>, Result>(
  run: Run,
  vcenter: Port,
  signal: AbortSignal,
  work: (vcenter: Port) => Promise<Result>,
): Promise<Result> {
  const key = await vcenter.sessionKey(signal);
  if (key !== undefined) await run.journal.append({ kind: 'login', data: { key } });
  try {
    return await work(vcenter);
  } finally {
    await vcenter.close();
    if (key !== undefined) await run.journal.append({ kind: 'logout', data: { key } });
  }
}

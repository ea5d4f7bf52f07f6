import type { InstanceUuid } from '../ports/identity.ts';
import type { Lock } from '../ports/journal.ts';
import type { JobPorts } from './ports.ts';

export const vmLock = (vm: InstanceUuid): string => `vm-${vm}`;

/** Works while no other run of this machine does with these VMs; the signal also aborts when a lock is lost. */
export async function whileVmsAreOurs<Result>(
  ports: Pick<JobPorts, 'locks'>,
  vms: readonly { readonly instanceUuid: InstanceUuid }[],
  lockWaitMs: number,
  signal: AbortSignal,
  work: (held: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const locks: Lock[] = [];
  try {
    // In one order, so that two runs never wait for each other.
    for (const { instanceUuid } of [...vms].sort((a, b) => a.instanceUuid.localeCompare(b.instanceUuid))) {
      locks.push(await ports.locks.acquire(vmLock(instanceUuid), lockWaitMs, { signal }));
    }
    return await work(AbortSignal.any([signal, ...locks.map(({ lost }) => lost)]));
  } finally {
    for (const lock of locks.reverse()) await lock.release();
  }
}

import { QuiesceError, type StandStill } from '../guest/vmware-tools.ts';
import { HRESULT } from './vss-codes.ts';
import type { VssCoordinator } from './vss-coordinator.ts';
import type { SnapshotSet } from './vss-snapshot-set.ts';

/** VSS_WRITER_STATE from here on means failed in some phase. */
const FIRST_FAILED_STATE = 6;

/** VMware Tools as a VSS requestor with a provider of its own: writes are held until the host has its snapshot. */
export function toolsRequestor(coordinator: VssCoordinator, disks: readonly string[]): StandStill {
  return async (backupType) => {
    const set = await preparedSet(coordinator, disks, backupType);
    let letGo = () => {};
    const whenDone = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let ended: Promise<string> = Promise.resolve('');
    const held = new Promise<undefined>((resolve) => {
      const commit = async () => {
        resolve(undefined);
        await whenDone;
        return HRESULT.asyncFinished;
      };
      ended = set.snapshot({ commit, released: () => undefined });
    });
    const early = await Promise.race([held, ended]).catch(refused);
    if (early !== undefined) throw refused(new Error(early));
    return async () => {
      letGo();
      const result = await ended.catch(refused);
      if (result !== HRESULT.asyncFinished) throw refused(new Error(result));
      const isBroken = set.writers().some(({ selected, state }) => selected && state >= FIRST_FAILED_STATE);
      set.complete(!isBroken);
      if (isBroken) throw refused(new Error('a writer failed'));
    };
  };
}

async function preparedSet(
  coordinator: VssCoordinator,
  disks: readonly string[],
  backupType: 'copy' | 'full',
): Promise<SnapshotSet> {
  let set: SnapshotSet | undefined;
  try {
    set = coordinator.start(disks, backupType);
    await set.prepare();
    return set;
  } catch (error) {
    set?.abort();
    throw refused(error);
  }
}

function refused(error: unknown): never {
  throw new QuiesceError('application', error instanceof Error ? error.message : String(error));
}

import { SnaphookError } from '../../ports/errors.ts';
import type { DatastoreOnDevices, HostStorage, UnresolvedCopy } from '../../ports/host-storage.ts';
import { nextLookMs } from '../../ports/polling.ts';
import { withinLimit } from '../deadline.ts';
import type { DatastoreResult } from '../results.ts';
import type { Run, Step } from '../step.ts';
import { onHosts } from '../vcenter-session.ts';
import { cloneOf, findCopy, hasItsTargets, refuseOthers, targetNamesOf, whenShown } from './mounted-copy.ts';

/** Effect: the targets carry a signature of their own, and the ESXi host has the datastore on them mounted. */
export const datastoreStep: Step<DatastoreResult> = {
  name: 'datastore',
  repeatable: true,
  settles: true,

  async do(run, signal) {
    const { host } = cloneOf(run.plan);
    return onHosts(run, signal, async (storage) => {
      await whenSeen(run, storage, signal);
      const before = await findCopy(run, storage, signal);
      if (before) return resultOf(before);
      const paths = devicePathsOf(run, await storage.unresolvedCopies(host.moRef, signal));
      await storage.resignature(host.moRef, paths, signal);
      const copy = await whenShown(run, () => findCopy(run, storage, signal), signal);
      if (copy) return resultOf(copy);
      throw new SnaphookError(
        'E_DATASTORE_COPY',
        `vCenter shows no datastore on the targets of run "${run.plan.runId}"`,
        {
          hint: `The resignature was done. See the storage of ESXi host "${host.name}" in vCenter.`,
          effect: 'unknown',
        },
      );
    });
  },

  async probe(run, signal) {
    const { host, folder } = cloneOf(run.plan);
    return onHosts(run, signal, async (storage) => {
      await storage.whenIdle({ host: host.moRef, folder }, signal);
      const copy = await findCopy(run, storage, signal);
      return copy ? { found: 'done', result: resultOf(copy) } : { found: 'not-done' };
    });
  },

  async undo(run, signal) {
    if (!(await hasItsTargets(run, signal))) return;
    const { host, folder } = cloneOf(run.plan);
    await onHosts(run, signal, async (storage) => {
      if (run.journal.state.steps.datastore.at === 'intended') {
        await storage.whenIdle({ host: host.moRef, folder }, signal);
      }
      const copy = await findCopy(run, storage, signal);
      const hosts = [...new Set([host.moRef, ...(copy?.hosts.map((mount) => mount.host) ?? [])])];
      // Others that are shown the devices mount it by themselves.
      run.takenFrom = { hosts, vmfsUuid: copy?.vmfsUuid };
      if (copy) await unmount(storage, copy, signal);
      for (const one of hosts) {
        for (const name of targetNamesOf(run.plan)) await storage.detach(one, name, signal);
      }
    });
  },
};

const resultOf = ({ moRef, name, vmfsUuid }: DatastoreOnDevices): DatastoreResult => ({ moRef, name, vmfsUuid });

/** Masking takes a moment to reach the host, and it looks only when it is told to. */
async function whenSeen(run: Run, storage: HostStorage, signal: AbortSignal): Promise<void> {
  const { host } = cloneOf(run.plan);
  const { devicesMs } = run.plan.spec.limits;
  const names = targetNamesOf(run.plan);
  const limit = {
    durationMs: devicesMs,
    code: 'E_DATASTORE_COPY' as const,
    message: `ESXi host "${host.name}" did not see all ${names.length} target device(s) within ${devicesMs} ms`,
    hint: 'Check zoning, and that `clones.presentGroup` is the storage group of a masking view of this host.',
    retry: 'never' as const,
  };
  await withinLimit(run.ports.clock, limit, signal, async (limited) => {
    for (let waitedMs = 0; ; ) {
      await storage.rescan(host.moRef, limited);
      const seen = await storage.devices(host.moRef, names, limited);
      if (seen.filter(({ state }) => state === 'ok').length === names.length) return;
      const pauseMs = nextLookMs(waitedMs);
      await run.ports.clock.sleep(pauseMs, limited);
      waitedMs += pauseMs;
    }
  });
}

/** Of the one unresolved volume that lies on exactly the targets and bears the uuid of the datastore that was captured. */
function devicePathsOf(run: Run, copies: readonly UnresolvedCopy[]): readonly string[] {
  const ours = new Set(targetNamesOf(run.plan));
  const { host, datastore } = cloneOf(run.plan);
  const touching = copies.filter(({ extents }) => extents.some(({ canonicalName }) => ours.has(canonicalName)));
  const [copy] = touching;
  const refuse = (why: string) =>
    new SnaphookError(
      'E_DATASTORE_COPY',
      `the copy of datastore "${datastore.name}" gets no new signature on ESXi host "${host.name}": ${why}`,
      {
        hint: 'See the unresolved VMFS volumes of the host (`esxcli storage vmfs snapshot list`). Nothing was written.',
      },
    );
  if (!copy) throw refuse('the host finds no VMFS volume on the targets');
  if (copy.unresolvable !== undefined || touching.length > 1) {
    throw refuse(`what the host finds is not one whole copy (${copy.unresolvable ?? 'several volumes'})`);
  }
  const foreign = copy.extents.find(({ canonicalName }) => !ours.has(canonicalName));
  if (foreign) throw refuse(`it includes device "${foreign.canonicalName}", which is no target of this run`);
  if (copy.extents.length !== ours.size) throw refuse(`it has ${copy.extents.length} of ${ours.size} extents`);
  if (copy.vmfsUuid !== datastore.vmfsUuid) {
    throw refuse(`the volume on the targets is "${copy.vmfsUuid}", not "${datastore.vmfsUuid}"`);
  }
  return copy.extents.map(({ devicePath }) => devicePath);
}

async function unmount(storage: HostStorage, copy: DatastoreOnDevices, signal: AbortSignal): Promise<void> {
  refuseOthers(copy, undefined);
  for (const { host } of copy.hosts) await storage.unmount(host, copy.vmfsUuid, signal);
}

import type { Wwn } from '../../ports/identity.ts';
import { withinLimit } from '../deadline.ts';
import type { ManagedDisk, ManagedPlan, Plan } from '../plan.ts';
import { localUndoMs } from '../run-time.ts';
import type { Run, Step } from '../step.ts';
import { managedCaptureResultOf } from '../step-results.ts';
import { inVcenter } from '../vcenter-session.ts';

export interface HotAddResult {
  readonly disks: readonly { readonly diskUuid: Wwn; readonly path: string }[];
}

/** Effect: the VM of this machine has the disks of the VM snapshots, and the system has found them by their serials. */
export const hotAddStep: Step<HotAddResult> = {
  name: 'hot-add',
  repeatable: true,
  settles: true,

  async do(run, signal) {
    const { proxyVm, disks } = managedOf(run.plan);
    const files = filesOf(run);
    await inProxyVm(run, signal, (vcenter) => vcenter.attach({ proxyVm: proxyVm.moRef, files }, signal));
    return { disks: await whenSeen(run, disks, signal) };
  },

  async probe(run, signal) {
    const { proxyVm, disks } = managedOf(run.plan);
    const files = filesOf(run);
    const attached = await inProxyVm(run, signal, async (vcenter) => {
      await vcenter.whenIdle(proxyVm.moRef, signal);
      return (await vcenter.proxyVm(proxyVm.moRef, signal)).disks.filter(({ fileName }) => files.includes(fileName));
    });
    // They were added in one change, all or none.
    if (attached.length === 0) return { found: 'not-done' };
    return { found: 'done', result: { disks: await whenSeen(run, disks, signal) } };
  },

  async undo(run, signal) {
    const { proxyVm, disks } = managedOf(run.plan);
    await flush(run, disks, signal);
    await inProxyVm(run, signal, async (vcenter) => {
      await vcenter.whenIdle(proxyVm.moRef, signal);
      await vcenter.detach({ proxyVm: proxyVm.moRef, files: filesOf(run) }, signal);
    });
  },
};

/** Told, and no more: the disks were only read, do not persist, and are taken away all the same when one does not answer. */
async function flush(
  { ports, plan, endsAtMs }: Run,
  disks: readonly ManagedDisk[],
  signal: AbortSignal,
): Promise<void> {
  const durationMs = localUndoMs(ports.clock, plan.spec.limits, endsAtMs);
  const message = `the added disks were not flushed within ${Math.round(durationMs)} ms`;
  const uuids = disks.map(({ diskUuid }) => diskUuid);
  try {
    await withinLimit(ports.clock, { durationMs, code: 'E_PROXY_DEVICE', message }, signal, (limit) =>
      ports.proxy.releaseDevices(uuids, limit),
    );
  } catch (error) {
    signal.throwIfAborted();
    ports.reporter.warn('a disk of the proxy VM could not be flushed and is taken away all the same', {
      error: String(error),
    });
  }
}

/** One run changes the proxy VM at a time, whichever job it is of. */
async function inProxyVm<Result>(
  run: Run,
  signal: AbortSignal,
  work: Parameters<typeof inVcenter<Result>>[2],
): Promise<Result> {
  const { proxyVm } = managedOf(run.plan);
  const lock = await run.ports.locks.acquire(`proxy-vm-${proxyVm.moRef}`, run.plan.spec.limits.undoMs, { signal });
  try {
    return await inVcenter(run, signal, work);
  } finally {
    await lock.release();
  }
}

async function whenSeen(run: Run, disks: readonly ManagedDisk[], signal: AbortSignal): Promise<HotAddResult['disks']> {
  const { devicesMs } = run.plan.spec.limits;
  const expected = disks.map(({ diskUuid, imageBytes }) => ({ wwn: diskUuid, sizeBytes: imageBytes }));
  const found = await withinLimit(
    run.ports.clock,
    {
      durationMs: devicesMs,
      code: 'E_PROXY_DEVICE',
      message: `the proxy did not see all ${expected.length} disk(s) that were added to its VM within ${devicesMs} ms`,
      hint: 'Check that the proxy VM has `disk.EnableUUID = TRUE` and that `proxy.vm` names the VM of this machine.',
      retry: 'never',
    },
    signal,
    (limit) => run.ports.proxy.waitForDevices(expected, limit),
  );
  return found.map(({ wwn, path }) => ({ diskUuid: wwn, path }));
}

/** Of the disks to be added, as their VM snapshots showed them when they were taken. */
export function filesOf(run: Run): readonly string[] {
  const { disks } = managedOf(run.plan);
  const snapshots = managedCaptureResultOf(run.journal.state)?.snapshots ?? [];
  return disks.flatMap(({ vm, key }) => {
    const taken = snapshots.find((snapshot) => snapshot.vm === vm);
    return taken?.disks.find((disk) => disk.key === key)?.fileName ?? [];
  });
}

export function managedOf({ managed }: Plan): ManagedPlan {
  if (!managed) throw new TypeError('a step of the route "managed" in a plan of another route');
  return managed;
}

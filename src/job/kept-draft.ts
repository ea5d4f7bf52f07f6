import { SnaphookError } from '../ports/errors.ts';
import type { RunId } from '../ports/identity.ts';
import { checkArray } from './array-limits.ts';
import { planMountedClone } from './clone-plan.ts';
import type { JobSpec } from './job-spec.ts';
import { type KeptSource, loadKept, requireSnapshot, whyOther } from './kept-source.ts';
import { lastTargets } from './last-run.ts';
import { requireUnchanged } from './layout.ts';
import { capturedOf } from './plan.ts';
import type { PlanDraft } from './planner.ts';
import type { JobPorts } from './ports.ts';
import { checkDevices, findDevices, type SourceDevice, sourcesOf } from './sources.ts';
import { selectVms } from './vms.ts';

/**
 * What a plan is made from that captures nothing, but links a kept snapshot: the VM that the job selects, if it is in the snapshot and its
 * disks lie now where they lay then. Errors: `E_SNAPSHOT_NOT_FOUND`, `E_VM_*`, `E_DEVICE_*`, `E_CLONE`.
 */
export async function draftOfKept(
  ports: JobPorts,
  spec: JobSpec,
  snapshotRun: RunId,
  signal: AbortSignal,
): Promise<PlanDraft> {
  const source = await loadKept(ports, snapshotRun);
  const { plan: kept } = source;
  const { vms, selectedBy, warnings } = await selectVms(ports.hypervisor, spec, signal);
  for (const vm of vms) {
    const then = kept.vms.find(({ instanceUuid }) => instanceUuid === vm.instanceUuid);
    if (!then) {
      throw new SnaphookError('E_VM_NOT_FOUND', `snapshot "${snapshotRun}" does not have VM "${vm.name}"`, {
        hint: `It has ${kept.vms.map(({ name }) => `"${name}"`).join(', ')}.`,
      });
    }
    requireUnchanged(then, vm);
  }
  const disks = vms.flatMap((vm) => vm.disks.map((disk) => ({ vm, disk })));
  const found = await findDevices(ports.arrays, spec.targetPool, disks, signal);
  const { array, facts, inventory } = found.home;
  const sources = sourcesOf(found, disks);
  requireCaptured(source, sources, array.id);
  if (facts.snapVxApi === 'storage-group') throw notByGroups(array.id);
  checkArray(array, facts);
  await requireSnapshot(
    source,
    sources.map(({ device }) => device.id),
    signal,
  );
  const route = { name: 'snapvx', because: `the snapshot of run "${snapshotRun}" is one of the array` } as const;
  const clone = spec.clone && (await planMountedClone(ports, spec, spec.clone, vms, signal));
  const shown = new Set(sources.map(({ datastore }) => datastore));
  return {
    vms,
    sources,
    selectedBy,
    notes: new Map(),
    strategies: new Map(),
    roles: new Map(),
    array,
    facts,
    pool: inventory.pool,
    preferred: await lastTargets(ports, spec.name, array.id),
    collateral: kept.collateral.filter(({ datastore }) => shown.has(datastore)),
    warnings: [...warnings, ...checkDevices(found, disks)],
    installation: ports.installation,
    route,
    ...(clone && { clone }),
    borrowed: {
      name: kept.snapshotName,
      snapshot: { run: snapshotRun, snapId: source.capture.snapId, takenAt: source.takenAt?.toISOString() },
    },
    proxyVm: undefined,
  };
}

function requireCaptured({ plan }: KeptSource, sources: readonly SourceDevice[], array: string): void {
  const captured = capturedOf(plan);
  for (const { device } of sources) {
    const then = captured.find((one) => one.device === device.id);
    const why =
      array !== plan.arrayId
        ? `it is on array "${array}" now, and was on "${plan.arrayId}"`
        : then
          ? whyOther(device, then)
          : `device "${device.id}" holds it now, and was not captured`;
    if (why === undefined) continue;
    throw new SnaphookError(
      'E_CLONE',
      `no clone can be made of snapshot "${plan.runId}": of the VM's storage, ${why}`,
      {
        hint: 'Its storage was changed since. Nothing was touched.',
      },
    );
  }
}

const notByGroups = (array: string): SnaphookError =>
  new SnaphookError(
    'E_CLONE',
    `array "${array}" links by storage group, and a kept snapshot of more VMs has one group`,
    {
      hint: 'Allow `snapVxApi: device-list` for the array, or make the clone without `--snapshot`.',
    },
  );

import { SnaphookError } from '../ports/errors.ts';
import type { VmRecord } from '../ports/hypervisor.ts';
import type { Device } from '../ports/storage-array.ts';
import { checkArray } from './array-limits.ts';
import { planMountedClone } from './clone-plan.ts';
import { collateralOf } from './collateral.ts';
import { checkFiles } from './files-checks.ts';
import type { JobSpec, KeptWish } from './job-spec.ts';
import { devicesOfVms, type KeptSource, loadKept, requireSnapshot, vmsOf, whyOther } from './kept-source.ts';
import { lastTargets } from './last-run.ts';
import { requireUnchanged } from './layout.ts';
import type { CapturedDevice, PlannedVm } from './plan.ts';
import type { PlanDraft } from './plan-draft.ts';
import type { JobPorts } from './ports.ts';
import type { SourceDevice } from './sources.ts';

/**
 * What a plan is made from that links a kept snapshot in place of capturing anything: what its journal says, if the array has it on
 * the same devices. What became of the VMs since does not matter, but for a clone. Errors: `E_SNAPSHOT_NOT_FOUND`, `E_VM_*`, `E_DEVICE_*`,
 * `E_ARRAY_REFUSED`, `E_CLONE`.
 */
export async function draftOfKept(
  ports: JobPorts,
  spec: JobSpec,
  wish: KeptWish,
  signal: AbortSignal,
): Promise<PlanDraft> {
  const source = await loadKept(ports, wish.snapshotRun);
  const { plan: kept, array, capture, takenAt } = source;
  const vms = vmsOf(source, wish.vms);
  const captured = devicesOfVms(source, vms);
  const facts = await array.facts(signal);
  checkArray(array, facts);
  if (facts.snapVxApi === 'storage-group') throw notByGroups(array.id);
  const { devices, pool } = await presentDevices(source, { vms, captured, pool: spec.targetPool }, signal);
  await requireSnapshot(
    source,
    captured.map(({ device }) => device),
    signal,
  );
  const route = { name: 'snapvx', because: `it is of the kept snapshot "${kept.runId}"` } as const;
  const records = spec.clone ? await unchangedVms(ports, vms, signal) : [];
  const clone = spec.clone && (await planMountedClone(ports, spec, spec.clone, records, signal));
  const sources = captured.map((one, index) => sourceOf(one, devices[index], vms));
  checkFiles(spec, route, sources, 'any');
  const shown = new Set(captured.map(({ datastore }) => datastore?.name));
  return {
    vms: records,
    sources,
    selectedBy: new Map(),
    notes: new Map(),
    freezes: new Map(),
    roles: new Map(),
    array,
    facts,
    pool,
    preferred: await lastTargets(ports, spec.name, array.id),
    collateral: collateralOf(kept, capture).filter(({ datastore }) => shown.has(datastore)),
    warnings: [],
    installation: ports.installation,
    route,
    ...(clone && { clone }),
    borrowed: {
      run: kept.runId,
      name: kept.snapshotName,
      vms,
      capture,
      takenAt: takenAt?.toISOString(),
      timeToLiveHours: kept.spec.timeToLiveHours,
    },
    proxyVm: undefined,
  };
}

/** The devices as the array shows them, found by what they were called when they were captured. */
async function presentDevices(
  { array }: KeptSource,
  wanted: { readonly vms: readonly PlannedVm[]; readonly captured: readonly CapturedDevice[]; readonly pool: string },
  signal: AbortSignal,
): Promise<{ readonly devices: readonly Device[]; readonly pool: readonly Device[] }> {
  const { vms, captured, pool } = wanted;
  const nameOf = ({ wwn }: CapturedDevice) => `naa.${wwn}`;
  const ofVvols = new Set(
    vms.flatMap(({ disks }) => disks.flatMap(({ storage, devices }) => (storage === 'vvol' ? devices : []))),
  );
  const inventory = await array.inventory(
    {
      identities: captured.map(nameOf),
      pool,
      vvols: new Map(captured.flatMap((one) => (ofVvols.has(one.device) ? [[nameOf(one), undefined]] : []))),
    },
    signal,
  );
  const devices = captured.map((then, index) => {
    const device = inventory.sources[index]?.find(({ id }) => id === then.device);
    const why = whyOther(device, then);
    if (device && why === undefined) return device;
    throw new SnaphookError('E_DEVICE_UNFIT', `of array "${array.id}", ${why}`, {
      hint: 'A device was expanded, renamed or given to something else since. Nothing was touched.',
    });
  });
  return { devices, pool: inventory.pool };
}

function sourceOf(captured: CapturedDevice, device: Device | undefined, vms: readonly PlannedVm[]): SourceDevice {
  if (!device) throw new TypeError('one device for every captured one');
  const disks = vms.flatMap((vm) =>
    vm.disks.flatMap((disk) => (disk.devices.includes(captured.device) ? [{ vm, disk }] : [])),
  );
  return {
    device,
    holds: captured.holds,
    disks: disks.map(({ vm, disk }) => ({
      vm: vm.instanceUuid,
      vmName: vm.name,
      key: disk.key,
      label: disk.label,
    })),
    diskBytes: disks[0]?.disk.capacityBytes ?? 0,
    datastore: captured.datastore?.name,
    vmfsUuid: captured.datastore?.vmfsUuid,
  };
}

/** Where the configuration of a VM lies, only vCenter knows: it must be the VM of then. */
async function unchangedVms(
  { hypervisor }: JobPorts,
  vms: readonly PlannedVm[],
  signal: AbortSignal,
): Promise<readonly VmRecord[]> {
  const selectors = vms.map(({ instanceUuid }) => ({ by: 'instanceUuid' as const, uuid: instanceUuid }));
  const found = await hypervisor.findVms(selectors, signal);
  return vms.map((vm, index) => {
    const [now] = found[index] ?? [];
    if (!now) {
      throw new SnaphookError('E_VM_NOT_FOUND', `vCenter shows no VM "${vm.instanceUuid}" ("${vm.name}") any more`, {
        hint: 'Hand over its images (`snaphook snapshot export`), and restore it from them.',
      });
    }
    requireUnchanged(vm, now);
    return now;
  });
}

const notByGroups = (array: string): SnaphookError =>
  new SnaphookError(
    'E_ARRAY_REFUSED',
    `array "${array}" links by storage group, and a kept snapshot has one for all its VMs`,
    {
      hint: 'Allow `snapVxApi: device-list` for the array.',
    },
  );

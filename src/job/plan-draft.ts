import type { VmRecord } from '../ports/hypervisor.ts';
import type { DeviceId } from '../ports/identity.ts';
import type { ArrayFacts, Device, StorageArray } from '../ports/storage-array.ts';
import { checkArray, checkArrayLimits } from './array-limits.ts';
import type { Collateral } from './captured-neighbours.ts';
import { planMountedClone } from './clone-plan.ts';
import { planCollateral } from './collateral.ts';
import { planCopiedClone } from './copied-clone-plan.ts';
import type { EstablishForecast } from './establish-forecast.ts';
import { checkFiles } from './files-checks.ts';
import { freezeGround, freezeOf } from './freeze-strategy.ts';
import type { VmDisk } from './identity.ts';
import type { Installation } from './installation.ts';
import type { JobSpec } from './job-spec.ts';
import { lastTargets } from './last-run.ts';
import { checkManaged } from './managed-plan.ts';
import type { BorrowedSnapshot, ClonePlan, ManagedPlan, PlannedVm, Route } from './plan.ts';
import type { DraftVms } from './planned-vms.ts';
import type { JobPorts } from './ports.ts';
import { chooseRoute, keptByArraysAlone, toolsWithoutSnapshot } from './route.ts';
import { sharedWindowOf, sharedWindowWarning } from './shared-window.ts';
import { checkDevices, findDevices, sourcesOf } from './sources.ts';
import { checkVm } from './vm-checks.ts';
import { notesOf, type VmNote } from './vm-notes.ts';
import { connectedVms, selectVms } from './vms.ts';

/** Everything of a plan that does not depend on other runs. */
export interface PlanDraft extends DraftVms {
  readonly array: StorageArray;
  readonly facts: ArrayFacts;
  readonly pool: readonly Device[];
  /** Target of each source in the job's last run. */
  readonly preferred: ReadonlyMap<DeviceId, DeviceId>;
  readonly collateral: readonly Collateral[];
  readonly leftOut?: readonly string[];
  readonly warnings: readonly string[];
  readonly installation: Installation;
  readonly route: Route;
  /** What the array is expected to need for the snapshot, or vCenter for that of a VM. */
  readonly forecast?: EstablishForecast;
  /** Of a clone. */
  readonly clone?: ClonePlan;
  /** Nothing is captured: the snapshot is that of another run. */
  readonly borrowed?: Omit<BorrowedSnapshot, 'ownName'> & { readonly name: string; readonly vms: readonly PlannedVm[] };
  /** Of the route `managed`. */
  readonly proxyVm: ManagedPlan['proxyVm'] | undefined;
}

/** Reads VMs by selector, their disks and the devices that hold them. Changes nothing. */
export async function draftPlan(ports: JobPorts, spec: JobSpec, signal: AbortSignal): Promise<PlanDraft> {
  const warnings: string[] = [];
  const selection = connectedVms(await selectVms(ports.hypervisor, spec, signal));
  const { vms: selected, selectedBy, leftOut } = selection;
  warnings.push(...selection.warnings);
  const notes = new Map(selected.map((vm) => [vm.instanceUuid, checkedNotes(ports, vm, spec, warnings)]));
  const devices = await findDevices(ports.arrays, spec.targetPool, disksOf(selected), signal);
  const { array, facts, inventory } = devices.home;
  const route = await chooseRoute(ports.vvolAnswers, spec, facts, selected);
  if (spec.keep && route.name === 'managed') throw keptByArraysAlone(spec, route);
  const mounted =
    spec.clone && route.name === 'snapvx'
      ? await planMountedClone(ports, spec, spec.clone, selected, signal)
      : undefined;
  const { installation } = ports;
  // Pairs are given by position where groups are linked, so that their order decides.
  const preferred = facts.snapVxApi === 'storage-group' ? new Map() : await lastTargets(ports, spec.name, array.id);
  const found = { array, facts, pool: inventory.pool, preferred, selectedBy, leftOut, warnings, installation, route };
  const ownSources = sourcesOf(devices, disksOf(selected));
  // Neighbours come with the devices of the job's own VMs, but for a few.
  const ofOneVm = Math.max(...selected.map(({ disks }) => disks.length));
  const ground = await freezeGround(ports, spec, facts, {
    route,
    devices: route.name === 'managed' ? ofOneVm : ownSources.length,
  });
  const freezesOf = (vms: readonly VmRecord[], as: JobSpec) =>
    vms.map((vm) => [vm.instanceUuid, freezeOf(ports.guests, vm, as, ground, warnings)] as const);
  if (route.name === 'managed') {
    // vSphere reads and writes these disks: which device each is does not matter, nor who else is on a datastore.
    const proxyVm = await checkManaged(ports, spec, { vms: selected, warnings }, signal);
    const copied = spec.clone && (await planCopiedClone(ports, spec.clone, selected, signal));
    checkFiles(spec, route, ownSources, leftOut);
    return {
      ...found,
      vms: selected,
      sources: ownSources,
      notes,
      freezes: new Map(freezesOf(selected, spec)),
      ...(ground.forecast && { forecast: ground.forecast }),
      roles: new Map(),
      collateral: [],
      proxyVm,
      ...(copied && { clone: copied }),
    };
  }
  if (spec.freeze === 'vmware-tools') throw toolsWithoutSnapshot(spec, route);
  const { collateral, neighbours, warnings: shared } = await planCollateral(ports, selected, spec, signal);
  warnings.push(...shared);
  for (const vm of neighbours) notes.set(vm.instanceUuid, checkedNotes(ports, vm, spec, warnings));
  const vms = [...selected, ...neighbours];
  warnings.push(...checkDevices(devices, disksOf(vms)));
  const sources = sourcesOf(devices, disksOf(vms));
  checkFiles(spec, route, sources, leftOut);
  checkArray(array, facts);
  warnings.push(...(await checkArrayLimits(array, sources, spec, signal)));
  const asTheirSettingsSay = { ...spec, freeze: 'auto' } as const;
  const freezes = new Map([...freezesOf(selected, spec), ...freezesOf(neighbours, asTheirSettingsSay)]);
  const held = vms.map(({ instanceUuid, name }) => ({ name, leaseMs: freezes.get(instanceUuid)?.leaseMs }));
  const tooShort = sharedWindowWarning(sharedWindowOf(held, spec), ground.forecast);
  if (tooShort !== undefined) warnings.push(tooShort);
  return {
    ...found,
    vms,
    sources,
    notes,
    freezes,
    ...(ground.forecast && { forecast: ground.forecast }),
    roles: new Map(neighbours.map((vm) => [vm.instanceUuid, 'neighbour'])),
    collateral,
    proxyVm: undefined,
    ...(mounted && { clone: mounted }),
  };
}

/** Refuses what cannot be captured, and tells what is unusual of the rest. */
function checkedNotes(ports: JobPorts, vm: VmRecord, spec: JobSpec, warnings: string[]): readonly VmNote[] {
  checkVm(vm, spec, warnings);
  const notes = notesOf(vm, ports.clock.now());
  warnings.push(...notes.flatMap(({ severity, text }) => (severity === 'warning' ? [text] : [])));
  return notes;
}

const disksOf = (vms: readonly VmRecord[]): readonly VmDisk[] =>
  vms.flatMap((vm) => vm.disks.map((disk) => ({ vm, disk })));

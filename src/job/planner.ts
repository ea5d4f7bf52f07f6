import { SnaphookError } from '../ports/errors.ts';
import type { VirtualDisk, VmRecord } from '../ports/hypervisor.ts';
import type { DeviceId, InstanceUuid, MoRef, RunId } from '../ports/identity.ts';
import { MODEL_LAG_MS } from '../ports/polling.ts';
import type { ArrayFacts, Device, StorageArray } from '../ports/storage-array.ts';
import { checkArrayLimits } from './array-limits.ts';
import { imageNames } from './image-names.ts';
import type { Installation } from './installation.ts';
import type { JobContext, JobSpec } from './job-spec.ts';
import { layoutOf } from './layout.ts';
import { checkManaged, managedPlan } from './managed-plan.ts';
import { snapshotName } from './names.ts';
import {
  bytesOfCylinders,
  type Collateral,
  type ManagedPlan,
  type Plan,
  type PlannedDevice,
  type PlannedDisk,
  type PlannedVm,
  type Route,
} from './plan.ts';
import type { JobPorts } from './ports.ts';
import { chooseRoute, toolsWithoutSnapshot } from './route.ts';
import { findSources, type SourceDevice } from './sources.ts';
import { type ChosenTarget, chooseTargets, mayBecomeFree, type TargetChoice } from './targets.ts';
import { checkVm } from './vm-checks.ts';
import { mayHoldWritesBack, notesOf, type VmNote } from './vm-notes.ts';
import { guestAddressOf, selectVms } from './vms.ts';

export interface PlanRequest {
  readonly runId: RunId;
  readonly spec: JobSpec;
  readonly context: JobContext;
}

/** What other open runs of this machine have planned to use. */
export interface Reserved {
  readonly targets: ReadonlySet<string>;
  /** Hand-over directories, by the run that has each. */
  readonly directories: ReadonlyMap<string, string>;
  /** Serials of disks that are attached to the proxy VM, by the run that has each. */
  readonly disks: ReadonlyMap<string, string>;
}

export const NOTHING_RESERVED: Reserved = {
  targets: new Set(),
  directories: new Map(),
  disks: new Map(),
};

/** Everything of a plan that does not depend on other runs. */
export interface PlanDraft {
  readonly array: StorageArray;
  readonly facts: ArrayFacts;
  readonly sources: readonly SourceDevice[];
  readonly pool: readonly Device[];
  readonly vms: readonly VmRecord[];
  readonly selectedBy: ReadonlyMap<InstanceUuid, readonly string[]>;
  readonly notes: ReadonlyMap<InstanceUuid, readonly VmNote[]>;
  /** How each VM is frozen. */
  readonly strategies: ReadonlyMap<InstanceUuid, PlannedVm['freeze']>;
  readonly collateral: readonly Collateral[];
  readonly warnings: readonly string[];
  readonly installation: Installation;
  readonly route: Route;
  /** Of the route `managed`. */
  readonly proxyVm: ManagedPlan['proxyVm'] | undefined;
}

/** Reads VMs by selector, their disks and the devices that hold them. Changes nothing. */
export async function draftPlan(ports: JobPorts, spec: JobSpec, signal: AbortSignal): Promise<PlanDraft> {
  const warnings: string[] = [];
  const { vms, selectedBy, warnings: unmatched } = await selectVms(ports.hypervisor, spec, signal);
  warnings.push(...unmatched);
  const notes = new Map(vms.map((vm) => [vm.instanceUuid, notesOf(vm, ports.clock.now())]));
  for (const vm of vms) {
    checkVm(vm, spec, warnings);
    for (const { severity, text } of notes.get(vm.instanceUuid) ?? []) if (severity === 'warning') warnings.push(text);
  }
  const { array, facts, sources, pool } = await findSources(ports.arrays, spec.targetPool, disksOf(vms), signal);
  const route = await chooseRoute(ports.vvolAnswers, spec, facts, vms);
  const { installation } = ports;
  const found = { array, facts, sources, pool, vms, selectedBy, notes, warnings, installation, route };
  if (route.name === 'managed') {
    const proxyVm = await checkManaged(ports, spec, { vms, warnings }, signal);
    const strategies = new Map(vms.map((vm) => [vm.instanceUuid, strategyOf(ports, vm, spec)]));
    return { ...found, strategies, collateral: [], proxyVm };
  }
  if (spec.freeze === 'vmware-tools') throw toolsWithoutSnapshot(spec, route);
  const collateral = await findCollateral(ports, vms, spec, warnings, signal);
  checkArray(array, facts);
  await checkArrayLimits(array, sources, spec, signal);
  const strategies = new Map(vms.map((vm) => [vm.instanceUuid, strategyOf(ports, vm, spec)]));
  return { ...found, strategies, collateral, proxyVm: undefined };
}

/** Gives every source a target that nobody else has planned. Errors: `E_TARGET_*`, `E_EXPORT`. */
export function completePlan(draft: PlanDraft, request: PlanRequest, reserved: Reserved): Plan {
  const { array, facts, sources, vms, collateral, warnings } = draft;
  const { spec } = request;
  const owner = reserved.directories.get(spec.exportDirectory);
  if (owner !== undefined) {
    throw new SnaphookError('E_EXPORT', `hand-over directory "${spec.exportDirectory}" is in use by run "${owner}"`, {
      hint: 'Give each job an exportDirectory of its own: otherwise one run would hand over the images of another.',
    });
  }
  const names = imageNames(sources);
  const managed = draft.proxyVm && managedPlan(draft.proxyVm, { sources, vms, names }, reserved.disks);
  const linked = managed ? [] : sources;
  const targets = targetsInOrder({ sources: linked, pool: draft.pool, spec, reserved: reserved.targets });
  const devices = linked.map((source, index): PlannedDevice => {
    const target = targets.get(source.device.id);
    const imagePath = names[index];
    if (!target || !imagePath) throw new TypeError('one target and one image for every source');
    return {
      device: source.device.id,
      wwn: source.device.effectiveWwn,
      holds: source.holds,
      target: target.device.id,
      targetWwn: target.device.effectiveWwn,
      presentNeeded: target.presentNeeded,
      imagePath,
      imageBytes: source.holds === 'disk' ? source.diskBytes : bytesOfCylinders(source.device.cylinders),
    };
  });
  return {
    runId: request.runId,
    context: request.context,
    spec,
    arrayId: array.id,
    array: facts,
    snapshotName: snapshotName(request.runId, draft.installation.markOf(request.runId, array.id)),
    vms: plannedVms(draft),
    devices,
    route: draft.route,
    managed,
    collateral,
    warnings,
  };
}

/**
 * By ascending device id on both sides, so that among devices of one size the order of sources is the order of their targets:
 * an array that links two storage groups by position then pairs them as planned, however it counts their members.
 */
function targetsInOrder({ sources, pool, ...rest }: TargetChoice): ReadonlyMap<DeviceId, ChosenTarget> {
  const ordered = [...sources].sort((a, b) => a.device.id.localeCompare(b.device.id));
  const ascending = [...pool].sort((a, b) => a.id.localeCompare(b.id));
  const chosen = chooseTargets({ sources: ordered, pool: ascending, ...rest });
  return new Map(ordered.flatMap(({ device }, index) => (chosen[index] ? [[device.id, chosen[index]] as const] : [])));
}

/** The plan as a run would make it now; nothing is reserved. */
export async function makePlan(ports: JobPorts, request: PlanRequest, signal: AbortSignal): Promise<Plan> {
  const draft = await draftPlan(ports, request.spec, signal);
  return whenTargetsAreFree(
    ports,
    draft,
    request.spec,
    async (latest) => completePlan(latest, request, NOTHING_RESERVED),
    signal,
  );
}

/** Completes the plan; while no target is free but one may become so, the pool is read again and completed again. */
export async function whenTargetsAreFree(
  ports: JobPorts,
  draft: PlanDraft,
  spec: JobSpec,
  complete: (draft: PlanDraft) => Promise<Plan>,
  signal: AbortSignal,
): Promise<Plan> {
  const { clock } = ports;
  const untilMs = clock.monotonicMs() + MODEL_LAG_MS;
  for (let latest = draft, pauseMs = 500; ; pauseMs = Math.min(pauseMs * 2, 2000)) {
    try {
      return await complete(latest);
    } catch (error) {
      const tooLate = clock.monotonicMs() + pauseMs > untilMs;
      const isNone = error instanceof SnaphookError && error.code === 'E_TARGET_NONE';
      if (!isNone || tooLate || !mayBecomeFree(latest)) throw error;
      ports.reporter.info('no target is free; looking again, as the array may be behind', { pool: spec.targetPool });
    }
    await clock.sleep(pauseMs, signal);
    const { pool } = await draft.array.inventory({ identities: [], pool: spec.targetPool }, signal);
    latest = { ...latest, pool };
  }
}

/** Errors: `E_CONFIG` when the guest has no settings, or others than the job asks for. */
function strategyOf(ports: JobPorts, vm: VmRecord, { freeze }: JobSpec): PlannedVm['freeze'] {
  if (freeze === 'none' || !vm.poweredOn) return 'none';
  if (freeze === 'vmware-tools') return freeze;
  const address = guestAddressOf(vm);
  const strategy = ports.guests.strategyFor({ name: vm.name, address });
  if (strategy === undefined) {
    throw new SnaphookError('E_CONFIG', `guest "${vm.name}" cannot be frozen: there are no settings for it`, {
      hint:
        address === undefined
          ? 'vCenter knows no address of the guest: start VMware Tools in it, or give `address` under `guests:`.'
          : 'Add it under `guests:` with `winrm` or `ssh`, or set `freeze: none` for the job.',
    });
  }
  if (freeze !== 'auto' && freeze !== strategy) {
    throw new SnaphookError(
      'E_CONFIG',
      `guest "${vm.name}" is set up for "${strategy}", and the job asks for "${freeze}"`,
      {
        hint: 'Set `freeze: auto` for the job, or correct the settings of the guest under `guests:`.',
      },
    );
  }
  return strategy;
}

const disksOf = (vms: readonly VmRecord[]) => vms.flatMap((vm) => vm.disks.map((disk) => ({ vm, disk })));

function plannedVms({ vms, selectedBy, notes, strategies, sources }: PlanDraft): readonly PlannedVm[] {
  const heldBy = new Map<string, DeviceId[]>();
  for (const { device, disks } of sources) {
    for (const { vm, key } of disks) heldBy.set(`${vm}/${key}`, [...(heldBy.get(`${vm}/${key}`) ?? []), device.id]);
  }
  return vms.map((vm) => ({
    instanceUuid: vm.instanceUuid,
    moRef: vm.moRef,
    name: vm.name,
    address: guestAddressOf(vm),
    freeze: strategies.get(vm.instanceUuid) ?? 'none',
    selectedBy: selectedBy.get(vm.instanceUuid) ?? [],
    changeTracking: vm.condition.changeTracking,
    notes: notes.get(vm.instanceUuid) ?? [],
    layout: layoutOf(vm),
    disks: vm.disks.map((disk) => ({
      key: disk.key,
      label: disk.label,
      capacityBytes: disk.capacityBytes,
      guestDiskUuid: disk.guestDiskUuid,
      storage: storageOf(disk),
      sharedByWriters: disk.sharedByWriters,
      mayHoldWritesBack: mayHoldWritesBack(disk),
      devices: heldBy.get(`${vm.instanceUuid}/${disk.key}`) ?? [],
    })),
  }));
}

function storageOf({ backing, label }: VirtualDisk): PlannedDisk['storage'] {
  if (backing.kind === 'unsupported') throw new TypeError(`disk ${label} was not checked`);
  return backing.kind;
}

async function findCollateral(
  ports: JobPorts,
  vms: readonly VmRecord[],
  spec: JobSpec,
  warnings: string[],
  signal: AbortSignal,
): Promise<readonly Collateral[]> {
  const datastores = new Map<MoRef, string>();
  for (const { backing } of vms.flatMap((vm) => vm.disks)) {
    if (backing.kind === 'vmfs') datastores.set(backing.datastoreRef, backing.datastore);
  }
  if (datastores.size === 0) return [];
  const selected = new Set<InstanceUuid | undefined>(vms.map((vm) => vm.instanceUuid));
  const neighbours = await ports.hypervisor.vmsOnDatastores([...datastores.keys()], signal);
  const collateral = [...datastores].flatMap(([ref, datastore]) => {
    const others = neighbours
      .filter((vm) => vm.datastoreRef === ref && !selected.has(vm.instanceUuid))
      .map((vm) => vm.name);
    return others.length === 0 ? [] : [{ datastore, vms: others }];
  });
  for (const { datastore, vms: others } of collateral) {
    const message = `datastore "${datastore}" also holds ${others.map((name) => `"${name}"`).join(', ')}, not prepared by this job`;
    if (spec.collateral === 'warn') warnings.push(message);
    else {
      throw new SnaphookError('E_COLLATERAL', message, {
        hint: 'Add those VMs to the job, or set `collateral: warn` to capture the datastore with them as they are.',
      });
    }
  }
  return collateral;
}

function checkArray(array: StorageArray, facts: ArrayFacts): void {
  if (!facts.local) {
    throw new SnaphookError(
      'E_ARRAY_NOT_LOCAL',
      `array "${array.id}" is remote to this Unisphere and cannot be controlled by it`,
      {
        hint: 'Configure the Unisphere server that is local to the array.',
      },
    );
  }
  if (!facts.snapVxLicensed) {
    throw new SnaphookError('E_ARRAY_REFUSED', `array "${array.id}" is not licensed for SnapVX`, {
      hint: 'SnapVX is part of the TimeFinder licence; ask your Dell representative.',
    });
  }
}

import { SnaphookError } from '../ports/errors.ts';
import type { VirtualDisk, VmRecord } from '../ports/hypervisor.ts';
import type { InstanceUuid, RunId } from '../ports/identity.ts';
import type { ArrayFacts, Device, StorageArray } from '../ports/storage-array.ts';
import { planCollateral } from './collateral.ts';
import { imageNames } from './image-names.ts';
import type { Installation } from './installation.ts';
import type { JobContext, JobSpec } from './job-spec.ts';
import { snapshotName } from './names.ts';
import {
  bytesOfCylinders,
  type Collateral,
  type Plan,
  type PlannedDevice,
  type PlannedDisk,
  type PlannedVm,
} from './plan.ts';
import type { JobPorts } from './ports.ts';
import { diskRefusal, vmRefusals } from './refusals.ts';
import { findSources, type SourceDevice } from './sources.ts';
import { chooseTargets, mayBecomeFree } from './targets.ts';
import { guestAddressOf, resolveVms } from './vms.ts';

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
}

export const NOTHING_RESERVED: Reserved = { targets: new Set(), directories: new Map() };

/** Everything of a plan that does not depend on other runs. */
export interface PlanDraft {
  readonly array: StorageArray;
  readonly facts: ArrayFacts;
  readonly sources: readonly SourceDevice[];
  readonly pool: readonly Device[];
  readonly vms: readonly VmRecord[];
  /** How each VM is frozen. */
  readonly strategies: ReadonlyMap<InstanceUuid, PlannedVm['freeze']>;
  /** VMs that are none of the job's own. */
  readonly roles: ReadonlyMap<InstanceUuid, PlannedVm['role']>;
  readonly collateral: readonly Collateral[];
  readonly warnings: readonly string[];
  readonly installation: Installation;
}

/** Reads VMs by selector, their disks and the devices that hold them. Changes nothing. */
export async function draftPlan(ports: JobPorts, spec: JobSpec, signal: AbortSignal): Promise<PlanDraft> {
  const warnings: string[] = [];
  const selected = await resolveVms(ports.hypervisor, spec.vms, signal);
  for (const vm of selected) checkVm(vm, spec, warnings);
  const { collateral, neighbours, warnings: shared } = await planCollateral(ports, selected, spec, signal);
  warnings.push(...shared);
  const vms = [...selected, ...neighbours];
  const found = await findSources(ports.arrays, spec.targetPool, disksOf(vms), signal);
  const { array, facts, sources, pool } = found;
  warnings.push(...found.notes);
  checkArray(array, facts);
  const strategies = new Map([
    ...selected.map((vm) => [vm.instanceUuid, strategyOf(ports, vm, spec)] as const),
    ...neighbours.map((vm) => [vm.instanceUuid, strategyOf(ports, vm, { ...spec, freeze: 'auto' })] as const),
  ]);
  const roles = new Map(neighbours.map((vm) => [vm.instanceUuid, 'neighbour' as const]));
  const { installation } = ports;
  return { array, facts, sources, pool, vms, strategies, roles, collateral, warnings, installation };
}

/** Gives every source a target that nobody else has planned. Errors: `E_TARGET_*`, `E_EXPORT`. */
export function completePlan(draft: PlanDraft, request: PlanRequest, reserved: Reserved): Plan {
  const { array, facts, sources, pool, vms, collateral, warnings } = draft;
  const { spec } = request;
  const owner = reserved.directories.get(spec.exportDirectory);
  if (owner !== undefined) {
    throw new SnaphookError('E_EXPORT', `hand-over directory "${spec.exportDirectory}" is in use by run "${owner}"`, {
      hint: 'Give each job an exportDirectory of its own: otherwise one run would hand over the images of another.',
    });
  }
  const targets = chooseTargets({ sources, pool, spec, reserved: reserved.targets });
  const names = imageNames(sources);
  const devices = sources.map((source, index): PlannedDevice => {
    const target = targets[index];
    const imagePath = names[index];
    if (!target || !imagePath) throw new TypeError('one target and one image for every source');
    return {
      device: source.device.id,
      wwn: source.device.effectiveWwn,
      holds: source.holds,
      datastore: source.datastore === undefined ? undefined : { name: source.datastore, vmfsUuid: source.vmfsUuid },
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
    vms: vms.map((vm) => plannedVm(vm, draft, sources)),
    devices,
    collateral,
    warnings,
  };
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

/** How long Unisphere may still show what the array has ended already (seen in the field: up to 10 s). */
const MODEL_LAG_MS = 12_000;

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

function plannedVm(
  vm: VmRecord,
  { strategies, roles }: Pick<PlanDraft, 'strategies' | 'roles'>,
  sources: readonly SourceDevice[],
): PlannedVm {
  return {
    instanceUuid: vm.instanceUuid,
    moRef: vm.moRef,
    name: vm.name,
    address: guestAddressOf(vm),
    freeze: strategies.get(vm.instanceUuid) ?? 'none',
    role: roles.get(vm.instanceUuid) ?? 'selected',
    disks: vm.disks.map((disk) => ({
      key: disk.key,
      label: disk.label,
      capacityBytes: disk.capacityBytes,
      guestDiskUuid: disk.guestDiskUuid,
      storage: storageOf(disk),
      sharedByWriters: disk.sharedByWriters,
      devices: sources
        .filter((source) => source.disks.some((held) => held.vm === vm.instanceUuid && held.key === disk.key))
        .map((source) => source.device.id),
    })),
  };
}

function storageOf({ backing, label }: VirtualDisk): PlannedDisk['storage'] {
  if (backing.kind === 'unsupported' || backing.kind === 'ambiguous')
    throw new TypeError(`disk ${label} was not checked`);
  return backing.kind;
}

function checkVm(vm: VmRecord, spec: JobSpec, warnings: string[]): void {
  const [refusal] = vmRefusals(vm);
  if (refusal) throw refusal;
  checkReachableGrade(vm, spec, warnings);
  for (const disk of vm.disks) checkDisk(vm, disk, warnings);
}

/** A grade that cannot be reached is refused now, not after a freeze. */
function checkReachableGrade(vm: VmRecord, spec: JobSpec, warnings: string[]): void {
  const frozen = spec.freeze !== 'none' && vm.poweredOn;
  if (frozen || spec.grade === 'crash') return;
  const why = vm.poweredOn
    ? 'the job does not freeze guests'
    : `VM "${vm.name}" is powered off, so that no guest can be frozen`;
  if (spec.onLowerGrade === 'degrade') {
    warnings.push(`${why}: the grade is "crash" at best`);
    return;
  }
  throw new SnaphookError('E_GRADE', `VM "${vm.name}" cannot reach grade "${spec.grade}": ${why}`, {
    hint: 'Set `grade: crash` or `onLowerGrade: degrade` for the job, or take the VM out of it.',
  });
}

function checkDisk(vm: VmRecord, disk: VirtualDisk, warnings: string[]): void {
  const name = `disk "${disk.label}" of VM "${vm.name}"`;
  const refusal = diskRefusal({ vm, disk });
  if (refusal) throw refusal;
  if (disk.onSnapshot)
    warnings.push(`${name} runs on a VM snapshot: its image holds the current state, without the chain`);
  if (disk.sharedByWriters) warnings.push(`${name} is shared with other VMs that are not frozen`);
}

/** Errors: `E_ARRAY_NOT_LOCAL`, `E_ARRAY_REFUSED`. */
export function checkArray(array: StorageArray, facts: ArrayFacts): void {
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

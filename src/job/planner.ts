import { SnaphookError } from '../ports/errors.ts';
import type { VirtualDisk, VmRecord } from '../ports/hypervisor.ts';
import type { InstanceUuid, MoRef, RunId } from '../ports/identity.ts';
import type { ArrayFacts, StorageArray } from '../ports/storage-array.ts';
import { imageNames } from './image-names.ts';
import type { JobContext, JobSpec } from './job-spec.ts';
import { snapshotName } from './names.ts';
import { bytesOfCylinders, type Collateral, type Plan, type PlannedDevice, type PlannedVm } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { findSources, type SourceDevice } from './sources.ts';
import { chooseTargets, mayBecomeFree, type TargetChoice } from './targets.ts';
import { resolveVms } from './vms.ts';

export interface PlanRequest {
  readonly runId: RunId;
  readonly spec: JobSpec;
  readonly context: JobContext;
  /** Targets that other open runs of this machine have planned to use. */
  readonly reservedTargets: ReadonlySet<string>;
}

/** Computes the plan read-only: VMs by selector, their disks, the devices that hold them, and a target for each. */
export async function makePlan(ports: JobPorts, request: PlanRequest, signal: AbortSignal): Promise<Plan> {
  const { spec } = request;
  const warnings: string[] = [];
  const vms = await resolveVms(ports.hypervisor, spec.vms, signal);
  for (const vm of vms) checkVm(vm, spec, warnings);
  const collateral = await findCollateral(ports, vms, spec, warnings, signal);
  const { array, facts, sources, pool } = await findSources(ports.arrays, spec.targetPool, disksOf(vms), signal);
  checkArray(array, facts);
  const choice = { sources, pool, spec, reserved: request.reservedTargets };
  const targets = await freeTargets(ports, array, choice, signal);
  const names = imageNames(sources);
  const devices = sources.map((source, index): PlannedDevice => {
    const target = targets[index];
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
    snapshotName: snapshotName(request.runId),
    vms: vms.map((vm) => plannedVm(vm, spec, sources)),
    devices,
    collateral,
    warnings,
  };
}

/** How long Unisphere may still show what the array has ended already (seen in the field: up to 10 s). */
const MODEL_LAG_MS = 12_000;

async function freeTargets(ports: JobPorts, array: StorageArray, choice: TargetChoice, signal: AbortSignal) {
  const { clock } = ports;
  const untilMs = clock.monotonicMs() + MODEL_LAG_MS;
  for (let { pool } = choice, pauseMs = 500; ; pauseMs = Math.min(pauseMs * 2, 2000)) {
    try {
      return chooseTargets({ ...choice, pool });
    } catch (error) {
      const tooLate = clock.monotonicMs() + pauseMs > untilMs;
      const isNone = error instanceof SnaphookError && error.code === 'E_TARGET_NONE';
      if (!isNone || tooLate || !mayBecomeFree({ ...choice, pool })) throw error;
      ports.reporter.info('no target is free; looking again, as the array may be behind', {
        pool: choice.spec.targetPool,
      });
    }
    await clock.sleep(pauseMs, signal);
    ({ pool } = await array.inventory({ identities: [], pool: choice.spec.targetPool }, signal));
  }
}

const disksOf = (vms: readonly VmRecord[]) => vms.flatMap((vm) => vm.disks.map((disk) => ({ vm, disk })));

function plannedVm(vm: VmRecord, spec: JobSpec, sources: readonly SourceDevice[]): PlannedVm {
  return {
    instanceUuid: vm.instanceUuid,
    moRef: vm.moRef,
    name: vm.name,
    address: vm.guestAddress ?? vm.guestHostName,
    freeze: vm.poweredOn ? spec.freeze : 'none',
    disks: vm.disks.map((disk) => ({
      key: disk.key,
      label: disk.label,
      capacityBytes: disk.capacityBytes,
      guestDiskUuid: disk.guestDiskUuid,
      storage: disk.backing.kind === 'unsupported' ? 'vmfs' : disk.backing.kind,
      devices: sources
        .filter((source) => source.disks.some((held) => held.vm === vm.instanceUuid && held.key === disk.key))
        .map((source) => source.device.id),
    })),
  };
}

function checkVm(vm: VmRecord, spec: JobSpec, warnings: string[]): void {
  if (vm.template) throw refuse(vm.name, 'it is a template');
  if (!vm.connected) throw refuse(vm.name, 'its host is not connected to vCenter');
  if (vm.disks.length === 0) throw refuse(vm.name, 'it has no disk');
  if (!vm.poweredOn && spec.freeze !== 'none') warnings.push(`VM "${vm.name}" is powered off: nothing to freeze in it`);
  for (const disk of vm.disks) checkDisk(vm, disk, warnings);
}

function checkDisk(vm: VmRecord, disk: VirtualDisk, warnings: string[]): void {
  const name = `disk "${disk.label}" of VM "${vm.name}"`;
  if (disk.backing.kind === 'unsupported') {
    throw new SnaphookError('E_DISK_UNSUPPORTED', `${name} cannot be captured: ${disk.backing.reason}`, {
      hint: 'Move the disk to storage of a configured array, or leave the VM to another backup method.',
    });
  }
  if (disk.onSnapshot)
    warnings.push(`${name} runs on a VM snapshot: its image holds the current state, without the chain`);
  if (disk.sharedByWriters) warnings.push(`${name} is shared with other VMs that are not frozen`);
}

const refuse = (vm: string, why: string) =>
  new SnaphookError('E_DISK_UNSUPPORTED', `VM "${vm}" cannot be captured: ${why}`, {
    hint: 'Take the VM out of the job, or correct its state in vCenter.',
  });

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

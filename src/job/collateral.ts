import { SnaphookError } from '../ports/errors.ts';
import type { DatastoreNeighbour, VmRecord } from '../ports/hypervisor.ts';
import type { InstanceUuid, MoRef } from '../ports/identity.ts';
import type { Collateral, CollateralVm } from './captured-neighbours.ts';
import type { JobSpec } from './job-spec.ts';
import type { Plan } from './plan.ts';
import type { JobPorts } from './ports.ts';
import type { CaptureResult } from './results.ts';
import { guestOf } from './vms.ts';

interface CapturedDatastore {
  readonly ref: MoRef;
  readonly name: string;
}

/** What comes with the snapshot of whole datastores, and the neighbours that are frozen with the job's own VMs. */
export interface CollateralPlan {
  readonly collateral: readonly Collateral[];
  /** With the disks on captured datastores alone. */
  readonly neighbours: readonly VmRecord[];
  readonly warnings: readonly string[];
}

/**
 * A VMFS datastore is captured with every VM on it. The policy of the job says what happens then: `refuse` the run, `warn`, or
 * `prepare` the neighbours too, in the same window, each as its settings say. Errors: `E_COLLATERAL`, `E_CONFIG`.
 */
export async function planCollateral(
  ports: JobPorts,
  vms: readonly VmRecord[],
  spec: JobSpec,
  signal: AbortSignal,
): Promise<CollateralPlan> {
  const found = await readCollateral(ports, vms, signal);
  if (found.length === 0) return { collateral: [], neighbours: [], warnings: [] };
  switch (spec.collateral) {
    case 'refuse':
      throw new SnaphookError('E_COLLATERAL', found.map(describe).join('; '), {
        hint: 'Add those VMs to the job, set `collateral: prepare` to freeze them too, or `collateral: warn` to capture them as they are.',
      });
    case 'warn':
      return { collateral: found, neighbours: [], warnings: found.map(describe) };
    case 'prepare':
      return await prepared(ports, found, capturedDatastores(vms), spec, signal);
  }
}

/** Who else is on the VMFS datastores of the VMs' disks; datastores without neighbours are left out. */
export async function readCollateral(
  ports: Pick<JobPorts, 'hypervisor'>,
  vms: readonly VmRecord[],
  signal: AbortSignal,
): Promise<readonly Collateral[]> {
  const datastores = capturedDatastores(vms);
  if (datastores.length === 0) return [];
  const selected = new Set<InstanceUuid | undefined>(vms.map((vm) => vm.instanceUuid));
  const neighbours = await ports.hypervisor.vmsOnDatastores(
    datastores.map(({ ref }) => ref),
    signal,
  );
  const sharing = new Map<MoRef, DatastoreNeighbour[]>();
  for (const vm of neighbours) {
    // Who only has an ISO image in its drive, or its swap file, loses nothing with the datastore.
    if ((vm.instanceUuid !== undefined && selected.has(vm.instanceUuid)) || vm.bytes === 0) continue;
    const known = sharing.get(vm.datastoreRef);
    if (known) known.push(vm);
    else sharing.set(vm.datastoreRef, [vm]);
  }
  return datastores.flatMap(({ ref, name }) => {
    const others = sharing.get(ref) ?? [];
    return others.length === 0 ? [] : [{ datastore: name, vms: others.map(collateralVm) }];
  });
}

/**
 * Who came since the plan, or writes where nothing wrote: they would be captured unseen. Who has gone takes nothing from what
 * is captured. In words; empty when nothing is different.
 */
export function newcomers(planned: readonly Collateral[], now: readonly Collateral[]): readonly string[] {
  return now.flatMap(({ datastore, vms }) => {
    const known = planned.filter((one) => one.datastore === datastore).flatMap((one) => one.vms);
    return vms.flatMap((vm) => {
      const before = known.find((one) => identityOf(one) === identityOf(vm));
      if (!before) return [`VM "${vm.name}" came to datastore "${datastore}"`];
      const isSwitchedOn = before.poweredOn === false && vm.poweredOn !== false;
      return isSwitchedOn ? [`VM "${vm.name}" on datastore "${datastore}" is no longer powered off`] : [];
    });
  });
}

/** Who is captured with the datastores: as they were just before the freeze, where that was written down. */
export const collateralOf = (plan: Plan, { neighbours }: CaptureResult): readonly Collateral[] =>
  neighbours?.collateral ?? plan.collateral;

export const warningsOf = (plan: Plan, { neighbours }: CaptureResult): readonly string[] => [
  ...plan.warnings,
  ...(neighbours?.news ?? []),
];

/** One whose uuid cannot be read is known by what vCenter calls it. */
const identityOf = ({ instanceUuid, name }: CollateralVm): string => instanceUuid ?? name;

/** The VMFS datastores that are captured whole with the disks of these VMs. */
export function capturedDatastores(vms: readonly VmRecord[]): readonly CapturedDatastore[] {
  const names = new Map<MoRef, string>();
  for (const { backing } of vms.flatMap((vm) => vm.disks)) {
    if (backing.kind === 'vmfs') names.set(backing.datastoreRef, backing.datastore);
  }
  return [...names].map(([ref, name]) => ({ ref, name }));
}

function collateralVm({ name, instanceUuid, poweredOn, bytes }: DatastoreNeighbour): CollateralVm {
  const isReadable = poweredOn !== undefined && instanceUuid !== undefined;
  const state = !isReadable ? 'unreadable' : poweredOn ? 'not-prepared' : 'powered-off';
  return { name, instanceUuid, poweredOn, bytes, state };
}

function describe({ datastore, vms }: Collateral): string {
  const names = vms.map(({ name, state }) => (state === 'unreadable' ? `"${name}" (cannot be read)` : `"${name}"`));
  const bytes = vms.reduce((sum, vm) => sum + (vm.bytes ?? 0), 0);
  const unknown = vms.some((vm) => vm.bytes === undefined) ? 'at least ' : '';
  return `datastore "${datastore}" also holds ${names.join(', ')} (${unknown}${bytes} bytes), not prepared by this job`;
}

async function prepared(
  ports: JobPorts,
  found: readonly Collateral[],
  datastores: readonly CapturedDatastore[],
  spec: JobSpec,
  signal: AbortSignal,
): Promise<CollateralPlan> {
  if (spec.freeze === 'none') {
    throw new SnaphookError('E_CONFIG', `job "${spec.name}" prepares the neighbours of its VMs and freezes no guest`, {
      hint: 'Set `collateral: warn`, or another `freeze` than none.',
    });
  }
  const refs = new Set(datastores.map(({ ref }) => ref));
  const records = await readRunning(ports, found, signal);
  const outcomes = new Map<InstanceUuid, { readonly state: CollateralVm['state']; readonly vm?: VmRecord }>();
  const refused: string[] = [];
  for (const { name, instanceUuid, state } of found.flatMap(({ vms }) => vms)) {
    if (state === 'unreadable') refused.push(`"${name}" (cannot be read)`);
    if (state !== 'not-prepared' || instanceUuid === undefined || outcomes.has(instanceUuid)) continue;
    const vm = records.get(instanceUuid);
    if (!vm?.connected) {
      refused.push(`"${name}" (its configuration cannot be read)`);
      continue;
    }
    const disks = vm.disks.filter(({ backing }) => backing.kind === 'vmfs' && refs.has(backing.datastoreRef));
    if (disks.length === 0) outcomes.set(instanceUuid, { state: 'no-disk' });
    else if (ports.guests.waysFor(guestOf(vm)).length === 0) {
      refused.push(`"${name}" (no settings under \`guests:\`, or no address)`);
    } else outcomes.set(instanceUuid, { state: 'prepared', vm: { ...vm, disks } });
  }
  if (refused.length > 0) {
    const names = found.map(({ datastore }) => `"${datastore}"`).join(', ');
    const list = [...new Set(refused)].join(', ');
    throw new SnaphookError('E_COLLATERAL', `datastore ${names} also holds VMs that cannot be prepared: ${list}`, {
      hint: 'Give each its settings under `guests:`, power it off, or set `collateral: warn` to capture them as they are.',
    });
  }
  const stateOf = (vm: CollateralVm) => (vm.instanceUuid && outcomes.get(vm.instanceUuid)?.state) ?? vm.state;
  return {
    collateral: found.map(({ datastore, vms }) => ({
      datastore,
      vms: vms.map((vm) => ({ ...vm, state: stateOf(vm) })),
    })),
    neighbours: [...outcomes.values()].flatMap(({ vm }) => vm ?? []),
    warnings: [],
  };
}

async function readRunning(
  { hypervisor }: JobPorts,
  found: readonly Collateral[],
  signal: AbortSignal,
): Promise<ReadonlyMap<InstanceUuid, VmRecord>> {
  const running = found.flatMap(({ vms }) => vms.filter(({ state }) => state === 'not-prepared'));
  const uuids = [...new Set(running.flatMap(({ instanceUuid }) => instanceUuid ?? []))];
  const records = await hypervisor.findVms(
    uuids.map((uuid) => ({ by: 'instanceUuid', uuid })),
    signal,
  );
  return new Map(records.flat().map((vm) => [vm.instanceUuid, vm]));
}

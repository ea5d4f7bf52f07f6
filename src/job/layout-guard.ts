import { SnaphookError } from '../ports/errors.ts';
import type { VirtualDisk, VmRecord } from '../ports/hypervisor.ts';
import type { InstanceUuid, MoRef } from '../ports/identity.ts';
import { capturedDatastores, newcomers, readCollateral } from './collateral.ts';
import { layoutChanges, layoutOf } from './layout.ts';
import { capturedOf, type Plan, type PlannedVm } from './plan.ts';
import type { LatestNeighbours } from './results.ts';
import type { Run } from './step.ts';
import { noteChangedConfigurations } from './vm-configurations.ts';

/** The VMs of a run as vCenter showed them just before the freeze. */
export type LayoutLook = ReadonlyMap<InstanceUuid, VmRecord>;

/** What is known just before the freeze. */
export interface LastLook {
  readonly vms: LayoutLook;
  /** Where the job captures whoever is there. */
  readonly neighbours: LatestNeighbours | undefined;
}

/**
 * The last look before the freeze: disks may have moved since the plan, and a snapshot of the devices where they were would be
 * one of something else. One call for all VMs, and one for their neighbours where datastores are captured.
 * Errors: `E_VM_BUSY` while vCenter works on a VM, `E_VM_CHANGED`.
 */
export async function lookBeforeFreeze(run: Run, signal: AbortSignal): Promise<LastLook> {
  const look = await lookAt(run, signal);
  noteChangedConfigurations(run, [...look.values()]);
  const captured = capturedBy(run, look);
  for (const vm of run.plan.vms) {
    const now = look.get(vm.instanceUuid);
    if (!now) throw changed(vm.name, [`${vm.moRef} is no longer this VM`]);
    const changes = layoutChanges(vm.layout, layoutFor(vm, now, captured));
    if (changes.length > 0) throw changed(vm.name, changes);
    const task = now.condition.tasks.find(({ atWork }) => atWork);
    if (task) {
      throw new SnaphookError('E_VM_BUSY', `vCenter is at work on VM "${vm.name}": "${task.kind}" (${task.id})`, {
        hint: 'Its disks may be on the move. Run the job again when the task is over; see the recent tasks of the VM.',
        retry: 'safe',
      });
    }
  }
  return { vms: look, neighbours: captured.size > 0 ? await lookAtNeighbours(run, look, signal) : undefined };
}

/**
 * A datastore is captured with everyone on it. Whom the plan does not show would be handed over unseen: it ends the run, or is told
 * where the job takes neighbours as they are.
 */
async function lookAtNeighbours(
  { plan, ports }: Run,
  look: LayoutLook,
  signal: AbortSignal,
): Promise<LatestNeighbours | undefined> {
  const collateral = await readCollateral(ports, selectedIn(plan, look), signal);
  const news = newcomers(plan.collateral, collateral);
  if (plan.spec.collateral === 'warn') {
    const told = news.map((one) => `since the plan: ${one}; it is captured as it is`);
    for (const warning of told) ports.reporter.warn(warning);
    return { collateral, news: told };
  }
  if (news.length === 0) return undefined;
  throw new SnaphookError('E_VM_CHANGED', `the captured datastores are not as they were planned: ${news.join('; ')}`, {
    hint: 'Others came while the run was prepared. Run the job again: it is planned anew.',
    retry: 'safe',
  });
}

const selectedIn = ({ vms }: Plan, look: LayoutLook): readonly VmRecord[] =>
  vms.flatMap(({ role, instanceUuid }) => (role === 'selected' ? (look.get(instanceUuid) ?? []) : []));

/** The datastores that are captured whole; none on the route `managed`. */
const capturedBy = ({ plan }: Run, look: LayoutLook): ReadonlySet<MoRef> =>
  capturedOf(plan).some(({ holds }) => holds === 'datastore')
    ? new Set(capturedDatastores(selectedIn(plan, look)).map(({ ref }) => ref))
    : new Set();

/**
 * Why the disks of each VM may not have been where the plan saw them at the moment of the establish: what is different from the
 * look before the freeze, or began in between. Asked after the thaw; a look that fails is a doubt about every VM.
 */
export async function doubtsAfterThaw(
  run: Run,
  before: LayoutLook,
  signal: AbortSignal,
): Promise<ReadonlyMap<InstanceUuid, readonly string[]>> {
  const { vms } = run.plan;
  try {
    const after = await lookAt(run, signal);
    noteChangedConfigurations(run, [...after.values()]);
    const captured = capturedBy(run, before);
    return new Map(vms.map((vm) => [vm.instanceUuid, doubtsAbout(vm, { before, after, captured })]));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const doubt = `vCenter did not tell whether the disks stayed where they were: ${why}`;
    return new Map(vms.map(({ instanceUuid }) => [instanceUuid, [doubt]]));
  }
}

/** vMotion leaves the disks where they are. But in these seconds nothing should happen to the VM: in doubt the run fails. */
function doubtsAbout(
  vm: PlannedVm,
  looks: { readonly before: LayoutLook; readonly after: LayoutLook; readonly captured: ReadonlySet<MoRef> },
): readonly string[] {
  const { before, after, captured } = looks;
  const { instanceUuid, moRef } = vm;
  const [first, second] = [before.get(instanceUuid), after.get(instanceUuid)];
  if (!first || !second) return [`${moRef} is no longer this VM`];
  const changes = layoutChanges(layoutFor(vm, first, captured), layoutFor(vm, second, captured));
  const known = new Set(first.condition.tasks.map(({ id }) => id));
  const begun = second.condition.tasks.filter(({ id }) => !known.has(id));
  const [from, to] = [first.condition.host, second.condition.host];
  return [
    ...changes,
    ...begun.map(({ id, kind }) => `vCenter began "${kind}" (${id})`),
    ...(from === to ? [] : [`it moved from host ${from ?? 'none'} to ${to ?? 'none'}`]),
  ].map((change) => `during the freeze window: ${change}`);
}

/** Of a neighbour only the disks on captured datastores are part of the run: what becomes of its others does not matter. */
function layoutFor({ role, disks }: PlannedVm, now: VmRecord, captured: ReadonlySet<MoRef>): readonly string[] {
  if (role === 'selected') return layoutOf(now);
  const planned = new Set(disks.map(({ key }) => key));
  const counts = ({ key, backing }: VirtualDisk) =>
    planned.has(key) || (backing.kind === 'vmfs' && captured.has(backing.datastoreRef));
  return layoutOf({ ...now, disks: now.disks.filter(counts) });
}

async function lookAt({ plan, ports }: Run, signal: AbortSignal): Promise<LayoutLook> {
  const selectors = plan.vms.map(({ moRef }) => ({ by: 'moRef' as const, moRef }));
  const found = await ports.hypervisor.findVms(selectors, signal);
  return new Map(found.flat().map((vm) => [vm.instanceUuid, vm]));
}

const changed = (vm: string, changes: readonly string[]) =>
  new SnaphookError('E_VM_CHANGED', `VM "${vm}" is not as it was planned: ${changes.join('; ')}`, {
    hint: 'Its disks were changed or moved while the run was prepared. Run the job again: it is planned anew.',
    retry: 'safe',
  });

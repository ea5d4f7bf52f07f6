import { SnaphookError } from '../ports/errors.ts';
import type { VmRecord, VmSelector } from '../ports/hypervisor.ts';
import type { MoRef } from '../ports/identity.ts';
import { nextLookMs } from '../ports/polling.ts';
import type { ImportPlace, VmImport } from '../ports/vm-import.ts';
import type { RunJournal } from './journal.ts';
import type { JobPorts } from './ports.ts';
import type { ExistingVm, RestorableDisk } from './restoration.ts';
import type { RestorableBackup } from './restore-manifest.ts';
import { whileVmsAreOurs } from './vm-locks.ts';

/** A run that freezes the VM is soon over, and so is most of what others do with it. */
const LOCK_WAIT_MS = 5 * 60_000;

/** The VM that is to get disks, and where the VM is to lie that brings them and keeps their files. */
export interface TakingPlan {
  readonly vm: ExistingVm;
  readonly place: ImportPlace;
  readonly warnings: readonly string[];
}

/** Errors: `E_RESTORE` for a VM that cannot take them as it is, `E_VM_NOT_FOUND`, `E_VM_AMBIGUOUS`, `E_VCENTER*`. */
export async function planTaking(
  ports: JobPorts,
  wish: { readonly vm: VmSelector; readonly datastore: string | undefined },
  backup: RestorableBackup,
  chosen: readonly RestorableDisk[],
  signal: AbortSignal,
): Promise<TakingPlan> {
  const vm = await theOne(ports, wish.vm, signal);
  const obstacle = obstacleOf(vm);
  if (obstacle !== undefined) {
    throw refused(
      `VM "${vm.name}" ${obstacle.why}`,
      'Correct that in vCenter, or restore the disk as a VM of its own with `--as`.',
    );
  }
  const disks = await ports.vmImport.disksOf(vm.moRef, signal);
  if (!disks || disks.freePlaces < chosen.length) {
    throw refused(
      `VM "${vm.name}" has ${disks?.freePlaces ?? 0} free place(s) for ${chosen.length} disk(s)`,
      'Add a SCSI controller to it that is not shared with other VMs: disks are added to running VMs on such ones only.',
    );
  }
  const { folder, vmPathName } = await ports.hostStorage.homeOf(vm.moRef, signal);
  const home = /^\[(.+?)\]/.exec(vmPathName)?.[1];
  const datastore = wish.datastore ?? home;
  if (datastore === undefined) throw refused(`VM "${vm.name}" lies nowhere`, 'Name a datastore with `--datastore`.');
  const found = await ports.vmImport.findPlace(
    { host: disks.host, datastore, folder: undefined, resourcePool: undefined },
    signal,
  );
  const isItself = vm.instanceUuid === backup.vm.instanceUuid;
  return {
    vm: { moRef: vm.moRef, name: vm.name, instanceUuid: vm.instanceUuid },
    place: { ...found, folder: folder ?? found.folder },
    warnings: isItself
      ? [
          'the VM is the one of the backup: its guest sees volumes twice under one id (LVM, XFS, btrfs; Windows takes such a disk offline)',
        ]
      : [],
  };
}

async function theOne({ hypervisor }: JobPorts, selector: VmSelector, signal: AbortSignal): Promise<VmRecord> {
  const [found = []] = await hypervisor.findVms([selector], signal);
  const [vm, ...others] = found;
  if (!vm) {
    throw new SnaphookError('E_VM_NOT_FOUND', 'vCenter has no VM that `--into` names', {
      hint: 'Name it by name, uuid:<instance UUID>, moref:<id> or path:<inventory path>.',
    });
  }
  if (others.length === 0) return vm;
  throw new SnaphookError(
    'E_VM_AMBIGUOUS',
    `vCenter has ${found.length} VMs that \`--into\` names, such as "${vm.name}"`,
    {
      hint: 'Name one by uuid:<instance UUID>, moref:<id> or path:<inventory path>.',
    },
  );
}

/** Why a VM takes no disk. `passing`: others leave it so for a while only, such as a backup product that makes a VM snapshot. */
interface Obstacle {
  readonly why: string;
  readonly passing: boolean;
}

/** A VM snapshot would not have the disk: whoever goes back to it would lose it. */
function obstacleOf({ template, connected, condition }: VmRecord): Obstacle | undefined {
  const { suspended, snapshots, consolidationNeeded, faultTolerant, tasks } = condition;
  if (template) return { why: 'is a template', passing: false };
  if (!connected) return { why: 'is not connected', passing: false };
  if (suspended) return { why: 'is suspended', passing: false };
  if (faultTolerant) return { why: 'is fault tolerant', passing: false };
  if (snapshots.length > 0) return { why: 'has VM snapshots', passing: true };
  if (consolidationNeeded) return { why: 'has disks that need consolidation', passing: true };
  const busy = tasks.find(({ atWork }) => atWork);
  return busy && { why: `is busy with "${busy.kind}"`, passing: true };
}

/** The VM that was made to bring disks, and the files of these. */
interface Brought {
  readonly made: MoRef;
  readonly files: readonly string[];
}

/**
 * Gives the disks of the VM that was made to the other one, then takes them from the first: there is no moment in which no VM has
 * the files. What passes is waited for: sending the disks may have taken hours. Errors: `E_VM_CHANGED`, `E_LOCKED`, `E_RESTORE`,
 * `E_VCENTER*`.
 */
export async function attachDisks(
  ports: JobPorts,
  into: ExistingVm,
  { journal, files, made }: Brought & { readonly journal: RunJournal },
  signal: AbortSignal,
): Promise<void> {
  const { vmImport, clock, reporter } = ports;
  const give = async (held: AbortSignal): Promise<Obstacle | undefined> => {
    const obstacle = await obstacleNow(ports, into, held);
    if (obstacle !== undefined) return obstacle;
    await journal.append({ kind: 'intent', data: { step: 'attach' } });
    await vmImport.attach({ vm: into.moRef, files }, held);
    await vmImport.detach({ vm: made, files }, held);
    return undefined;
  };
  const beganMs = clock.monotonicMs();
  for (let waitedMs = 0, looks = 0; ; looks += 1) {
    // Nobody is kept from the VM between two looks: the obstacle may be a run of this machine.
    const obstacle = await whileVmsAreOurs(ports, [into], Math.max(0, LOCK_WAIT_MS - waitedMs), signal, give);
    if (obstacle === undefined) break;
    const lookedMs = clock.monotonicMs() - beganMs - waitedMs;
    waitedMs += lookedMs;
    if (!obstacle.passing || waitedMs >= LOCK_WAIT_MS) {
      throw new SnaphookError('E_VM_CHANGED', `VM "${into.name}" ${obstacle.why} since the restore began`, {
        hint: 'See who works with it, then run again.',
      });
    }
    if (looks === 0) reporter.info('waiting for the other VM to take the disks', { vm: into.name, why: obstacle.why });
    await clock.sleep(Math.min(nextLookMs(waitedMs, lookedMs), LOCK_WAIT_MS - waitedMs), signal);
    waitedMs = clock.monotonicMs() - beganMs;
  }
  await journal.append({ kind: 'done', data: { step: 'attach', result: { into: into.moRef } } });
}

async function obstacleNow(
  { hypervisor }: JobPorts,
  { moRef, instanceUuid }: ExistingVm,
  signal: AbortSignal,
): Promise<Obstacle | undefined> {
  const [found = []] = await hypervisor.findVms([{ by: 'moRef', moRef }], signal);
  const vm = found.find((one) => one.instanceUuid === instanceUuid);
  return vm ? obstacleOf(vm) : { why: 'was removed or given another identity', passing: false };
}

/** Whether the other VM has the files as disks: its guest may use them, so it gets them for good. Otherwise nothing is to be undone. */
export async function endAttach(
  { vmImport, reporter }: JobPorts,
  into: ExistingVm,
  { made, files }: Brought,
  signal: AbortSignal,
): Promise<boolean> {
  // A request without an answer may still be at work.
  await vmImport.whenIdle(into.moRef, signal);
  // A VM snapshot that was made since has put a file of its own above each.
  const taken = (await vmImport.disksOf(into.moRef, signal))?.uses ?? [];
  if (files.length === 0 || files.some((file) => !taken.includes(file))) return false;
  await vmImport.detach({ vm: made, files }, signal);
  reporter.info('the other VM has the restored disks, and keeps them', { vm: into.name });
  return true;
}

/**
 * May the VM that brought disks be removed with them? Not when somebody has taken them from it: their files lie in its folder. Errors:
 * `E_LEFTOVERS` when another VM uses one, too, or may.
 */
export async function mayGo(
  { vmImport, reporter }: JobPorts,
  made: MoRef,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  const files = (await vmImport.disksOf(made, signal))?.files ?? [];
  if (files.length === 0) {
    reporter.warn('the disks of a VM were taken from it: it stays, as their files lie in its folder', { vm: name });
    return false;
  }
  const { users, unreadable } = await vmImport.usersOf({ files, vm: made }, signal);
  if (users.length === 0 && unreadable.length === 0) return true;
  if (users.length === 0) {
    throw new SnaphookError(
      'E_LEFTOVERS',
      `VM "${name}" stays: vCenter does not show whether VM "${unreadable.join('", "')}" uses a disk of it`,
      { hint: 'Make it readable in vCenter, or remove it from the inventory; then run `snaphook reap --apply`.' },
    );
  }
  throw new SnaphookError('E_LEFTOVERS', `VM "${name}" stays: VM "${users.join('", "')}" uses a disk of it, too`, {
    hint: `Take the disks from one of the two in vCenter, without deleting their files; then run \`snaphook reap --apply\`.`,
  });
}

export async function diskFilesOf(vmImport: VmImport, vm: MoRef, signal: AbortSignal): Promise<readonly string[]> {
  const files = (await vmImport.disksOf(vm, signal))?.files ?? [];
  if (files.length > 0) return files;
  throw new SnaphookError('E_RESTORE', `the restored VM "${vm}" has no disk any more`, {
    hint: 'Somebody has worked with it. Run again.',
  });
}

const refused = (why: string, hint: string) =>
  new SnaphookError('E_RESTORE', `nothing can be restored: ${why}`, { hint });

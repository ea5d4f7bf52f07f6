import { SnaphookError } from '../ports/errors.ts';
import type { VmRecord, VmSelector } from '../ports/hypervisor.ts';
import type { MoRef } from '../ports/identity.ts';
import type { ImportPlace, NewDisk, PlaceWish } from '../ports/vm-import.ts';
import { GRADES, isLower } from './grade.ts';
import { MANIFEST_NAME } from './plan.ts';
import type { JobPorts } from './ports.ts';
import type { ExistingVm, RestorableDisk, RestorePlan } from './restoration.ts';
import { planTaking } from './restore-into.ts';
import { type RestorableBackup, readBackup } from './restore-manifest.ts';

const MAX_NAME_LENGTH = 80;
const NVRAM_LEFT_OUT =
  'the settings of the firmware are left out: vSphere has encrypted them, and a VM without the key would not start with them';

/** What is to become of the disks. */
export type RestoreGoal =
  | { readonly kind: 'new'; readonly name: string; readonly place: PlaceWish }
  /** The place of the VM that the backup is of. */
  | { readonly kind: 'in-place'; readonly place: PlaceWish }
  /** Disks of a VM that is there. Where no datastore is named, on that of its configuration. */
  | { readonly kind: 'into'; readonly vm: VmSelector; readonly datastore: string | undefined };

export interface RestoreRequest {
  /** Hand-over directory as the backup product gave it back. */
  readonly directory: string;
  /** Name or instance UUID, where the manifest has several VMs. */
  readonly vm: string | undefined;
  /** Proves the text of the manifest before anything of it is believed; throws `E_VERIFY`. Undefined: it is taken as it is. */
  readonly requireGenuine: ((manifest: string) => Promise<void>) | undefined;
  /** Labels of the disks; none: all of them. */
  readonly disks: readonly string[];
  readonly goal: RestoreGoal;
  readonly connectNetwork: boolean;
  /** Settings of the firmware are restored, where the backup has them. */
  readonly nvram: boolean;
}

/**
 * Reads manifest and vCenter, changes nothing. Errors: `E_RESTORE`, `E_VERIFY`, `E_VM_NOT_FOUND`, `E_VM_AMBIGUOUS`, `E_VCENTER*`.
 */
export async function planRestore(ports: JobPorts, request: RestoreRequest, signal: AbortSignal): Promise<RestorePlan> {
  const backup = await backupIn(ports, request, signal);
  const disks = chosenDisks(backup, request.disks);
  for (const { image } of disks) await ports.imageSource.check(request.directory, image, signal);
  const nvram = request.nvram && request.goal.kind !== 'into' ? backup.vm.nvram : undefined;
  if (nvram) await ports.imageSource.readBeside(request.directory, nvram, signal);
  try {
    const { place, name, replaces, into, warnings } = await planGoal(ports, request.goal, backup, disks, signal);
    const dataBytes = disks.reduce((sum, { image }) => sum + image.dataBytes, 0);
    if (place.datastore.freeBytes < dataBytes) {
      throw refused(
        `datastore "${place.datastore.name}" has ${place.datastore.freeBytes} bytes free, the disks hold ${dataBytes}`,
        'Free space there, or name another datastore.',
      );
    }
    const { hardware } = backup.vm;
    return {
      directory: request.directory,
      of: { name: backup.vm.name, instanceUuid: backup.vm.instanceUuid, grade: backup.vm.grade },
      backup: {
        runId: backup.runId,
        snapshot: backup.snapshot,
        createdAt: backup.createdAt,
        takenAt: backup.takenAt,
      },
      vm: {
        name,
        // What only brings disks needs no network.
        hardware: into ? { ...hardware, adapters: [] } : hardware,
        disks: disks.map(newDisk),
        connectNetwork: request.connectNetwork,
        takesPlace: replaces !== undefined,
        bringsNvram: nvram !== undefined,
      },
      disks,
      place,
      nvram,
      replaces,
      into,
      warnings: [
        ...gradeWarnings(backup),
        ...(into ? [] : hardwareWarnings(backup, disks, nvram !== undefined)),
        ...(!into && request.nvram && backup.vm.nvramIsEncrypted ? [NVRAM_LEFT_OUT] : []),
        ...warnings,
      ],
    };
  } finally {
    await ports.vmImport.close();
    await ports.hostStorage.close();
  }
}

interface GoalPlan extends Pick<RestorePlan, 'place' | 'replaces' | 'into' | 'warnings'> {
  readonly name: string;
}

async function planGoal(
  ports: JobPorts,
  goal: RestoreGoal,
  backup: RestorableBackup,
  disks: readonly RestorableDisk[],
  signal: AbortSignal,
): Promise<GoalPlan> {
  switch (goal.kind) {
    case 'new': {
      const place = await ports.vmImport.findPlace(goal.place, signal);
      await checkName(ports, goal.name, signal);
      return { name: goal.name, place, replaces: undefined, warnings: [] };
    }
    case 'in-place': {
      const { vm, folder, warnings } = await replacedVm(ports, backup, disks, signal);
      const place: ImportPlace = { ...(await ports.vmImport.findPlace(goal.place, signal)), folder };
      return { name: vm.name, place, replaces: vm, warnings };
    }
    case 'into': {
      const { vm, place, warnings } = await planTaking(ports, goal, backup, disks, signal);
      return { name: vm.name, place, replaces: undefined, into: vm, warnings };
    }
  }
}

const newDisk = ({ key, image }: RestorableDisk): NewDisk => ({ key, capacityBytes: image.sizeBytes });

/** What the manifest says of the VM that is asked for. Errors: `E_RESTORE`, `E_VERIFY`. */
export async function backupIn(
  { images }: Pick<JobPorts, 'images'>,
  { directory, vm, requireGenuine }: Pick<RestoreRequest, 'directory' | 'vm' | 'requireGenuine'>,
  signal: AbortSignal,
): Promise<RestorableBackup> {
  const records = await images.records(directory, MANIFEST_NAME, signal);
  const text = records.find(({ name }) => name === MANIFEST_NAME)?.text;
  if (text !== undefined) {
    await requireGenuine?.(text);
    return readBackup(text, vm);
  }
  throw refused(
    `there is no readable "${MANIFEST_NAME}" in "${directory}"`,
    'Restore the whole hand-over directory with the backup product.',
  );
}

export function chosenDisks({ vm }: RestorableBackup, wanted: readonly string[]): readonly RestorableDisk[] {
  const labels = vm.disks.map(({ label }) => label);
  const unknown = wanted.find((label) => !labels.includes(label));
  if (unknown !== undefined || vm.disks.length === 0) {
    throw refused(
      unknown === undefined ? `VM "${vm.name}" has no disk in it` : `VM "${vm.name}" has no disk "${unknown}"`,
      `Its disks: ${labels.join(', ')}.`,
    );
  }
  const disks = vm.disks.filter(({ label }) => wanted.length === 0 || wanted.includes(label));
  const homeless = disks.find(({ key }) => !vm.hardware.slots.some((slot) => slot.disk === key));
  if (homeless) throw refused(`disk "${homeless.label}" hangs on nothing`, 'The manifest was changed by hand.');
  return disks;
}

/** It is the VM of the backup, and nothing of it runs or would be lost: refused otherwise. */
async function replacedVm(
  { hypervisor, hostStorage }: JobPorts,
  backup: RestorableBackup,
  chosen: readonly RestorableDisk[],
  signal: AbortSignal,
): Promise<{ readonly vm: ExistingVm; readonly folder: MoRef; readonly warnings: readonly string[] }> {
  const { name, instanceUuid, disks } = backup.vm;
  const [found = []] = await hypervisor.findVms([{ by: 'instanceUuid', uuid: instanceUuid }], signal);
  const [vm, ...others] = found;
  if (!vm || others.length > 0) {
    throw new SnaphookError('E_VM_NOT_FOUND', `vCenter has ${found.length} VMs of the identity of "${name}"`, {
      hint: 'Its place can be taken only where it is. Restore it as a new VM with `--as`.',
    });
  }
  const why = whyNotReplaced(vm);
  if (why !== undefined) {
    throw refused(`VM "${vm.name}" ${why}`, 'Correct that in vCenter, or restore as a new VM with `--as`.');
  }
  if (chosen.length < disks.length) {
    throw refused('a VM is replaced with all its disks', 'Restore single disks as a new VM with `--as`.');
  }
  const { folder } = await hostStorage.homeOf(vm.moRef, signal);
  if (folder === undefined) throw refused(`VM "${vm.name}" lies in a vApp`, 'Restore it as a new VM with `--as`.');
  const warnings = vm.disks
    .filter(({ key }) => !disks.some((disk) => disk.key === key))
    .map(
      ({ label }) =>
        `"${label}" is not in the backup: it stays with the VM that is there, and the restored one lacks it`,
    );
  return { vm: { moRef: vm.moRef, name: vm.name, instanceUuid }, folder, warnings };
}

/** Undefined: nothing of it runs, and no VM snapshot of it would be left under another name. */
export function whyNotReplaced({ poweredOn, template, connected, condition, disks }: VmRecord): string | undefined {
  if (poweredOn || condition.suspended) return 'is not powered off';
  if (!connected) return 'is not connected';
  if (template) return 'is a template';
  if (condition.snapshots.length > 0 || disks.some(({ onSnapshot }) => onSnapshot)) return 'has VM snapshots';
  const busy = condition.tasks.find(({ atWork }) => atWork);
  return busy && `is busy with "${busy.kind}"`;
}

/** Names of VMs are the same in one folder only; another VM of the name would be confusing in any. */
async function checkName({ hypervisor }: JobPorts, name: string, signal: AbortSignal): Promise<void> {
  if (name.trim() !== name || name === '' || name.length > MAX_NAME_LENGTH) {
    throw refused(
      `"${name}" is no name for a VM`,
      `It has 1 to ${MAX_NAME_LENGTH} characters, none of them a blank at its ends.`,
    );
  }
  const [found = []] = await hypervisor.findVms([{ by: 'name', name }], signal);
  if (found.length > 0) throw refused(`there is a VM "${name}" already`, 'Give it another name with `--as`.');
}

function gradeWarnings({ vm, gradeAsked }: RestorableBackup): readonly string[] {
  const warnings = vm.notes.map((note) => `when it was captured: ${note}`);
  const [reached, asked] = [vm.grade, gradeAsked].map((name) => GRADES.find((grade) => grade === name));
  if (reached !== undefined && asked !== undefined && isLower(reached, asked)) {
    const why = vm.reasons.length === 0 ? '' : `: ${vm.reasons.join('; ')}`;
    warnings.push(`the backup is of grade "${reached}", below "${asked}", which was asked for${why}`);
  }
  if (vm.grade === 'crash' || vm.grade === 'unknown') {
    warnings.push(`the backup is of grade "${vm.grade}": applications recover as after a power failure`);
  }
  return warnings;
}

function hardwareWarnings(
  { vm }: RestorableBackup,
  disks: readonly RestorableDisk[],
  bringsNvram: boolean,
): readonly string[] {
  const { hardware } = vm;
  const warnings: string[] = [];
  if (hardware.tpm)
    warnings.push('the virtual TPM is not restored: keys sealed in it are lost, have recovery keys at hand');
  if (hardware.firmware === 'efi' && !bringsNvram) {
    warnings.push(
      'boot entries of the EFI firmware are not restored: a system that boots by the default path needs none',
    );
  }
  for (const { label, network } of hardware.adapters) {
    if (network.kind === 'other')
      warnings.push(`"${label}" is left out: its network is of a kind that is not restored`);
  }
  if (disks.length < vm.disks.length) {
    warnings.push(`${vm.disks.length - disks.length} disk(s) of the VM are left out`);
  }
  return warnings;
}

const refused = (why: string, hint: string) =>
  new SnaphookError('E_RESTORE', `nothing can be restored: ${why}`, { hint });

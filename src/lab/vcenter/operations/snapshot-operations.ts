import { QuiesceError } from '../../guest/vmware-tools.ts';
import { isInSnapshots } from '../model/disk-chains.ts';
import { userOf } from '../model/file-locks.ts';
import { allSnapshots, type Model } from '../model/model.ts';
import type { SnapshotRecord, VmRecord } from '../model/records.ts';
import { createSnapshot, currentOf, forgetSnapshot, mergeFile, revertTo, unusedFiles } from '../model/vm-snapshots.ts';
import { registerSnapshot } from '../object-registration.ts';
import type { Call, OperationHandler } from '../server-context.ts';
import type { VirtualVolumes } from '../storage-side.ts';
import { flagOf, optionalDataOf, optionalIntOf, optionalTextOf, textOf } from '../wire/fields.ts';
import { invalidArgument, VimFault } from '../wire/vim-fault.ts';
import { anyOf, type Fields, type Reference, reference } from '../wire/vim-values.ts';
import { startTask, vmOf } from './vm-tasks.ts';

const CREATE_MS = 1200;
const QUIESCE_MS = 3000;
const REMOVE_MS = 1500;
const REVERT_MS = 2000;
/** The longest chain of snapshots, and of delta files. */
const MAX_LEVELS = 32;
const MAX_NAME_LENGTH = 80;
const SNAPSHOT_REF = { name: 'VirtualMachineSnapshot', array: false, reference: true };
/** Minutes that the guest may be given to quiesce (vSphere API: GuestQuiesceSpec). */
const QUIESCE_MINUTES = { min: 5, max: 240 };

export const snapshotOperations: Readonly<Record<string, OperationHandler>> = {
  CreateSnapshot_Task: (call) => create(call, flagOf(call.args, 'quiesce') ? 'copy' : undefined),
  CreateSnapshotEx_Task: (call) => {
    const spec = optionalDataOf(call.args, 'quiesceSpec');
    const minutes = spec && optionalIntOf(spec.fields, 'timeout');
    if (minutes !== undefined && (minutes < QUIESCE_MINUTES.min || minutes > QUIESCE_MINUTES.max)) {
      throw invalidArgument('quiesceSpec.timeout');
    }
    return create(call, spec && backupTypeOf(spec.fields));
  },
  RemoveSnapshot_Task: (call) => {
    const snapshot = snapshotOf(call);
    const { vm } = snapshot;
    const { model, pace, volumes } = call.server;
    return startTask(call, vm, 'vm.Snapshot.remove', async () => {
      await pace.wait(REMOVE_MS);
      for (const { id } of forgetSnapshot(snapshot, flagOf(call.args, 'removeChildren'))) model.objects.delete(id);
      vm.modifiedAt = new Date();
      mergeUnused(model, vm, volumes);
    });
  },
  ConsolidateVMDisks_Task: (call) => {
    const vm = vmOf(call);
    const { model, pace, volumes } = call.server;
    return startTask(call, vm, 'VirtualMachine.consolidateDisks', async () => {
      await pace.wait(REMOVE_MS);
      mergeUnused(model, vm, volumes);
    });
  },
  RenameSnapshot: (call) => {
    const snapshot = snapshotOf(call);
    const name = optionalTextOf(call.args, 'name');
    const description = optionalTextOf(call.args, 'description');
    if (name !== undefined) checkName(name, snapshot.vm);
    snapshot.spec = {
      ...snapshot.spec,
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
    };
    call.server.model.changes.announce();
    call.server.events.add('vcenter', 'effect', call.operation, snapshot.vm.name);
    return undefined;
  },
  RevertToSnapshot_Task: (call) => {
    const snapshot = snapshotOf(call);
    const { model, pace, volumes } = call.server;
    return startTask(call, snapshot.vm, 'vm.Snapshot.revert', async () => {
      await pace.wait(REVERT_MS);
      refuseLocked(
        model,
        snapshot.vm,
        snapshot.spec.disks
          .filter(isInSnapshots)
          .flatMap(({ backing }) => ('fileName' in backing ? [backing.fileName] : [])),
      );
      revertTo(snapshot, volumes);
    });
  },
};

/** VSS_BACKUP_TYPE; what Tools take where it is not told, nobody documents. */
const COPY = 5;

function backupTypeOf(spec: Fields): 'copy' | 'full' {
  return (optionalIntOf(spec, 'vssBackupType') ?? COPY) === COPY ? 'copy' : 'full';
}

function create(call: Call, quiesce: 'copy' | 'full' | undefined): Reference {
  const vm = vmOf(call);
  const { model, pace, volumes } = call.server;
  const name = textOf(call.args, 'name');
  const memory = flagOf(call.args, 'memory');
  checkName(name, vm);
  return startTask(call, vm, 'VirtualMachine.createSnapshot', async () => {
    refuseSnapshot(vm, memory);
    const release = quiesce && (await quiesceGuest(call, vm, quiesce));
    await pace.wait(CREATE_MS);
    const description = optionalTextOf(call.args, 'description') ?? '';
    const wanted = { name, description, quiesced: release !== undefined };
    const snapshot = createSnapshot(model, vm, wanted, volumes);
    registerSnapshot(call.server, snapshot);
    try {
      await release?.().catch(notQuiesced);
    } catch (error) {
      for (const { id } of forgetSnapshot(snapshot, false)) model.objects.delete(id);
      mergeUnused(model, vm, volumes);
      throw error;
    }
    vm.modifiedAt = new Date();
    return anyOf(SNAPSHOT_REF, reference('VirtualMachineSnapshot', snapshot.id));
  });
}

function checkName(name: string, vm: VmRecord): void {
  if (name !== '' && name.length <= MAX_NAME_LENGTH) return;
  throw new VimFault('InvalidName', `The name '${name}' is not valid.`, {
    name,
    entity: reference('VirtualMachine', vm.id),
  });
}

function refuseSnapshot(vm: VmRecord, memory: boolean): void {
  if (memory && vm.spec.powerState === 'poweredOn' && !vm.spec.disks.every(isInSnapshots)) {
    throw new VimFault(
      'MemorySnapshotOnIndependentDisk',
      'Cannot take a memory snapshot, since the virtual machine is configured with independent disks.',
    );
  }
  const shared = vm.spec.controllers?.find(({ sharedBus = 'noSharing' }) => sharedBus !== 'noSharing');
  if (shared && vm.spec.disks.some(({ controllerKey }) => controllerKey === shared.key)) {
    throw new VimFault('SnapshotIncompatibleDeviceInVm', 'A device of the virtual machine does not allow snapshots.', {
      fault: new VimFault('GenericVmConfigFault', 'Bus sharing', { reason: 'bus sharing' }).localized(),
    });
  }
  if (levelsOf(vm) >= MAX_LEVELS) throw new VimFault('TooManySnapshotLevels', 'Snapshot hierarchy is too deep.');
}

function levelsOf(vm: VmRecord): number {
  let levels = 0;
  for (let at = currentOf(vm); at; at = allSnapshots(vm).find(({ children }) => children.some((one) => one === at))) {
    levels += 1;
  }
  return levels;
}

/**
 * What lets the guest go on; undefined where nothing stands still. The flag is ignored without a running guest with VMware Tools
 * (vSphere API: CreateSnapshot_Task, `quiesce`).
 */
async function quiesceGuest(
  { server }: Call,
  vm: VmRecord,
  backupType: 'copy' | 'full',
): Promise<(() => Promise<void>) | undefined> {
  const { guest, powerState, instanceUuid } = vm.spec;
  if (powerState !== 'poweredOn' || guest?.toolsRunningStatus !== 'guestToolsRunning') return undefined;
  await server.pace.wait(QUIESCE_MS);
  if (guest.quiesce === 'application-fails') throw notQuiesced(new QuiesceError('application', ''));
  if (guest.quiesce === 'file-system-fails') throw notQuiesced(new QuiesceError('file-system', ''));
  const tools = server.tools.get(instanceUuid);
  return tools ? await tools.quiesce(backupType).catch(notQuiesced) : async () => undefined;
}

function notQuiesced(error: unknown): never {
  if (error instanceof QuiesceError && error.kind === 'file-system')
    throw new VimFault('FilesystemQuiesceFault', 'Failed to quiesce the virtual machine.');
  throw new VimFault(
    'ApplicationQuiesceFault',
    'An error occurred while quiescing the virtual machine. See the event log for details.',
  );
}

/** Throws `FileLocked` for the first file that another VM has open; then consolidation is needed and the files stay. */
function mergeUnused(model: Model, vm: VmRecord, volumes: VirtualVolumes): void {
  try {
    for (let [file] = unusedFiles(vm); file !== undefined; [file] = unusedFiles(vm)) {
      refuseLocked(model, vm, [file]);
      mergeFile(vm, file, volumes);
    }
    vm.spec = { ...vm.spec, consolidationNeeded: false };
  } catch (error) {
    vm.spec = { ...vm.spec, consolidationNeeded: true };
    throw error;
  }
}

function refuseLocked(model: Model, vm: VmRecord, files: readonly string[]): void {
  const file = files.find((one) => userOf(model, one, vm) !== undefined);
  if (file === undefined) return;
  throw new VimFault('FileLocked', `Unable to access file ${file} since it is locked`, { file });
}

function snapshotOf(call: Call): SnapshotRecord {
  for (const entity of call.server.model.entities.values()) {
    if (entity.type !== 'VirtualMachine') continue;
    const snapshot = allSnapshots(entity).find(({ id }) => id === call.object.id);
    if (snapshot) return snapshot;
  }
  throw new Error(`${call.object.id} is no snapshot`);
}

import { SnaphookError } from '../ports/errors.ts';
import { type MoRef, moRef } from '../ports/identity.ts';
import type { VmSnapshot, VmSnapshots } from '../ports/vm-snapshots.ts';
import type { VmTask } from '../ports/vm-task.ts';
import { readChangedAreas } from './changed-areas.ts';
import { boolean, type VimRef } from './decode.ts';
import {
  addDisks,
  consolidateDisks,
  createQuiescedSnapshot,
  createSnapshot,
  removeDisks,
  removeSnapshot,
  type SoapObject,
} from './encode.ts';
import { errorOfFault, isGone, VimFaultError } from './faults.ts';
import { errorOfLockedFile, findHolder } from './file-holders.ts';
import { readHostOfVm } from './host-datastores.ts';
import { choosePlaces, keysOf, PROXY_PROPERTIES, proxyFacts } from './hot-add.ts';
import { everythingIn, type ObjectProperties, requireReadable, retrieveObjects } from './property-collector.ts';
import type { Session, Sessions } from './session.ts';
import { disksInSnapshot, snapshotsIn } from './snapshot-tree.ts';
import { readObject, Tasks } from './tasks.ts';
import type { ChangingOperation } from './vim-wsdl.ts';
import { readTask, TASK_PROPERTIES } from './vm-condition.ts';
import { cloneVm, destroyVm, readVmCopy, readVmIn, readVmsWithNotes } from './vm-copies.ts';
import { openSessions, type VsphereOptions } from './vsphere.ts';

interface Connection {
  readonly sessions: Sessions;
  readonly tasks: Tasks;
}

const vmRef = (vm: MoRef): VimRef => ({ type: 'VirtualMachine', id: vm });

/** VM snapshots and hot-add over vCenter's SOAP API. Logs in on first use, and again after `close`. */
export function createVmSnapshots(options: VsphereOptions): VmSnapshots {
  let open: Connection | undefined;
  const connection = (): Connection => {
    if (open === undefined) {
      const sessions = openSessions(options);
      open = { sessions, tasks: new Tasks(sessions, options.clock) };
    }
    return open;
  };
  const read = <T>(signal: AbortSignal, reads: (session: Session) => Promise<T>): Promise<T> =>
    connection().sessions.run(signal, reads);
  const readVm = (vm: MoRef, paths: readonly string[], signal: AbortSignal): Promise<ObjectProperties | undefined> =>
    read(signal, async (session) => {
      const found = await readObject(session, vmRef(vm), paths);
      if (found !== undefined) requireReadable(session, found, paths);
      return found;
    });
  const change = async (operation: ChangingOperation, body: SoapObject, signal: AbortSignal): Promise<void> => {
    try {
      await connection().tasks.run(operation, body, signal);
    } catch (error) {
      throw error instanceof VimFaultError ? named(error, options.url) : error;
    }
  };
  const snapshotsOf = async (vm: MoRef, signal: AbortSignal): Promise<readonly VmSnapshot[]> =>
    snapshotsIn(vm, (await readVm(vm, ['snapshot'], signal))?.properties.get('snapshot'));

  return {
    sessionKey: (signal) => read(signal, async ({ key }) => key),
    create: ({ vm, quiesce, ...words }, signal) =>
      quiesce === undefined
        ? change('CreateSnapshot_Task', createSnapshot(vmRef(vm), words), signal)
        : change('CreateSnapshotEx_Task', createQuiescedSnapshot(vmRef(vm), words, quiesce), signal),
    whenIdle: (vm, signal) => connection().tasks.whenIdle(vmRef(vm), signal),
    tasksOf: (vm, signal) => read(signal, (session) => readTasksOf(session, vmRef(vm))),
    find: async ({ vm, name }, signal) => (await snapshotsOf(vm, signal)).filter((snapshot) => snapshot.name === name),
    list: ({ namePrefix }, signal) =>
      read(signal, async (session) => {
        const found: VmSnapshot[] = [];
        for await (const { object, properties } of retrieveObjects(
          session,
          everyVmsSnapshots(await session.view(['VirtualMachine'])),
        )) {
          found.push(...snapshotsIn(moRef(object.id), properties.get('snapshot')));
        }
        return found.filter(({ name }) => name.startsWith(namePrefix));
      }),
    disksOf: (snapshot, signal) =>
      read(signal, async (session) => {
        const devices = 'config.hardware.device';
        const found = await readObject(session, { type: 'VirtualMachineSnapshot', id: snapshot }, [devices]);
        if (found !== undefined) requireReadable(session, found, [devices]);
        return disksInSnapshot(found?.properties.get(devices));
      }),
    changedAreas: ({ vm, snapshot, key, ...of }, signal) => {
      const shown = { type: 'VirtualMachineSnapshot', id: snapshot };
      return read(signal, (session) =>
        readChangedAreas(session, { ...of, vm: vmRef(vm), snapshot: shown, deviceKey: key }),
      );
    },
    remove: async (snapshot, signal) => {
      const target = { type: 'VirtualMachineSnapshot', id: snapshot.moRef };
      try {
        await connection().tasks.run('RemoveSnapshot_Task', removeSnapshot(target), signal);
      } catch (error) {
        if (isUnknown(error)) await connection().tasks.whenIdle(vmRef(snapshot.vm), signal);
        else if (!(error instanceof VimFaultError)) throw error;
        // The entry goes first, the data second: what is left of them `consolidationNeeded` tells.
        const left = isGone(error) ? [] : await snapshotsOf(snapshot.vm, signal);
        if (left.some((one) => one.moRef === snapshot.moRef)) {
          throw error instanceof VimFaultError ? named(error, options.url) : error;
        }
      }
    },
    consolidationNeeded: async (vm, signal) =>
      boolean(
        (await readVm(vm, ['runtime.consolidationNeeded'], signal))?.properties.get('runtime.consolidationNeeded'),
      ) ?? false,
    consolidate: (vm, signal) => change('ConsolidateVMDisks_Task', consolidateDisks(vmRef(vm)), signal),
    proxyVm: async (vm, signal) => proxyFacts(await existing(vm, readVm(vm, PROXY_PROPERTIES, signal))),
    hostOfProxyVm: (vm, signal) =>
      existing(
        vm,
        read(signal, (session) => readHostOfVm(session, vmRef(vm))),
      ),
    attach: async ({ proxyVm, files }, signal) => {
      const found = await existing(proxyVm, readVm(proxyVm, PROXY_PROPERTIES, signal));
      const places = choosePlaces(found, proxyVm, files.length);
      const disks = places.map((place, index) => ({ ...place, fileName: files[index] ?? '' }));
      try {
        await connection().tasks.run(
          'ReconfigVM_Task',
          addDisks(vmRef(proxyVm), disks, 'independent_nonpersistent'),
          signal,
        );
      } catch (error) {
        if (!(error instanceof VimFaultError)) throw error;
        if (error.fault.type !== 'FileLocked') throw named(error, options.url);
        const holder = await read(signal, (session) => findHolder(session, vmRef(proxyVm), files)).catch(
          () => undefined,
        );
        throw errorOfLockedFile(error.fault.file ?? files[0] ?? '', holder);
      }
    },
    detach: async ({ proxyVm, files }, signal) => {
      const attachedKeys = async () => {
        const found = await readVm(proxyVm, PROXY_PROPERTIES, signal);
        return found === undefined ? [] : keysOf(found, files);
      };
      const keys = await attachedKeys();
      if (keys.length === 0) return;
      try {
        await change('ReconfigVM_Task', removeDisks(vmRef(proxyVm), keys), signal);
      } catch (error) {
        if (!isUnknown(error)) throw error;
        await connection().tasks.whenIdle(vmRef(proxyVm), signal);
        if ((await attachedKeys()).length > 0) throw error;
      }
    },
    copy: (request, signal) => change('CloneVM_Task', cloneVm(request), signal),
    vmIn: ({ folder, name }, signal) =>
      read(signal, (session) => readVmIn(session, { type: 'Folder', id: folder }, name)),
    vm: (vm, signal) => read(signal, (session) => readVmCopy(session, vmRef(vm))),
    vmsWithNotes: ({ prefix }, signal) => read(signal, (session) => readVmsWithNotes(session, prefix)),
    destroy: async (vm, signal) => {
      try {
        await change('Destroy_Task', destroyVm(vmRef(vm)), signal);
      } catch (error) {
        if (isUnknown(error)) await connection().tasks.whenIdle(vmRef(vm), signal);
        if ((await read(signal, (session) => readVmCopy(session, vmRef(vm)))) !== undefined) throw error;
      }
    },
    close: async () => {
      const closing = open;
      open = undefined;
      await closing?.sessions.close();
    },
  };
}

/** The answer never came: it may have happened. */
const isUnknown = (error: unknown): boolean => error instanceof SnaphookError && error.effect === 'unknown';

async function readTasksOf(session: Session, vm: VimRef): Promise<readonly VmTask[]> {
  const tasks: VmTask[] = [];
  for await (const task of retrieveObjects(session, {
    propSet: [{ type: 'Task', pathSet: TASK_PROPERTIES }],
    objectSet: [{ obj: vm, skip: true, selectSet: [{ type: 'VirtualMachine', path: 'recentTask' }] }],
    reportMissingObjectsInResults: true,
  })) {
    if (task.object.type === 'Task') tasks.push(readTask(task));
  }
  return tasks;
}

const everyVmsSnapshots = (view: VimRef) => ({
  propSet: [{ type: 'VirtualMachine', pathSet: ['snapshot'] }],
  objectSet: [everythingIn(view)],
  reportMissingObjectsInResults: false,
});

const named = (error: VimFaultError, url: string): SnaphookError =>
  errorOfFault(new URL(url).hostname, error.operation, error.fault);

async function existing<Found>(vm: MoRef, reading: Promise<Found | undefined>): Promise<Found> {
  const found = await reading;
  if (found !== undefined) return found;
  throw new SnaphookError('E_VM_NOT_FOUND', `vCenter knows proxy VM "${vm}" no more`, {
    hint: 'Check `proxy.vm` in the configuration: it names the VM this machine runs in.',
  });
}

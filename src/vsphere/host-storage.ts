import { randomUUID } from 'node:crypto';
import { SnaphookError } from '../ports/errors.ts';
import type { HostStorage } from '../ports/host-storage.ts';
import { type MoRef, moRef } from '../ports/identity.ts';
import { child, children, ref, text, type VimRef } from './decode.ts';
import { findByInventoryPath, type SoapObject } from './encode.ts';
import {
  identifyVm,
  lunOfHost,
  lunStateOfHost,
  onHost,
  registerVm,
  resignatureVolume,
  unregisterVm,
  volumeOfHost,
} from './encode-host-storage.ts';
import { errorOfFault, VimFaultError } from './faults.ts';
import { readDatastoresOf } from './host-datastores.ts';
import {
  canonicalNameOfLun,
  datacenterOf,
  type HostManagers,
  hostDevice,
  readDatastoresOn,
  readDiskFiles,
  readHome,
  readHost,
  readManagers,
  readScsiLuns,
  unresolvedCopy,
} from './host-storage-reads.ts';
import { samePath } from './managed-entity.ts';
import type { Session, Sessions } from './session.ts';
import { Tasks } from './tasks.ts';
import type { ChangingOperation } from './vim-wsdl.ts';
import { openSessions, type VsphereOptions } from './vsphere.ts';

/** A scan of a host with hundreds of paths takes minutes. */
const REQUEST_TIMEOUT_MS = 10 * 60_000;

/** The state that was asked for is there already, or what it is about is gone. */
const ALREADY: readonly string[] = ['InvalidState', 'NotFound'];

interface Connection {
  readonly sessions: Sessions;
  readonly tasks: Tasks;
}

const hostRef = (host: MoRef): VimRef => ({ type: 'HostSystem', id: host });
const vmRef = (vm: MoRef): VimRef => ({ type: 'VirtualMachine', id: vm });

/** Host storage over vCenter's SOAP API. Logs in on first use, and again after `close`. */
export function createHostStorage(options: VsphereOptions): HostStorage {
  let open: Connection | undefined;
  const connection = (): Connection => {
    if (open === undefined) {
      const sessions = openSessions({ requestTimeoutMs: REQUEST_TIMEOUT_MS, ...options });
      open = { sessions, tasks: new Tasks(sessions, options.clock) };
    }
    return open;
  };
  const read = <T>(signal: AbortSignal, reads: (session: Session) => Promise<T>): Promise<T> =>
    connection().sessions.run(signal, reads);
  const managers = (host: MoRef, signal: AbortSignal): Promise<HostManagers> =>
    read(signal, (session) => readManagers(session, hostRef(host)));
  const runTask = async (operation: ChangingOperation, body: SoapObject, signal: AbortSignal): Promise<void> => {
    try {
      await connection().tasks.run(operation, body, signal);
    } catch (error) {
      throw error instanceof VimFaultError
        ? errorOfFault(new URL(options.url).hostname, error.operation, error.fault)
        : error;
    }
  };
  /** A change without a task. Faults of `settled` types are success. */
  const change = async (
    operation: ChangingOperation,
    body: SoapObject,
    settled: readonly string[],
    signal: AbortSignal,
  ): Promise<void> => {
    try {
      await read(signal, async (session) => {
        try {
          await session.call(operation, body);
        } catch (error) {
          if (!(error instanceof VimFaultError) || !settled.includes(error.fault.type)) throw error;
        }
      });
    } catch (error) {
      throw withUnknownEffect(error);
    }
  };

  return {
    sessionKey: (signal) => read(signal, async ({ key }) => key),
    findHost: (name, signal) => read(signal, (session) => readHost(session, name)),
    datastoresOf: (host, signal) => read(signal, (session) => readDatastoresOf(session, hostRef(host))),
    homeOf: (vm, signal) => read(signal, (session) => readHome(session, vmRef(vm))),
    findFolder: (inventoryPath, signal) =>
      read(signal, async (session) => {
        const body = findByInventoryPath(session.searchIndex, samePath(inventoryPath));
        const folder = ref(await session.call('FindByInventoryPath', body));
        if (folder?.type !== 'Folder') {
          throw new SnaphookError('E_CLONE', `vCenter has no folder "${inventoryPath}"`, {
            hint: 'Give its inventory path, such as "DC1/vm/restored".',
          });
        }
        return { folder: moRef(folder.id), datacenter: moRef((await datacenterOf(session, folder)).id) };
      }),
    whenIdle: async ({ host, folder }, signal) => {
      await connection().tasks.whenIdle(hostRef(host), signal);
      await connection().tasks.whenIdle({ type: 'Folder', id: folder }, signal);
    },
    rescan: async (host, signal) => {
      const { storage } = await managers(host, signal);
      await read(signal, async (session) => {
        await session.call('RescanAllHba', onHost(storage));
        await session.call('RescanVmfs', onHost(storage));
      });
    },
    devices: async (host, canonicalNames, signal) => {
      const wanted = new Set(canonicalNames.map((name) => name.toLowerCase()));
      const { storage } = await managers(host, signal);
      const luns = await read(signal, (session) => readScsiLuns(session, storage));
      return luns.filter((lun) => wanted.has(canonicalNameOfLun(lun) ?? '')).map(hostDevice);
    },
    unresolvedCopies: async (host, signal) => {
      const { storage } = await managers(host, signal);
      const answer = await read(signal, (session) => session.call('QueryUnresolvedVmfsVolume', onHost(storage)));
      return children(answer, 'returnval').map(unresolvedCopy);
    },
    resignature: async (host, devicePaths, signal) => {
      const { datastores } = await managers(host, signal);
      const operation = 'ResignatureUnresolvedVmfsVolume_Task';
      // The task's result is not looked at: vCenter has been seen to name a datastore that is none there (SDK release notes).
      await runTask(operation, resignatureVolume(datastores, devicePaths), signal);
    },
    datastoresOn: (canonicalNames, signal) => read(signal, (session) => readDatastoresOn(session, canonicalNames)),
    unmount: async (host, vmfsUuid, signal) => {
      const { storage } = await managers(host, signal);
      await change('UnmountVmfsVolume', volumeOfHost(storage, vmfsUuid), ALREADY, signal);
    },
    detach: async (host, canonicalName, signal) => {
      const { storage } = await managers(host, signal);
      const luns = await read(signal, (session) => readScsiLuns(session, storage));
      const lun = luns.find((candidate) => canonicalNameOfLun(candidate) === canonicalName.toLowerCase());
      const uuid = text(child(lun, 'uuid'));
      if (uuid !== undefined) await change('DetachScsiLun', lunOfHost(storage, uuid), ALREADY, signal);
    },
    forget: async (host, { canonicalNames, vmfsUuid }, signal) => {
      const { storage } = await managers(host, signal);
      for (const name of canonicalNames) {
        await change('DeleteScsiLunState', lunStateOfHost(storage, name), ['NotFound'], signal);
      }
      if (vmfsUuid === undefined) return;
      await change('DeleteVmfsVolumeState', volumeOfHost(storage, vmfsUuid), ['NotFound'], signal);
    },
    register: ({ vmPathName, name, folder, pool, host }, signal) =>
      runTask(
        'RegisterVM_Task',
        registerVm(
          { type: 'Folder', id: folder },
          { path: vmPathName, name, pool: { type: 'ResourcePool', id: pool }, host: hostRef(host) },
        ),
        signal,
      ),
    giveIdentity: (vm, signal) =>
      runTask('ReconfigVM_Task', identifyVm(vmRef(vm), { biosUuid: randomUUID(), instanceUuid: randomUUID() }), signal),
    diskFiles: (vm, signal) => read(signal, (session) => readDiskFiles(session, vmRef(vm))),
    unregister: (vm, signal) => change('UnregisterVM', unregisterVm(vmRef(vm)), ['ManagedObjectNotFound'], signal),
    close: async () => {
      const closing = open;
      open = undefined;
      await closing?.sessions.close();
    },
  };
}

function withUnknownEffect(error: unknown): unknown {
  if (!(error instanceof SnaphookError) || error.code !== 'E_VCENTER_UNREACHABLE') return error;
  return new SnaphookError(error.code, error.message, {
    cause: error,
    effect: 'unknown',
    retry: 'after-probe',
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}

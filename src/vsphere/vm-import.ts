import { randomUUID } from 'node:crypto';
import { SnaphookError } from '../ports/errors.ts';
import { type MoRef, moRef } from '../ports/identity.ts';
import {
  type ImportEnd,
  type ImportPlace,
  type MadeVm,
  type PlaceWish,
  RESTORE_MARK_KEY,
  type VmImport,
} from '../ports/vm-import.ts';
import { arrayItems, child, integer, ref, text, type VimRef } from './decode.ts';
import { findByInventoryPath, removeDisks, type SoapObject } from './encode.ts';
import { importVm, onObject, reidentifyVm } from './encode-import.ts';
import { errorOfFault, errorOfUnreadableAnswer, VimFaultError } from './faults.ts';
import { findFileUsers } from './file-holders.ts';
import { allOf, datacenterOf, existing, readHost } from './host-storage-reads.ts';
import { leaseRef, onLease, openLease } from './import-lease.ts';
import { displayName, readInstanceUuid, samePath } from './managed-entity.ts';
import { type ObjectProperties, retrieveObjects } from './property-collector.ts';
import type { Session, Sessions } from './session.ts';
import { readObject, Tasks } from './tasks.ts';
import type { ChangingOperation } from './vim-wsdl.ts';
import { giveDisksTo, keysOfDisks, readVmDisks } from './vm-disks.ts';
import { openSessions, type VsphereOptions } from './vsphere.ts';

/**
 * What a refused HttpNfcLeaseAbort says of the import (vSphere API: HttpNfcLease). A lease that timed out was not complete; one that is
 * done, failed or forgotten may have been.
 */
const ENDS: ReadonlyMap<string, ImportEnd> = new Map([
  ['InvalidState', 'over'],
  ['ManagedObjectNotFound', 'over'],
  ['Timedout', 'aborted'],
]);
const GIVE_UP_MS = 30_000;
const MADE_VM_PROPERTIES = ['name', 'config.instanceUuid', 'config.extraConfig', 'runtime.powerState'];

const vmRef = (vm: MoRef): VimRef => ({ type: 'VirtualMachine', id: vm });

/** Imports over vCenter's SOAP API, disks to the ESXi host itself. Logs in on first use, and again after `close`. */
export function createVmImport(options: VsphereOptions): VmImport {
  const server = new URL(options.url).hostname;
  let open: Sessions | undefined;
  const sessions = (): Sessions => {
    open ??= openSessions(options);
    return open;
  };
  const read = <T>(signal: AbortSignal, reads: (session: Session) => Promise<T>): Promise<T> =>
    sessions().run(signal, reads);
  const named = (error: unknown): unknown =>
    error instanceof VimFaultError ? errorOfFault(server, error.operation, error.fault) : error;
  const runTask = async (operation: ChangingOperation, body: SoapObject, signal: AbortSignal): Promise<void> => {
    try {
      await new Tasks(sessions(), options.clock).run(operation, body, signal);
    } catch (error) {
      throw named(error);
    }
  };
  /** A change without a task: what it did is unknown when no answer came. */
  const change = async <Answer>(signal: AbortSignal, work: (session: Session) => Promise<Answer>): Promise<Answer> => {
    try {
      return await read(signal, work);
    } catch (error) {
      if (!(error instanceof SnaphookError) || error.code !== 'E_VCENTER_UNREACHABLE') throw error;
      const hint = error.hint === undefined ? {} : { hint: error.hint };
      throw new SnaphookError(error.code, error.message, { ...hint, cause: error, effect: 'unknown' });
    }
  };

  const abort = (lease: string, signal: AbortSignal): Promise<ImportEnd> =>
    change(signal, async (session) => {
      try {
        await session.call('HttpNfcLeaseAbort', onLease(lease));
        return 'aborted';
      } catch (error) {
        const end = error instanceof VimFaultError ? ENDS.get(error.fault.type) : undefined;
        if (end === undefined) throw error;
        return end;
      }
    });

  return {
    sessionKey: (signal) => read(signal, async ({ key }) => key),
    findPlace: (wish, signal) => read(signal, (session) => readPlace(session, wish)),
    begin: async (vm, { host, pool, folder, datastore }, signal) => {
      const body = importVm(vm, {
        pool: { type: 'ResourcePool', id: pool },
        folder: { type: 'Folder', id: folder },
        host: { type: 'HostSystem', id: host.moRef },
        datastore: datastore.name,
      });
      const lease = ref(await change(signal, (session) => session.call('ImportVApp', body)));
      if (lease === undefined) throw errorOfUnreadableAnswer(server, 'ImportVApp');
      const world = {
        sessions: sessions(),
        clock: options.clock,
        server,
        tls: options.tls,
        complete: async (ending: AbortSignal) => {
          await change(ending, (session) => session.call('HttpNfcLeaseComplete', onLease(lease.id)));
        },
        abort: async (ending: AbortSignal) => {
          await abort(lease.id, ending);
        },
      };
      try {
        return await openLease(leaseRef(lease.id), vm.hardware, world, signal);
      } catch (error) {
        // Nobody else knows the lease yet. One that cannot be ended ends by itself.
        await abort(lease.id, AbortSignal.timeout(GIVE_UP_MS)).catch(() => undefined);
        throw error;
      }
    },
    abort,
    vm: async (vm, signal) => {
      const found = await read(signal, (session) => readObject(session, vmRef(vm), MADE_VM_PROPERTIES));
      return found && madeVm(found);
    },
    vmsIn: (folder, signal) => read(signal, (session) => readVmsIn(session, { type: 'Folder', id: folder })),
    identify: (vm, { name, instanceUuid }, signal) => {
      const uuid = instanceUuid === 'new' ? randomUUID() : instanceUuid;
      return runTask('ReconfigVM_Task', reidentifyVm(vmRef(vm), name, uuid), signal);
    },
    destroy: async (vm, signal) => {
      try {
        await runTask('Destroy_Task', onObject(vmRef(vm)), signal);
      } catch (error) {
        const gone = await read(signal, (session) => readObject(session, vmRef(vm), ['name']));
        if (gone !== undefined) throw error;
      }
    },
    disksOf: (vm, signal) => read(signal, (session) => readVmDisks(session, vmRef(vm))),
    usersOf: ({ files, vm }, signal) => read(signal, (session) => findFileUsers(session, vmRef(vm), files)),
    attach: async ({ vm, files }, signal) =>
      runTask('ReconfigVM_Task', await read(signal, (session) => giveDisksTo(session, vmRef(vm), files)), signal),
    detach: async ({ vm, files }, signal) => {
      const keys = await read(signal, (session) => keysOfDisks(session, vmRef(vm), files));
      if (keys.length > 0) await runTask('ReconfigVM_Task', removeDisks(vmRef(vm), keys), signal);
    },
    whenIdle: (vm, signal) => new Tasks(sessions(), options.clock).whenIdle(vmRef(vm), signal),
    close: async () => {
      const closing = open;
      open = undefined;
      await closing?.close();
    },
  };
}

async function readPlace(session: Session, wish: PlaceWish): Promise<ImportPlace> {
  const host = await readHost(session, wish.host, 'E_RESTORE');
  if (host.unusable !== undefined) {
    throw refused(`ESXi host "${host.name}" cannot take it: ${host.unusable}`, 'Name another host with `--host`.');
  }
  const { moRef: id, name, rootPool, datacenter } = host;
  return {
    host: { moRef: id, name },
    pool: wish.resourcePool === undefined ? rootPool : await readPool(session, rootPool, wish.resourcePool),
    folder: await readFolder(session, { type: 'Datacenter', id: datacenter }, wish.folder),
    datastore: await readDatastore(session, { type: 'HostSystem', id }, wish.datastore),
  };
}

async function readPool(session: Session, rootPool: MoRef, wanted: string): Promise<MoRef> {
  const cluster = ref(
    (await existing(session, { type: 'ResourcePool', id: rootPool }, ['owner'])).properties.get('owner'),
  );
  const found: string[] = [];
  for await (const { object, properties } of allOf(session, 'ResourcePool', ['name', 'owner'])) {
    const isThere = ref(properties.get('owner'))?.id === cluster?.id;
    if (isThere && displayName(text(properties.get('name')) ?? '') === wanted) found.push(object.id);
  }
  const [pool, ...others] = found;
  if (pool !== undefined && others.length === 0) return moRef(pool);
  throw refused(
    `the cluster of the host has ${found.length} resource pools "${wanted}"`,
    'Name one of its pools with `--resource-pool`, or leave that out for its root pool.',
  );
}

async function readFolder(session: Session, datacenter: VimRef, wanted: string | undefined): Promise<MoRef> {
  if (wanted === undefined) {
    const folder = ref((await existing(session, datacenter, ['vmFolder'])).properties.get('vmFolder'));
    if (folder === undefined) throw errorOfUnreadableAnswer(session.server, 'RetrievePropertiesEx');
    return moRef(folder.id);
  }
  const folder = ref(
    await session.call('FindByInventoryPath', findByInventoryPath(session.searchIndex, samePath(wanted))),
  );
  if (folder?.type !== 'Folder' || (await datacenterOf(session, folder)).id !== datacenter.id) {
    throw refused(
      `the datacenter of the host has no folder "${wanted}"`,
      'Give its inventory path, such as "DC1/vm/restored".',
    );
  }
  return moRef(folder.id);
}

async function readDatastore(session: Session, host: VimRef, wanted: string): Promise<ImportPlace['datastore']> {
  const datastores = arrayItems((await existing(session, host, ['datastore'])).properties.get('datastore'));
  const found: ObjectProperties[] = [];
  const names: string[] = [];
  for await (const datastore of retrieveObjects(session, {
    propSet: [{ type: 'Datastore', pathSet: ['name', 'summary'] }],
    objectSet: datastores.flatMap((one) => {
      const obj = ref(one);
      return obj ? [{ obj, skip: false }] : [];
    }),
    reportMissingObjectsInResults: true,
  })) {
    const name = displayName(text(datastore.properties.get('name')) ?? '');
    names.push(name);
    if (name === wanted) found.push(datastore);
  }
  const [datastore] = found;
  const summary = datastore?.properties.get('summary');
  if (!datastore || text(child(summary, 'accessible')) !== 'true') {
    throw refused(
      `the host ${datastore ? 'cannot reach' : 'has no'} datastore "${wanted}"`,
      `Name one with \`--datastore\`: ${names.join(', ')}.`,
    );
  }
  return { name: wanted, freeBytes: integer(child(summary, 'freeSpace')) ?? 0 };
}

async function readVmsIn(session: Session, folder: VimRef): Promise<readonly MadeVm[]> {
  const vms: MadeVm[] = [];
  for await (const found of retrieveObjects(session, {
    propSet: [{ type: 'VirtualMachine', pathSet: MADE_VM_PROPERTIES }],
    objectSet: [{ obj: folder, skip: true, selectSet: [{ type: 'Folder', path: 'childEntity' }] }],
    reportMissingObjectsInResults: true,
  })) {
    vms.push(madeVm(found));
  }
  return vms;
}

function madeVm({ object, properties }: ObjectProperties): MadeVm {
  const settings = arrayItems(properties.get('config.extraConfig'));
  const mark = settings.find((setting) => text(child(setting, 'key')) === RESTORE_MARK_KEY);
  return {
    moRef: moRef(object.id),
    name: displayName(text(properties.get('name')) ?? object.id),
    instanceUuid: readInstanceUuid(properties.get('config.instanceUuid')),
    poweredOff: text(properties.get('runtime.powerState')) === 'poweredOff',
    settingsShown: properties.has('config.extraConfig'),
    mark: text(child(mark, 'value')),
  };
}

const refused = (why: string, hint: string) =>
  new SnaphookError('E_RESTORE', `nothing can be restored: ${why}`, { hint });

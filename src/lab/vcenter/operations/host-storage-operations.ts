import { isInUse, rescanAdapters, rescanVolumes } from '../model/host-scan.ts';
import { datastoresOfVm, hostsMounting } from '../model/inventory-tree.ts';
import { datastoresOf, vmsOf } from '../model/model.ts';
import type { DatastoreRecord, HostRecord } from '../model/records.ts';
import { resignature } from '../model/resignature.ts';
import { type HostView, type UnresolvedVolume, unresolvedVolumes } from '../model/unresolved-volumes.ts';
import { registerEntities } from '../object-registration.ts';
import { isMountedOn, vmfsUuid } from '../properties/datastore-properties.ts';
import { refOf } from '../properties/entity-properties.ts';
import { hostSubsystem } from '../properties/host-properties.ts';
import { scsiLunUuid } from '../properties/host-storage.ts';
import type { Call, OperationHandler } from '../server-context.ts';
import { dataListOf, dataOf, textOf, textsOf } from '../wire/fields.ts';
import { VimFault } from '../wire/vim-fault.ts';
import { anyOf, type DataObject, data } from '../wire/vim-values.ts';
import { startTask } from './vm-tasks.ts';

const RESCAN_MS = 3000;
const RESIGNATURE_MS = 4000;
const CHANGE_MS = 500;
const MIB = 1024 ** 2;

export const hostStorageOperations: Readonly<Record<string, OperationHandler>> = {
  RescanAllHba: (call) => scan(call, () => rescanAdapters(viewOf(call), call.server.events)),
  RescanHba: (call) => {
    const { host } = viewOf(call);
    const hba = textOf(call.args, 'hbaDevice');
    if (!host.spec.hbas?.some(({ device }) => device === hba)) throw notFound();
    return scan(call, () => rescanAdapters(viewOf(call), call.server.events));
  },
  RescanVmfs: (call) => scan(call, () => rescanVolumes(viewOf(call))),
  RefreshStorageSystem: () => undefined,
  QueryUnresolvedVmfsVolume: (call) => unresolvedVolumes(viewOf(call)).map(unresolvedVolume),
  QueryUnresolvedVmfsVolumes: (call) => unresolvedVolumes(viewOf(call)).map(unresolvedVolume),
  ResignatureUnresolvedVmfsVolume_Task: (call) => {
    const view = viewOf(call);
    const paths = textsOf(dataOf(call.args, 'resolutionSpec').fields, 'extentDevicePath');
    return startTask(call, view.host, 'host.DatastoreSystem.resignatureUnresolvedVmfsVolume', async () => {
      await call.server.pace.wait(RESIGNATURE_MS);
      const datastore = resignature(view, volumeOf(view, paths));
      registerEntities(call.server);
      return anyOf(
        { name: 'HostResignatureRescanResult', array: false, reference: false },
        data('HostResignatureRescanResult', { result: refOf(datastore) }),
      );
    });
  },
  ResolveMultipleUnresolvedVmfsVolumes: (call) =>
    dataListOf(call.args, 'resolutionSpec').map((spec) =>
      data('HostUnresolvedVmfsResolutionResult', { spec, ...resolveOne(call, spec) }),
    ),
  UnmountVmfsVolume: async (call) => {
    const view = viewOf(call);
    const datastore = volumeMountedBy(view, textOf(call.args, 'vmfsUuid'));
    await call.server.pace.wait(CHANGE_MS);
    if (!isMountedOn(view.host, datastore)) throw invalidState();
    const user = vmsOf(view.model).find((vm) => datastoresOfVm(vm).includes(datastore));
    if (user) throw inUse('Datastore', datastore.name);
    view.host.unmountedVolumes.add(uuidOf(datastore));
    return changed(call, datastore.name);
  },
  MountVmfsVolume: async (call) => {
    const view = viewOf(call);
    const datastore = volumeMountedBy(view, textOf(call.args, 'vmfsUuid'));
    await call.server.pace.wait(CHANGE_MS);
    if (!view.host.unmountedVolumes.delete(uuidOf(datastore))) throw invalidState();
    return changed(call, datastore.name);
  },
  DeleteVmfsVolumeState: (call) => {
    const view = viewOf(call);
    const uuid = textOf(call.args, 'vmfsUuid');
    if (!view.host.unmountedVolumes.has(uuid)) throw notFound();
    const isThere = datastoresOf(view.model).some(
      (datastore) => hostsMounting(datastore).includes(view.host) && uuidOf(datastore) === uuid,
    );
    if (isThere) throw invalidState();
    view.host.unmountedVolumes.delete(uuid);
    return changed(call, uuid);
  },
  DetachScsiLun: async (call) => {
    const { host, model } = viewOf(call);
    const canonicalName = lunNamed(host, textOf(call.args, 'lunUuid'));
    await call.server.pace.wait(CHANGE_MS);
    if (host.detachedLuns.has(canonicalName)) throw invalidState();
    if (isInUse(model, host, canonicalName)) throw inUse('ScsiLun', canonicalName);
    host.detachedLuns.add(canonicalName);
    setState(host, canonicalName, 'off');
    return changed(call, canonicalName);
  },
  AttachScsiLun: async (call) => {
    const { host } = viewOf(call);
    const canonicalName = lunNamed(host, textOf(call.args, 'lunUuid'));
    await call.server.pace.wait(CHANGE_MS);
    if (!host.detachedLuns.delete(canonicalName)) throw invalidState();
    setState(host, canonicalName, 'ok');
    return changed(call, canonicalName);
  },
  DeleteScsiLunState: (call) => {
    const { host } = viewOf(call);
    const canonicalName = textOf(call.args, 'lunCanonicalName');
    if (!host.detachedLuns.has(canonicalName)) throw notFound();
    if (host.spec.scsiLuns.some((lun) => lun.canonicalName === canonicalName)) throw invalidState();
    host.detachedLuns.delete(canonicalName);
    return changed(call, canonicalName);
  },
};

function viewOf({ server, object }: Call): HostView {
  for (const host of server.model.entities.values()) {
    if (host.type !== 'HostSystem') continue;
    const own = [hostSubsystem('HostStorageSystem', host), hostSubsystem('HostDatastoreSystem', host)];
    if (own.some(({ id }) => id === object.id)) return { model: server.model, host, paths: server.hostPaths };
  }
  throw new Error(`${object.id} is no part of a host`);
}

async function scan(call: Call, work: () => void): Promise<undefined> {
  await call.server.pace.wait(RESCAN_MS);
  work();
  return changed(call, viewOf(call).host.name);
}

function changed(call: Call, what: string): undefined {
  call.server.model.changes.announce();
  call.server.events.add('vcenter', 'effect', call.operation, what);
}

function unresolvedVolume(volume: UnresolvedVolume): DataObject {
  const { extents, label, uuid, incompleteExtents, multipleCopies, reason } = volume;
  let startBlock = 0;
  const shown = extents.map(({ device: { canonicalName, content }, header: { index } }) => {
    const endBlock = startBlock + Math.floor(content.sizeBytes / MIB) - 1;
    const extent = data('HostUnresolvedVmfsExtent', {
      device: data('HostScsiDiskPartition', { diskName: canonicalName, partition: 1 }),
      devicePath: devicePath(canonicalName),
      vmfsUuid: uuid,
      isHeadExtent: index === 0,
      ordinal: index,
      startBlock,
      endBlock,
      reason,
    });
    startBlock = endBlock + 1;
    return extent;
  });
  return data('HostUnresolvedVmfsVolume', {
    extent: shown,
    vmfsLabel: label,
    vmfsUuid: uuid,
    totalBlocks: startBlock,
    resolveStatus: data('HostUnresolvedVmfsVolumeResolveStatus', {
      resolvable: !incompleteExtents && !multipleCopies,
      incompleteExtents,
      multipleCopies,
    }),
  });
}

const devicePath = (canonicalName: string): string => `/vmfs/devices/disks/${canonicalName}:1`;

/** The one unresolved volume these paths mean. The head's path alone is enough where no other device claims any of its places. */
function volumeOf(view: HostView, paths: readonly string[]): UnresolvedVolume {
  const isNamed = ({ device }: UnresolvedVolume['extents'][number]) => paths.includes(devicePath(device.canonicalName));
  const touched = unresolvedVolumes(view).filter(({ extents }) => extents.some(isNamed));
  const [volume] = touched;
  const named = volume?.extents.filter(isNamed) ?? [];
  if (!volume || touched.length > 1 || named.length < paths.length) {
    throw new VimFault('PlatformConfigFault', 'An error occurred during host configuration.', {
      text: 'the device paths are not those of one unresolved volume',
    });
  }
  if (volume.incompleteExtents) {
    throw new VimFault('PlatformConfigFault', 'An error occurred during host configuration.', {
      text: 'some extents of the volume are missing',
    });
  }
  if (!volume.multipleCopies) return volume;
  const places = new Set(named.map(({ header }) => header.index));
  if (places.size < volume.count || named.length > places.size) throw ambiguous(volume);
  return { ...volume, extents: named };
}

/** A copy is never mounted under the identity of a volume that the host has mounted. */
function resolveOne(call: Call, spec: DataObject): { readonly fault: DataObject } | { readonly vmfs?: DataObject } {
  const view = viewOf(call);
  try {
    const volume = volumeOf(view, textsOf(spec.fields, 'extentDevicePath'));
    if (textOf(spec.fields, 'uuidResolution') === 'forceMount') {
      if (volume.reason === 'uuidConflict') throw ambiguous(volume);
      call.server.events.add('vcenter', 'unserved', call.operation, view.host.name, { what: 'forceMount' });
      throw new VimFault('NotSupported', 'The operation is not supported on the object.');
    }
    const datastore = resignature(view, volume);
    registerEntities(call.server);
    changed(call, datastore.name);
    return {};
  } catch (error) {
    if (!(error instanceof VimFault)) throw error;
    return { fault: error.localized() };
  }
}

function volumeMountedBy({ model, host }: HostView, uuid: string): DatastoreRecord {
  const found = datastoresOf(model).find(
    (datastore) => hostsMounting(datastore).includes(host) && uuidOf(datastore) === uuid,
  );
  if (!found) throw notFound();
  return found;
}

const uuidOf = ({ spec }: DatastoreRecord): string => (spec.type === 'VMFS' ? vmfsUuid(spec) : '');

function lunNamed(host: HostRecord, lunUuid: string): string {
  const lun = host.spec.scsiLuns.find((candidate) => scsiLunUuid(candidate) === lunUuid);
  if (!lun) throw notFound();
  return lun.canonicalName;
}

function setState(host: HostRecord, canonicalName: string, state: 'ok' | 'off'): void {
  const scsiLuns = host.spec.scsiLuns.map((lun) =>
    lun.canonicalName === canonicalName ? { ...lun, operationalState: [state] } : lun,
  );
  host.spec = { ...host.spec, scsiLuns };
}

const notFound = (): VimFault => new VimFault('NotFound', 'The object or item referred to could not be found.');
const invalidState = (): VimFault => new VimFault('InvalidState', 'The operation is not allowed in the current state.');
const inUse = (type: string, name: string): VimFault =>
  new VimFault('ResourceInUse', `The resource '${name}' is in use.`, { type, name });
const ambiguous = ({ uuid }: UnresolvedVolume): VimFault =>
  new VimFault('VmfsAmbiguousMount', 'More than one copy of the volume, or its original, is there.', { uuid });

import type { VimRef } from './decode.ts';

/**
 * Request bodies for the `soap` package. vCenter reads every data object with a forward cursor over its declared
 * properties and refuses an element that comes too late, so the order of the keys below IS the wire order: properties
 * of the base type first, then the type's own (vSphere API: PropertyCollector, SearchIndex, SessionManager, ViewManager).
 */

export interface SoapObject {
  readonly [element: string]: SoapValue | undefined;
}
type SoapValue = string | number | boolean | SoapObject | readonly SoapValue[];

interface Traversal {
  /** Managed object type that has the property. */
  readonly type: string;
  /** Property that holds the reference or references to follow. */
  readonly path: string;
  readonly selectSet?: readonly Traversal[];
}

export interface ObjectSelection {
  readonly obj: VimRef;
  /** True: the object is only where the traversals start; its own properties are not returned. */
  readonly skip: boolean;
  readonly selectSet?: readonly Traversal[];
}

interface PropertySelection {
  readonly type: string;
  readonly pathSet: readonly string[];
}

export interface PropertyFilter {
  readonly propSet: readonly PropertySelection[];
  readonly objectSet: readonly ObjectSelection[];
  /** True: objects deleted meanwhile are left out; else one of them fails the whole call. */
  readonly reportMissingObjectsInResults: boolean;
}

export function managedObject(object: VimRef): SoapObject {
  return { attributes: { type: object.type }, $value: object.id };
}

function traversalSpec(traversal: Traversal): SoapObject {
  return {
    attributes: { 'xsi:type': 'TraversalSpec' },
    type: traversal.type,
    path: traversal.path,
    skip: false,
    ...(traversal.selectSet === undefined ? {} : { selectSet: traversal.selectSet.map(traversalSpec) }),
  };
}

function objectSpec(selection: ObjectSelection): SoapObject {
  return {
    obj: managedObject(selection.obj),
    skip: selection.skip,
    ...(selection.selectSet === undefined ? {} : { selectSet: selection.selectSet.map(traversalSpec) }),
  };
}

function propertySpec(selection: PropertySelection): SoapObject {
  return { type: selection.type, all: false, pathSet: selection.pathSet };
}

function propertyFilterSpec(filter: PropertyFilter): SoapObject {
  return {
    propSet: filter.propSet.map(propertySpec),
    objectSet: filter.objectSet.map(objectSpec),
    reportMissingObjectsInResults: filter.reportMissingObjectsInResults,
  };
}

export function retrieveServiceContent(): SoapObject {
  return { _this: managedObject({ type: 'ServiceInstance', id: 'ServiceInstance' }) };
}

export function login(sessionManager: VimRef, userName: string, password: string): SoapObject {
  return { _this: managedObject(sessionManager), userName, password };
}

export function logout(sessionManager: VimRef): SoapObject {
  return { _this: managedObject(sessionManager) };
}

export function terminateSession(sessionManager: VimRef, keys: readonly string[]): SoapObject {
  return { _this: managedObject(sessionManager), sessionId: [...keys] };
}

/** Looks up a virtual machine by `config.instanceUuid`, in every datacenter. */
export function findByInstanceUuid(searchIndex: VimRef, uuid: string): SoapObject {
  return { _this: managedObject(searchIndex), uuid, vmSearch: true, instanceUuid: true };
}

export function findByInventoryPath(searchIndex: VimRef, inventoryPath: string): SoapObject {
  return { _this: managedObject(searchIndex), inventoryPath };
}

export function createContainerView(viewManager: VimRef, container: VimRef, types: readonly string[]): SoapObject {
  return {
    _this: managedObject(viewManager),
    container: managedObject(container),
    type: types,
    recursive: true,
  };
}

export function retrieveProperties(collector: VimRef, filter: PropertyFilter, pageSize: number): SoapObject {
  return {
    _this: managedObject(collector),
    specSet: [propertyFilterSpec(filter)],
    options: { maxObjects: pageSize },
  };
}

export function continueRetrieveProperties(collector: VimRef, token: string): SoapObject {
  return { _this: managedObject(collector), token };
}

/** Disks only (vSphere API: CreateSnapshot_Task). */
export function createSnapshot(vm: VimRef, { name, description }: SnapshotWords): SoapObject {
  return { _this: managedObject(vm), name, description, memory: false, quiesce: false };
}

interface SnapshotWords {
  readonly name: string;
  readonly description: string;
}

/** VSS_BT_COPY: histories and logs of applications stay as they are, since nothing is stored yet when the snapshot is taken. */
const COPY = 5;

/**
 * Disks only, of a guest that VMware Tools quiesce (vSphere API: CreateSnapshotEx_Task). What they take as the backup type of VSS where
 * it is not told is not documented, so it is told.
 */
export function createQuiescedSnapshot(
  vm: VimRef,
  { name, description }: SnapshotWords,
  guest: 'windows' | 'other',
): SoapObject {
  const quiesceSpec =
    guest === 'windows'
      ? { attributes: { 'xsi:type': 'VirtualMachineWindowsQuiesceSpec' }, vssBackupType: COPY }
      : { attributes: { 'xsi:type': 'VirtualMachineGuestQuiesceSpec' } };
  return { _this: managedObject(vm), name, description, memory: false, quiesceSpec };
}

/** vSphere API: QueryChangedDiskAreas. */
export function queryChangedDiskAreas(
  vm: VimRef,
  of: {
    readonly snapshot: VimRef;
    readonly deviceKey: number;
    readonly startOffset: number;
    readonly changeId: string;
  },
): SoapObject {
  const { snapshot, deviceKey, startOffset, changeId } = of;
  return { _this: managedObject(vm), snapshot: managedObject(snapshot), deviceKey, startOffset, changeId };
}

export function removeSnapshot(snapshot: VimRef): SoapObject {
  return { _this: managedObject(snapshot), removeChildren: false, consolidate: true };
}

export function consolidateDisks(vm: VimRef): SoapObject {
  return { _this: managedObject(vm) };
}

export interface DiskPlace {
  readonly controllerKey: number;
  readonly unitNumber: number;
}

/** Without a file operation an existing file is used (vSphere API: VirtualDeviceConfigSpec). The capacity is required and ignored. */
export function addDisks(
  vm: VimRef,
  disks: readonly (DiskPlace & { readonly fileName: string })[],
  diskMode: 'persistent' | 'independent_nonpersistent',
): SoapObject {
  return reconfigure(
    vm,
    disks.map(({ fileName, controllerKey, unitNumber }, index) => ({
      operation: 'add',
      device: {
        attributes: { 'xsi:type': 'VirtualDisk' },
        key: -101 - index,
        backing: {
          attributes: { 'xsi:type': 'VirtualDiskFlatVer2BackingInfo' },
          fileName,
          diskMode,
        },
        controllerKey,
        unitNumber,
        capacityInKB: 0,
      },
    })),
  );
}

/** By device key alone: a file operation would delete the file. */
export function removeDisks(vm: VimRef, keys: readonly number[]): SoapObject {
  return reconfigure(
    vm,
    keys.map((key) => ({
      operation: 'remove',
      device: { attributes: { 'xsi:type': 'VirtualDisk' }, key, capacityInKB: 0 },
    })),
  );
}

function reconfigure(vm: VimRef, deviceChange: readonly SoapObject[]): SoapObject {
  return { _this: managedObject(vm), spec: { deviceChange } };
}

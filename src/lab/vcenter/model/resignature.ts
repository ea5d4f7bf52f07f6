import { randomBytes } from 'node:crypto';
import { resignVmfs } from '../../devices/vmfs-header.ts';
import type { VmInventory } from '../inventory.ts';
import { vmfsUuid } from '../properties/datastore-properties.ts';
import { datacenterOf } from './inventory-tree.ts';
import { datastoresIn, hostsIn, vmsOf } from './model.ts';
import type { DatacenterRecord, DatastoreRecord } from './records.ts';
import { type HostView, type UnresolvedVolume, usableDevices } from './unresolved-volumes.ts';
import { filesOfVm, filesOnCopy } from './vm-files.ts';
import { homePath } from './vm-home.ts';

/** 8-8-4-12 hex digits. */
function newVmfsUuid(): string {
  return randomBytes(16)
    .toString('hex')
    .replace(/^(.{8})(.{8})(.{4})(.{12})$/, '$1-$2-$3-$4');
}

/**
 * Gives a copy new identities, on its devices themselves, and mounts it on every host that has found all of them. VMs on it are
 * not registered; their configuration is that of the moment, as the lab keeps no files of them on its devices.
 */
export function resignature(view: HostView, volume: UnresolvedVolume): DatastoreRecord {
  const { model, host } = view;
  const datacenter = datacenterOf(host);
  if (!datacenter) throw new Error(`host "${host.name}" is in no datacenter`);
  const uuid = newVmfsUuid();
  const label = `snap-${uuid.slice(0, 8)}-${volume.label}`;
  const devices = volume.extents.map(({ device }) => device);
  resignVmfs(
    devices.map(({ content }) => content),
    { uuid, label, volumeUuid: newVmfsUuid() },
  );
  const extents = devices.map(({ canonicalName }) => canonicalName);
  const hosts = hostsIn(datacenter).filter((other) => {
    const usable = new Set(usableDevices({ ...view, host: other }).map(({ canonicalName }) => canonicalName));
    return extents.every((extent) => usable.has(extent));
  });
  const folder = datacenter.folders.datastore;
  const datastore: DatastoreRecord = {
    type: 'Datastore',
    id: `datastore-${model.nextNumber()}`,
    name: label,
    parent: folder,
    spec: {
      type: 'VMFS',
      name: label,
      capacityBytes: devices.reduce((sum, { content }) => sum + content.sizeBytes, 0),
      extents,
      vmfsUuid: uuid,
      hosts: hosts.map(({ name }) => name),
    },
  };
  for (const files of filesOn(view, datacenter, volume.uuid)) {
    const copy = filesOnCopy(files.vm, files.datastore, label);
    model.unregistered.set(homePath(copy), copy);
  }
  folder.children.push(datastore);
  model.entities.set(datastore.id, datastore);
  return datastore;
}

/** VMs whose home lies on the volume of that uuid, registered or not. */
function filesOn({ model }: HostView, datacenter: DatacenterRecord, uuid: string) {
  const original = datastoresIn(datacenter).find(({ spec }) => spec.type === 'VMFS' && vmfsUuid(spec) === uuid);
  if (!original) return [];
  const isOn = (vm: VmInventory) => homePath(vm).startsWith(`[${original.name}] `);
  const registered = vmsOf(model).filter((vm) => datacenterOf(vm) === datacenter && isOn(vm.spec));
  const others = [...model.unregistered.values()].filter(isOn);
  return [...registered.map(filesOfVm), ...others].map((vm) => ({ vm, datastore: original.name }));
}

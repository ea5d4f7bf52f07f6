import type { GuestAgent } from '../guest/guest-agent.ts';
import type { GuestTools } from './guest-tools.ts';
import type { DatastoreInventory, DiskInventory, GuestInventory, PowerState, VmInventory } from './inventory.ts';
import { addVm } from './model/build-model.ts';
import { applySetting } from './model/change-tracking.ts';
import { allSnapshots, datastoresOf, hostsOf, vmsOf } from './model/model.ts';
import type { DatacenterRecord, VmRecord } from './model/records.ts';
import { removeVm } from './model/remove-vm.ts';
import { renameDatastore } from './model/rename-datastore.ts';
import { nvramOf, withNvram } from './model/vm-nvram.ts';
import { registerEntities } from './object-registration.ts';
import type { ServerContext } from './server-context.ts';

export interface HostStorageState {
  /** Canonical names, with the state where it is not `ok`. */
  readonly luns: readonly string[];
  readonly detached: readonly string[];
  /** By uuid. */
  readonly unmounted: readonly string[];
}

/** Changes from outside the API. VMs are named by managed object id, instance uuid or, when only one has it, name. */
export interface InventoryControls {
  /** Managed object id. */
  moRefOf(vm: string): string;
  /** The VM as it is now. */
  vm(vm: string): VmInventory;
  /** Somebody else's task keeps the VM busy for this long, in simulated milliseconds. */
  occupy(vm: string, durationMs: number): void;
  /** Every datastore under its present name. */
  datastores(): readonly DatastoreInventory[];
  /** What the host of that name knows of devices and volumes. */
  storageOf(host: string): HostStorageState;
  /** Names of all VMs. */
  vmNames(): readonly string[];
  /** Names of its snapshots. */
  snapshotsOf(vm: string): readonly string[];
  /** By its present name. */
  changeDatastore(name: string, change: Pick<DatastoreInventory, 'hosts' | 'unreachedBy'>): void;
  renameVm(vm: string, name: string): void;
  renameDatastore(name: string, newName: string): void;
  setPowerState(vm: string, powerState: PowerState): void;
  /** What its firmware starts with. */
  nvramOf(vm: string): Buffer | undefined;
  setGuest(vm: string, guest: GuestInventory | undefined): void;
  /** What quiesced snapshots of it ask from now on. */
  setTools(vm: string, tools: GuestTools): void;
  /** What guest operations reach from now on. */
  setAgent(vm: string, agent: GuestAgent): void;
  addDisk(vm: string, disk: DiskInventory): void;
  /** Tracking of its changes begins anew: no change id from before means anything any more. */
  resetChangeTracking(vm: string): void;
  /** By device key. */
  removeDisk(vm: string, key: number): void;
  /** Any other property of the VM. Folder, host and pool stay. */
  changeVm(
    vm: string,
    change: Partial<Omit<VmInventory, 'name' | 'folder' | 'host' | 'resourcePool' | 'snapshots'>>,
  ): void;
  /** Returns the new VM's managed object id. */
  addVm(datacenter: string, vm: VmInventory): string;
  removeVm(vm: string): void;
  /** vCenter begins a task on the VM, such as `VirtualMachine.relocate`; it runs until the result is called. */
  beginTask(vm: string, task: { readonly name: string; readonly descriptionId: string }): () => void;
}

export function inventoryControls(server: ServerContext): InventoryControls {
  const { model } = server;
  const find = (selector: string): VmRecord => {
    const found = vmsOf(model).filter(
      (vm) => vm.id === selector || vm.spec.instanceUuid === selector || vm.name === selector,
    );
    const [vm] = found;
    if (!vm || found.length > 1) throw new Error(`${found.length} VMs are called "${selector}"`);
    return vm;
  };
  const change = (selector: string, changes: Partial<VmInventory>): void => {
    const vm = find(selector);
    vm.spec = { ...vm.spec, ...changes };
    vm.modifiedAt = new Date();
    model.changes.announce();
  };
  const beginTask: InventoryControls['beginTask'] = (selector, { name, descriptionId }) => {
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    server.tasks.start({
      name,
      descriptionId,
      entity: find(selector),
      userName: 'VSPHERE.LOCAL\\Administrator',
      cancelable: false,
      run: async () => {
        await ended;
        return undefined;
      },
    });
    return end;
  };
  return {
    moRefOf: (vm) => find(vm).id,
    vm: (vm) => ({ ...find(vm).spec, name: find(vm).name }),
    occupy: (vm, durationMs) => {
      const end = beginTask(vm, { name: 'RelocateVM_Task', descriptionId: 'VirtualMachine.relocate' });
      void server.pace.wait(durationMs).then(end);
    },
    datastores: () => datastoresOf(model).map(({ name, spec }) => ({ accessible: true, ...spec, name })),
    storageOf: (name) => {
      const host = hostsOf(model).find((candidate) => candidate.name === name);
      if (!host) throw new Error(`no host is called "${name}"`);
      return {
        luns: host.spec.scsiLuns.map(({ canonicalName, operationalState = ['ok'] }) =>
          operationalState[0] === 'ok' ? canonicalName : `${canonicalName} ${operationalState.join()}`,
        ),
        detached: [...host.detachedLuns],
        unmounted: [...host.unmountedVolumes],
      };
    },
    vmNames: () => vmsOf(model).map(({ name }) => name),
    snapshotsOf: (vm) => allSnapshots(find(vm)).map(({ spec }) => spec.name),
    changeDatastore: (name, changes) => {
      const datastore = datastoresOf(model).find((candidate) => candidate.name === name);
      if (!datastore) throw new Error(`no datastore is called "${name}"`);
      datastore.spec = { ...datastore.spec, ...changes };
      model.changes.announce();
    },
    renameVm: (selector, name) => {
      find(selector).name = name;
      model.changes.announce();
    },
    renameDatastore: (name, newName) => {
      for (const entity of [...model.entities.values()]) {
        if (entity.type === 'Datastore' && entity.name === name) renameDatastore(model, entity, newName);
      }
      model.changes.announce();
    },
    setPowerState: (vm, powerState) =>
      change(vm, { ...(powerState === 'poweredOn' ? withNvram(find(vm).spec) : {}), powerState }),
    nvramOf: (vm) => nvramOf(find(vm).spec),
    setTools: (selector, tools) => {
      server.tools.set(find(selector).spec.instanceUuid, tools);
    },
    setAgent: (selector, agent) => {
      server.agents.set(find(selector).spec.instanceUuid, agent);
    },
    setGuest: (selector, guest) => {
      const vm = find(selector);
      const { guest: _before, ...rest } = vm.spec;
      vm.spec = guest ? { ...rest, guest } : rest;
      model.changes.announce();
    },
    addDisk: (vm, disk) => change(vm, { disks: [...find(vm).spec.disks, disk] }),
    resetChangeTracking: (selector) => {
      const vm = find(selector);
      vm.tracking.clear();
      applySetting(vm);
    },
    removeDisk: (vm, key) => change(vm, { disks: find(vm).spec.disks.filter((disk) => disk.key !== key) }),
    changeVm: change,
    addVm: (datacenterName, spec) => {
      const vm = addVm(model, datacenterNamed(server, datacenterName), spec);
      registerEntities(server);
      model.changes.announce();
      return vm.id;
    },
    removeVm: (selector) => removeVm(model, find(selector)),
    beginTask,
  };
}

function datacenterNamed(server: ServerContext, name: string): DatacenterRecord {
  for (const entity of server.model.entities.values()) {
    if (entity.type === 'Datacenter' && entity.name === name) return entity;
  }
  throw new Error(`no datacenter is called "${name}"`);
}

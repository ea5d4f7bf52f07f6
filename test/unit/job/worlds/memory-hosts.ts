import type {
  DatastoreOnDevices,
  HostStorage,
  UnresolvedCopy,
  VmOnDatastore,
} from '../../../../src/ports/host-storage.ts';
import { type MoRef, moRef } from '../../../../src/ports/identity.ts';

const unused = (): never => {
  throw new Error('not asked for here');
};

/** One ESXi host and what vCenter shows of it, in memory; `done` tells every change. */
export class MemoryHosts implements HostStorage {
  readonly done: string[] = [];
  /** Canonical names that masking shows it now. */
  readonly masked = new Set<string>();
  readonly scanned = new Set<string>();
  copies: readonly UnresolvedCopy[] = [];
  datastores: DatastoreOnDevices[] = [];
  /** What the disks of the next registered VM consist of, in place of a file beside its configuration. */
  strayFile: string | undefined;

  async sessionKey() {
    return undefined;
  }
  async whenIdle() {}
  async rescan() {
    this.scanned.clear();
    for (const name of this.masked) this.scanned.add(name);
  }
  async devices(_host: MoRef, names: readonly string[]) {
    return names
      .filter((name) => this.scanned.has(name))
      .map((canonicalName) => ({ canonicalName, state: 'ok' as const }));
  }
  async unresolvedCopies() {
    return this.copies;
  }
  async resignature(host: MoRef, devicePaths: readonly string[]) {
    this.done.push(`resignature ${devicePaths.join(' ')}`);
    const extents = this.copies[0]?.extents.map(({ canonicalName }) => canonicalName) ?? [];
    this.copies = [];
    this.datastores.push(datastoreOn(extents, host));
  }
  async datastoresOn(names: readonly string[]) {
    return this.datastores.filter(({ extents }) => extents.some((extent) => names.includes(extent)));
  }
  async unmount(_host: MoRef, vmfsUuid: string) {
    this.done.push(`unmount ${vmfsUuid}`);
    this.datastores = this.datastores.filter((datastore) => datastore.vmfsUuid !== vmfsUuid);
  }
  async detach(_host: MoRef, canonicalName: string) {
    this.done.push(`detach ${canonicalName}`);
  }
  async forget() {}
  async register({ vmPathName, name }: Parameters<HostStorage['register']>[0]) {
    this.done.push(`register ${vmPathName}`);
    this.#changeVms(() => [{ moRef: moRef('vm-9'), name, vmPathName, poweredOff: true }]);
  }
  async giveIdentity() {}
  async diskFiles() {
    return [this.strayFile ?? `[${this.datastores[0]?.name}] vm/vm.vmdk`];
  }
  async unregister(vm: MoRef) {
    this.done.push(`unregister ${vm}`);
    this.#changeVms((vms) => vms.filter((one) => one.moRef !== vm));
  }
  async close() {}
  findHost = unused;
  datastoresOf = unused;
  homeOf = unused;
  findFolder = unused;

  #changeVms(change: (vms: readonly VmOnDatastore[]) => readonly VmOnDatastore[]): void {
    this.datastores = this.datastores.map((datastore) => ({ ...datastore, vms: change(datastore.vms) }));
  }
}

export const datastoreOn = (extents: readonly string[], host: MoRef): DatastoreOnDevices => ({
  moRef: moRef('datastore-9'),
  name: 'snap-1-ds',
  vmfsUuid: 'new',
  extents,
  hosts: [{ host, mounted: true }],
  vms: [],
});

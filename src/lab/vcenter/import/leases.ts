import { randomBytes } from 'node:crypto';
import type { DiskInventory } from '../inventory.ts';
import { diskControllers } from '../model/controllers.ts';
import type { ManagedObject, PropertyReaders } from '../model/managed-object.ts';
import type { VmRecord } from '../model/records.ts';
import { removeVm } from '../model/remove-vm.ts';
import { refOf } from '../properties/entity-properties.ts';
import type { ServerContext } from '../server-context.ts';
import { VimFault } from '../wire/vim-fault.ts';
import { type DataObject, data, reference } from '../wire/vim-values.ts';
import type { NfcHost } from './nfc-host.ts';

/** Without a sign of life for so long vCenter gives a lease up. */
const LEASE_MS = 300_000;
const INITIALIZE_MS = 1500;

type LeaseState = 'initializing' | 'ready' | 'done' | 'error';

/** One import: the VM is there, but nobody's until the lease is complete. */
export class Lease implements ManagedObject {
  readonly type = 'HttpNfcLease';
  readonly id = `session[52${randomBytes(7).toString('hex')}]52${randomBytes(7).toString('hex')}`;
  readonly #server: ServerContext;
  readonly #host: NfcHost;
  readonly #vm: VmRecord;
  readonly #paths: string[] = [];
  readonly #urls: DataObject[] = [];
  #state: LeaseState = 'initializing';
  #error: VimFault | undefined;
  #timer: NodeJS.Timeout | undefined;
  #percent = 0;
  /** Ends the task that keeps the VM busy. */
  #ended: () => void = () => undefined;

  constructor(server: ServerContext, host: NfcHost, vm: VmRecord, userName: string) {
    this.#server = server;
    this.#host = host;
    this.#vm = vm;
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    server.tasks.start({
      name: 'ImportVAppLRO',
      descriptionId: 'ResourcePool.ImportVAppLRO',
      entity: vm,
      userName,
      cancelable: false,
      run: async () => {
        await ended;
        return undefined;
      },
    });
    void this.#initialize();
  }

  readers(): PropertyReaders {
    return {
      initializeProgress: () => (this.#state === 'initializing' ? 0 : 100),
      state: () => this.#state,
      info: () => (this.#state === 'initializing' ? undefined : this.#info()),
      error: () => this.#error?.localized(),
    };
  }

  progress(percent: number): void {
    this.#requireReady();
    if (percent < 0 || percent > 100) throw new VimFault('InvalidArgument', 'percent', { invalidProperty: 'percent' });
    this.#percent = percent;
    this.#expectLife();
  }

  complete(): void {
    this.#requireReady();
    this.#end('done');
    this.#server.events.add('vcenter', 'effect', 'HttpNfcLeaseComplete', this.#vm.name);
  }

  /** What was made of the VM goes with it. */
  abort(): void {
    if (this.#state === 'done' || this.#state === 'error') throw this.#invalidState();
    this.#giveUp(new VimFault('RequestCanceled', 'The task was canceled by a user.'));
  }

  /** The server goes down. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#ended();
  }

  async #initialize(): Promise<void> {
    await this.#server.pace.wait(INITIALIZE_MS);
    if (this.#state !== 'initializing') return;
    for (const [index, disk] of this.#vm.spec.disks.entries()) this.#urls.push(this.#urlOf(disk, index));
    this.#state = 'ready';
    this.#expectLife();
    this.#server.model.changes.announce();
  }

  #urlOf(disk: DiskInventory, index: number): DataObject {
    const { spec, id, name } = this.#vm;
    const controller = diskControllers(spec, spec.disks).find(({ key }) => key === disk.controllerKey);
    const bus = controller ? controller.key % 1000 : disk.controllerKey - 200;
    const place = `${controller?.type ?? 'VirtualIDEController'}${bus}:${disk.unitNumber}`;
    const path = `/nfc/52${randomBytes(15).toString('hex')}/disk-${index}.vmdk`;
    this.#paths.push(path);
    const url = this.#host.admit(path, ({ capacityBytes, pieces }) => {
      if (disk.backing.kind !== 'vvol') throw new Error('a disk without a volume');
      if (capacityBytes !== disk.capacityBytes) {
        throw new Error(`a disk of ${capacityBytes} bytes for one of ${disk.capacityBytes}`);
      }
      for (const { atBytes, bytes } of pieces) {
        this.#server.volumes.write(disk.backing.backingObjectId, atBytes, bytes);
      }
      this.#server.events.add('vcenter', 'effect', 'take-disk', name, { place });
    });
    return data('HttpNfcLeaseDeviceUrl', {
      key: `/${id}/${place}`,
      importKey: `/${name}/${place}`,
      url,
      sslThumbprint: this.#host.thumbprint,
      disk: true,
      targetId: `disk-${index}.vmdk`,
    });
  }

  #info(): DataObject {
    const bytes = this.#vm.spec.disks.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0);
    return data('HttpNfcLeaseInfo', {
      lease: reference(this.type, this.id),
      entity: refOf(this.#vm),
      deviceUrl: this.#urls,
      totalDiskCapacityInKB: Math.ceil(bytes / 1024),
      leaseTimeout: Math.ceil(this.#leaseMs / 1000),
    });
  }

  get #leaseMs(): number {
    return this.#server.pace.scaledMs(LEASE_MS);
  }

  #expectLife(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#giveUp(new VimFault('Timedout', `No progress after ${this.#percent} per cent.`)),
      this.#leaseMs,
    );
    this.#timer.unref();
  }

  #giveUp(error: VimFault): void {
    this.#error = error;
    this.#end('error');
    destroyVm(this.#server, this.#vm);
    this.#server.events.add('vcenter', 'effect', 'end-import', this.#vm.name, { why: error.message });
  }

  #end(state: 'done' | 'error'): void {
    clearTimeout(this.#timer);
    this.#state = state;
    for (const path of this.#paths) this.#host.withdraw(path);
    this.#ended();
    this.#server.model.changes.announce();
  }

  #requireReady(): void {
    if (this.#state === 'error' && this.#error?.detail.type === 'Timedout') {
      throw new VimFault('Timedout', 'The lease has timed out.');
    }
    if (this.#state !== 'ready') throw this.#invalidState();
  }

  #invalidState(): VimFault {
    return new VimFault('InvalidState', 'The operation is not allowed in the current state.');
  }
}

/** With its files: the volumes that were made for it. */
function destroyVm(server: ServerContext, vm: VmRecord): void {
  for (const { backing } of vm.spec.disks) if (backing.kind === 'vvol') server.volumes.remove(backing.backingObjectId);
  removeVm(server.model, vm);
}

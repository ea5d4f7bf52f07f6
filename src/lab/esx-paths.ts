import type { DeviceStore } from './devices/device-store.ts';
import type { PresentationChange } from './unisphere/presentation.ts';
import type { HostPaths, ReachedDevice } from './vcenter/storage-side.ts';

/** What masking lets ESXi hosts reach. They notice when they scan. */
export class EsxPaths implements HostPaths {
  readonly #store: DeviceStore;
  /** Names of hosts in vCenter by their names on the array. */
  readonly #hosts: ReadonlyMap<string, string>;
  readonly #reached: ReadonlyMap<string, Map<string, PresentationChange>>;

  constructor(store: DeviceStore, hosts: ReadonlyMap<string, string>) {
    this.#store = store;
    this.#hosts = hosts;
    this.#reached = new Map([...hosts.values()].map((host) => [host, new Map()]));
  }

  presented(change: PresentationChange): void {
    this.#devicesOf(change)?.set(change.device, change);
  }

  withdrawn(change: PresentationChange): void {
    this.#devicesOf(change)?.delete(change.device);
  }

  reached(host: string): readonly ReachedDevice[] | undefined {
    const devices = this.#reached.get(host);
    return devices && [...devices.values()].map((change) => this.#device(change));
  }

  #devicesOf({ host }: PresentationChange): Map<string, PresentationChange> | undefined {
    return this.#reached.get(this.#hosts.get(host) ?? '');
  }

  #device({ device, effectiveWwn, lun }: PresentationChange): ReachedDevice {
    return { canonicalName: `naa.${effectiveWwn.toLowerCase()}`, lun, content: this.#store.open(device) };
  }
}

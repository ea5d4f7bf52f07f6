import { type ArrayConfig, findNamed, type MaskingView, type StorageGroup, sameName } from './array-config.ts';
import { hostsOfView, membersOf } from './presentation.ts';

export interface VvolPlace {
  readonly container: string;
  readonly resource: string;
  readonly wwn: string;
}

/** Look-ups from a device, built once per state of the configuration. */
export class ConfigIndex {
  readonly #groups = new Map<string, StorageGroup[]>();
  readonly #vvols = new Map<string, VvolPlace>();
  readonly #config: ArrayConfig;

  constructor(config: ArrayConfig) {
    this.#config = config;
    for (const group of config.storageGroups)
      for (const device of membersOf(config, group)) {
        const groups = this.#groups.get(device);
        if (groups) groups.push(group);
        else this.#groups.set(device, [group]);
      }
    for (const container of config.storageContainers)
      for (const resource of container.resources)
        for (const { device, wwn } of resource.volumes)
          this.#vvols.set(device, { container: container.id, resource: resource.id, wwn });
  }

  /** The groups that hold the device, directly or (parents) through a child. */
  groupsOf(device: string): readonly StorageGroup[] {
    return this.#groups.get(device) ?? [];
  }

  vvolOf(device: string): VvolPlace | undefined {
    return this.#vvols.get(device);
  }

  parentsOf(group: StorageGroup): readonly StorageGroup[] {
    return this.#config.storageGroups.filter((other) => other.children.some((child) => sameName(child, group.id)));
  }

  /** Views of exactly this group. */
  viewsOfGroup(group: StorageGroup): readonly MaskingView[] {
    return this.#config.maskingViews.filter((view) => sameName(view.storageGroup, group.id));
  }

  /** Views that present the device, through a group of its own or a parent. */
  viewsOf(device: string): readonly MaskingView[] {
    const names = new Set(this.groupsOf(device).map((group) => group.id.toLowerCase()));
    if (names.size === 0) return [];
    return this.#config.maskingViews.filter((view) => names.has(view.storageGroup.toLowerCase()));
  }

  /** Paths: initiators of the view's hosts times ports of its port group. */
  pathsOf(device: string): number {
    let paths = 0;
    for (const view of this.viewsOf(device)) {
      const ports = findNamed(this.#config.portGroups, view.portGroup)?.ports.length ?? 0;
      for (const host of hostsOfView(this.#config, view))
        paths += ports * (findNamed(this.#config.hosts, host)?.initiators.length ?? 0);
    }
    return paths;
  }
}

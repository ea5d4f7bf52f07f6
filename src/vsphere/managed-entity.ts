import { type InstanceUuid, instanceUuid } from '../ports/identity.ts';
import { text } from './decode.ts';

/** vCenter stores `/`, `\` and `%` in the names of objects as `%2f`, `%5c` and `%25` (vSphere API: ManagedEntity.name). */
export function displayName(stored: string): string {
  return stored.replace(/%(2f|5c|25)/gi, (code) => decodeURIComponent(code));
}

/** A VM's `instanceUuid` property; undefined when it is not set or no UUID. */
export function readInstanceUuid(node: unknown): InstanceUuid | undefined {
  const value = text(node);
  try {
    return value === undefined ? undefined : instanceUuid(value);
  } catch {
    return undefined;
  }
}

/** An object of the inventory, its name as stored. */
export interface NamedObject {
  readonly type: string;
  readonly name: string;
  /** Id of the object it lies in; undefined for the root, and for a VM in a vApp. */
  readonly parent: string | undefined;
}

/** The inventory path of an object, names as stored; the root folder is not part of it (vSphere API: SearchIndex). */
export function inventoryPath(objects: ReadonlyMap<string, NamedObject>, id: string): string {
  const names: string[] = [];
  const visited = new Set<string>();
  for (let at: string | undefined = id; at !== undefined && !visited.has(at); at = objects.get(at)?.parent) {
    visited.add(at);
    const name = objects.get(at)?.name;
    if (name !== undefined) names.unshift(name);
  }
  return samePath(names.join('/'));
}

/** Without slashes around it, and escaped characters in the one way that is compared. */
export const samePath = (path: string): string =>
  path.replace(/^\/+|\/+$/g, '').replace(/%(2f|5c|25)/gi, (code) => code.toLowerCase());

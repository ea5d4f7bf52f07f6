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

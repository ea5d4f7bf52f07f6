import { SnaphookError } from '../ports/errors.ts';
import type { DiskBacking, VirtualDisk, VmRecord } from '../ports/hypervisor.ts';

/**
 * Where the data of a VM lie, as vCenter shows it: one line a fact, compared as text. As long as the lines are the same, what
 * the plan found out about the disks is true.
 */
export function layoutOf({ disks, condition }: VmRecord): readonly string[] {
  return [
    ...disks.flatMap(diskLines),
    ...condition.snapshots.map(({ moRef, name }) => `VM snapshot "${name}" (${moRef})`),
  ];
}

function diskLines({ key, label, capacityBytes, diskMode, backing, condition }: VirtualDisk): readonly string[] {
  const name = `disk "${label}" (${key})`;
  return [
    `${name}: ${placeOf(backing)}, ${capacityBytes} bytes, ${diskMode}`,
    ...condition.chain.map((below, depth) => `${name}: level ${depth + 1} of its chain is "${below}"`),
  ];
}

function placeOf(backing: DiskBacking): string {
  switch (backing.kind) {
    case 'vvol':
      return `virtual volume "${backing.objectId}"`;
    case 'vmfs':
      return `file "${backing.fileName}" on ${backing.datastoreRef}, extents ${backing.extents.join(' ')}`;
    case 'rdm':
      return `raw device "${backing.canonicalName}" (${backing.compatibilityMode})`;
    case 'ambiguous':
      return `one of ${backing.candidates.join(', ')}`;
    case 'unsupported':
      return `unsupported, ${backing.reason}`;
  }
}

/** What is different, in words; empty when nothing is. */
export function layoutChanges(before: readonly string[], now: readonly string[]): readonly string[] {
  const known = new Set(before);
  const present = new Set(now);
  return [
    ...before.filter((line) => !present.has(line)).map((line) => `no longer: ${line}`),
    ...now.filter((line) => !known.has(line)).map((line) => `now: ${line}`),
  ];
}

/** Its disks lie where they lay when a kept snapshot of them was made. Errors: `E_VM_CHANGED`. */
export function requireUnchanged({ layout }: { readonly layout: readonly string[] }, now: VmRecord): void {
  const changes = layoutChanges(layout, layoutOf(now));
  if (changes.length === 0) return;
  throw new SnaphookError(
    'E_VM_CHANGED',
    `VM "${now.name}" is not as it was when it was captured: ${changes.join('; ')}`,
    { hint: 'The snapshot is of disks that are elsewhere, or of another size, by now. Nothing was changed.' },
  );
}

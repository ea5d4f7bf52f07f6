import type { DiskCondition } from '../ports/hypervisor.ts';
import { child, children, integer, text } from './decode.ts';

/** Reads what a `VirtualDisk` says of the way its data take to the storage (vSphere API: VirtualDisk, its backings). */
export function diskCondition(device: unknown): DiskCondition {
  const backing = child(device, 'backing');
  return {
    chain: chainBelow(backing),
    filters: children(device, 'iofilter')
      .map((filter) => text(filter) ?? '')
      .filter((filter) => filter !== ''),
    hostCache: hostCache(child(device, 'vFlashCacheConfigInfo')),
    encrypted: child(backing, 'keyId') !== undefined,
  };
}

function chainBelow(backing: unknown): readonly string[] {
  const chain: string[] = [];
  for (let link = child(backing, 'parent'); link !== undefined; link = child(link, 'parent')) {
    chain.push(text(child(link, 'backingObjectId')) ?? text(child(link, 'fileName')) ?? 'unnamed');
  }
  return chain;
}

/** A cache without reservation is configured and not there. A mode that is not told, or a new one, may be the worse one. */
function hostCache(config: unknown): DiskCondition['hostCache'] {
  if (config === undefined || integer(child(config, 'reservationInMB')) === 0) return 'none';
  return text(child(config, 'cacheMode')) === 'write_thru' ? 'write-through' : 'write-back';
}

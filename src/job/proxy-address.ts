import type { DeviceId } from '../ports/identity.ts';
import type { Presentation } from '../ports/storage-array.ts';

/** How the array shows a device to the proxy, for people: `… LUN 4 at iqn.… by view "MV-pool"`. */
export function addressText(device: DeviceId, presentations: readonly Presentation[], proxyHost: string): string {
  const own = presentations.filter(({ host }) => host?.toLowerCase() === proxyHost.toLowerCase());
  if (own.length === 0) return `no masking view shows target "${device}" to host "${proxyHost}"`;
  const where = own.map(({ view, paths }) => {
    const addresses = paths.map(({ initiator, lun }) => `LUN ${lun ?? 'not told'} at ${initiator}`);
    return `${addresses.join(', ') || 'at no address told'} by view "${view}"`;
  });
  return `the array shows target "${device}" to host "${proxyHost}": ${where.join('; ')}`;
}

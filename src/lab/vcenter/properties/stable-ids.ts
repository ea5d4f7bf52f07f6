import { createHash } from 'node:crypto';

/** Hex digits that depend on the seed only, for ids the inventory does not name. */
export function stableHex(seed: string, digits: number): string {
  return createHash('sha256').update(seed).digest('hex').slice(0, digits);
}

/** A VMFS volume's uuid: `8-8-4-12` hex digits. */
export function stableVmfsUuid(seed: string): string {
  const hex = stableHex(seed, 32);
  return [hex.slice(0, 8), hex.slice(8, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** What the guest sees of a virtual disk: `6000C29` and 25 more digits, written as a uuid. */
export function stableDiskUuid(seed: string): string {
  const hex = `6000C29${stableHex(seed, 25)}`;
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

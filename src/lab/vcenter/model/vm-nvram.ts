import { createHash } from 'node:crypto';
import type { VmInventory } from '../inventory.ts';
import { homeDirectory } from './vm-home.ts';

const NVRAM_BYTES = 270_840;

/** The name that the configuration has for it, in the folder of the VM. */
export const nvramNameOf = ({ name, extraConfig }: VmInventory): string => extraConfig?.nvram ?? `${name}.nvram`;

export const nvramPathOf = (spec: VmInventory): string => `${homeDirectory(spec)}/${nvramNameOf(spec)}`;

/** What its firmware starts with; undefined: of a VM that was never powered on, and was given none. */
export const nvramOf = (spec: VmInventory): Buffer | undefined =>
  spec.nvramFiles ? spec.nvramFiles[nvramNameOf(spec)] : writtenNvram(spec);

/** A VM that starts without settings writes its own. */
export const withNvram = (spec: VmInventory): VmInventory =>
  nvramOf(spec) ? spec : { ...spec, nvramFiles: { ...spec.nvramFiles, [nvramNameOf(spec)]: writtenNvram(spec) } };

/** Bytes that are no text and differ from VM to VM. Those of an encrypted VM are not even known as settings of a firmware. */
function writtenNvram({ biosUuid, keyId }: VmInventory): Buffer {
  const seed = createHash('sha256')
    .update(biosUuid + (keyId ?? ''))
    .digest();
  if (keyId !== undefined) return createHash('shake256', { outputLength: NVRAM_BYTES }).update(seed).digest();
  return Buffer.alloc(NVRAM_BYTES, Buffer.concat([Buffer.from('MRVN'), seed]));
}

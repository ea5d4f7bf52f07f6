import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import { isSameFolder } from './mount-folders.ts';
import type { PowerShell } from './powershell-session.ts';
import { shadowCopiesOf, type WindowsShadowCopy, type WindowsVolume } from './windows-disks.ts';

/** VSS tells of the shadow copies in a volume a while after its disk went online. No source says how long; this is generous. */
const SHADOW_COPIES_MS = 60_000;
const POLL_MS = 1_000;

/** A shadow copy that a guest left in a volume which is online here. */
export interface FoundShadowCopy {
  /** As it was asked for. */
  readonly id: string;
  /** Of its device object. It is another one whenever the disk goes online. */
  readonly deviceNumber: number;
}

/**
 * The wanted shadow copy that lies in this volume: known by its id, and by the volume that Windows names for it, as another copy of the
 * same disk has one of the same id, and the proxy has shadow copies of its own. Undefined: Windows tells of none.
 * Errors: `E_PROXY` where it tells of one that cannot be told from another, or be linked to.
 */
export async function shadowCopyOf(
  shell: PowerShell,
  volume: WindowsVolume,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<FoundShadowCopy | undefined> {
  return inVolume(await shadowCopiesOf(shell, signal), volume, wanted);
}

/** Waits, for a while, until Windows tells of a wanted shadow copy in each of the volumes. How many have one. */
export async function awaitShadowCopies(
  shell: PowerShell,
  clock: Clock,
  volumes: readonly WindowsVolume[],
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const untilMs = clock.monotonicMs() + SHADOW_COPIES_MS;
  for (;;) {
    const copies = volumes.length > 0 ? await shadowCopiesOf(shell, signal) : [];
    const count = volumes.filter((volume) => inVolume(copies, volume, wanted) !== undefined).length;
    if (count === volumes.length || clock.monotonicMs() >= untilMs) return count;
    await clock.sleep(POLL_MS, signal);
  }
}

function inVolume(
  copies: readonly WindowsShadowCopy[],
  volume: WindowsVolume,
  wanted: readonly string[],
): FoundShadowCopy | undefined {
  const [found, second] = wanted.flatMap((id) =>
    copies
      .filter(({ ID, VolumeName }) => isSameId(ID, id) && isSameFolder(VolumeName, volume.Path))
      .map(({ DeviceObject }) => ({ id, DeviceObject })),
  );
  if (found === undefined) return undefined;
  const deviceNumber = deviceNumberIn(found.DeviceObject);
  if (second === undefined && deviceNumber !== undefined) return { id: found.id, deviceNumber };
  const what =
    second === undefined
      ? `has the device object "${found.DeviceObject}", which is none of a shadow copy`
      : 'is one of several that the run has left in one volume';
  throw new SnaphookError('E_PROXY', `shadow copy "${found.id}" in volume "${volume.Path}" ${what}`, {
    hint: 'See what `vssadmin list shadows` says on the proxy while the disk is online.',
  });
}

/** Braces and upper case are how Windows writes what others write without. */
export const isSameId = (a: string, b: string): boolean => plain(a) === plain(b);
const plain = (id: string): string => id.replace(/[{}]/g, '').toLowerCase();

/**
 * Which device object a text names, as Win32_ShadowCopy tells it, or as a link that was made to it is read: Windows keeps `\\?\` as `\??\`
 * in links. Undefined: none of a shadow copy.
 */
export function deviceNumberIn(text: string): number | undefined {
  const [, number] = /^\\(?:\\\?|\?\?)\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy(\d{1,9})\\?$/i.exec(text) ?? [];
  return number === undefined ? undefined : Number(number);
}

import { malformed } from './messages.ts';
import { ownEntry } from './own-names.ts';

/** One FBA cylinder is 15 tracks of 128 KiB = 1.875 MiB. */
const MB_PER_CYLINDER = 1.875;

const hexOfAscii = (text: string): string => Buffer.from(text, 'ascii').toString('hex').toUpperCase();

/** `6000097` + `0` + 12 digits of the array + ASCII of `S` and the device id. */
export const wwnOfDevice = (arrayId: string, device: string): string => `60000970${arrayId}${hexOfAscii(`S${device}`)}`;

/** The form of identifiers that are not tied to the array serial: mobility ids, containers, groups, vVols. */
export const arrayUniqueGuid = (arrayId: string, family: number, counter: number): string =>
  `600009700B${arrayId.slice(-8)}${family.toString(16).padStart(2, '0')}${counter.toString(16).padStart(12, '0')}`.toUpperCase();

export const MOBILITY_FAMILY = 0x1d;

/** NVMe identity: the WWN in another order. */
export const nguidOfWwn = (wwn: string): string =>
  `${wwn.slice(16)}${wwn.slice(1, 7)}${wwn[0] ?? ''}${wwn.slice(7, 16)}`;

const round2 = (value: number): number => Math.round(value * 100) / 100;

/** Capacities as Unisphere rounds them: 547 cylinders are 1 GB and 1026 MB. */
export const capacityOf = (cylinders: number): { readonly gb: number; readonly mb: number; readonly tb: number } => ({
  gb: round2((cylinders * MB_PER_CYLINDER) / 1024),
  mb: Math.round(cylinders * MB_PER_CYLINDER),
  tb: round2((cylinders * MB_PER_CYLINDER) / 1024 / 1024),
});

/** As the storage group snapshot calls show sizes: 547 cylinders are 1.0015869. */
export const exactGb = (cylinders: number): number => Number(((cylinders * MB_PER_CYLINDER) / 1024).toPrecision(8));

const MB_PER_UNIT: Readonly<Record<string, number>> = { MB: 1, GB: 1024, TB: 1024 * 1024, CYL: MB_PER_CYLINDER };

/** A request is rounded up to whole cylinders. */
export function cylindersFor(size: number, unit: string): number {
  const perUnit = ownEntry(MB_PER_UNIT, unit.toUpperCase());
  if (perUnit === undefined) throw malformed(`The capacity unit ${unit} is not valid`);
  return Math.ceil(Number(((size * perUnit) / MB_PER_CYLINDER).toFixed(6)));
}

export const parseDeviceId = (text: string): number => Number.parseInt(text, 16);
export const formatDeviceId = (value: number): string => value.toString(16).toUpperCase().padStart(5, '0');

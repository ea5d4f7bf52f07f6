import type { VmfsVolume } from './devices/vmfs-header.ts';
import { ARRAY_ID } from './estate-array.ts';
import { vvolWwn, wwnOf } from './estate-identity.ts';

/** A VMFS datastore of the estate: its extents on the array, head first, and what is written on them. */
export interface EstateDatastore {
  readonly name: string;
  readonly extents: readonly string[];
  readonly volume: VmfsVolume;
}

export const DATASTORE: EstateDatastore = {
  name: 'vmfs-ds01',
  extents: ['00201', '00202'],
  volume: {
    uuid: '5f3c2a10-0b7d9e4c-1a2b-000c29a1b2c3',
    label: 'vmfs-ds01',
    volumeUuid: '5f3c2a0f-1d2e3f40-0a1b-000c29a1b2c0',
  },
};
export const SECOND_DATASTORE: EstateDatastore = {
  name: 'vmfs-ds02',
  extents: ['00211', '00212'],
  volume: {
    uuid: '60a1b2c3-4d5e6f70-2b3c-000c29d4e5f6',
    label: 'vmfs-ds02',
    volumeUuid: '60a1b2c2-5e6f7081-3c4d-000c29d4e5f0',
  },
};

/** A raw device whose WWN is a mobility id, and one that took over the name of a device of an array that is gone. */
export const MOBILE = { device: '00311', wwn: '600009700b97900046001d0000000311' };
export const INHERITED = { device: '00312', effectiveWwn: wwnOf('000197900001', '00077') };
/** One disk of each kind: a virtual volume, a raw device, and a file on the second datastore. */
export const MIXED = { vvol: '00321', raw: '00322' };

/** What hosts see of a device. */
export function seenWwn(device: string): string {
  if (device === MOBILE.device) return MOBILE.wwn;
  return device === INHERITED.device ? INHERITED.effectiveWwn : wwnOf(ARRAY_ID, device);
}

/** Sizes of their own, so that nobody else waits for their targets. */
const MOBILE_CYLINDERS = 7;
const MIXED_CYLINDERS = 9;
export const EXTENT_CYLINDERS = 16;

export const MORE_DEVICES = [
  ...[MOBILE.device, INHERITED.device, '00611', '00612'].map((id) => ({ id, cylinders: MOBILE_CYLINDERS })),
  ...[MIXED.vvol, MIXED.raw, '00613', '00614'].map((id) => ({ id, cylinders: MIXED_CYLINDERS })),
  ...[...DATASTORE.extents, ...SECOND_DATASTORE.extents, '00601', '00602', '00603', '00604'].map((id) => ({
    id,
    cylinders: EXTENT_CYLINDERS,
  })),
];
export const MORE_LUNS = [...SECOND_DATASTORE.extents, MOBILE.device, INHERITED.device, MIXED.raw];
export const MORE_TARGETS = ['00603', '00604', '00611', '00612', '00613', '00614'];
export const MORE_NAMES = {
  [MOBILE.device]: { mobilityWwn: MOBILE.wwn },
  [INHERITED.device]: { effectiveWwn: INHERITED.effectiveWwn },
};
export const MORE_SIZES = { mobile: MOBILE_CYLINDERS, mixed: MIXED_CYLINDERS };
export const MIXED_VVOL_ID = vvolWwn(MIXED.vvol);

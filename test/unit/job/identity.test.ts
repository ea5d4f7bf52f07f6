import {
  type ArrayAnswer,
  checkAgreement,
  checkDatastore,
  checkOneArray,
  findDevice,
  type VmDisk,
} from '../../../src/job/identity.ts';
import { bytesOfCylinders } from '../../../src/job/plan.ts';
import type { DiskBacking } from '../../../src/ports/hypervisor.ts';
import { arrayId, deviceId, instanceUuid, moRef, wwn } from '../../../src/ports/identity.ts';
import type { ArrayFacts, Device, IdentityClue, StorageArray } from '../../../src/ports/storage-array.ts';
import { PLAIN_DISK, QUIET_VM } from '../../contract/quiet-conditions.ts';

const A = '000197900046';
const B = '000197900047';
const NAME = 'naa.60000970000197900046533030324538';
const CYLINDERS = 10;

const device = (id: string, change: Partial<Device> = {}): Device => ({
  id: deviceId(id),
  effectiveWwn: wwn(NAME.slice(4)),
  wwn: wwn(NAME.slice(4)),
  identifier: undefined,
  cylinders: CYLINDERS,
  emulation: 'FBA',
  type: 'TDEV',
  snapshotSource: false,
  linkTarget: false,
  storageGroups: [],
  maskingViews: [],
  ...change,
});

/** What an array answers for the only identity; it is asked nothing else. */
const answer = (id: string, devices: readonly Device[], clue: Partial<IdentityClue> = {}): ArrayAnswer => ({
  array: { id: arrayId(id) } as StorageArray, // nothing of it is called
  facts: {} as ArrayFacts, // not looked at
  inventory: {
    sources: [devices],
    clues: [
      {
        foundBy: devices.length > 0 ? 'effective WWN' : undefined,
        decoded: { arrayId: arrayId(A), deviceId: deviceId('002E8') },
        decodedDevice: undefined,
        shownAsVvol: undefined,
        ...clue,
      },
    ],
    pool: [],
  },
  containers: new Map(),
});

const owner = (backing: DiskBacking, capacityBytes = bytesOfCylinders(CYLINDERS)): VmDisk => ({
  vm: {
    instanceUuid: instanceUuid('11111111-2222-3333-4444-555555555555'),
    moRef: moRef('vm-1'),
    name: 'sql01',
    poweredOn: true,
    template: false,
    connected: true,
    guestHostName: undefined,
    guestAddress: undefined,
    guestFamily: undefined,
    disks: [],
    condition: QUIET_VM,
  },
  disk: {
    key: 2000,
    label: 'Hard disk 1',
    capacityBytes,
    guestDiskUuid: undefined,
    diskMode: 'persistent',
    onSnapshot: false,
    sharedByWriters: false,
    backing,
    condition: PLAIN_DISK,
  },
});

const rdm = (lunBytes: number | undefined = bytesOfCylinders(CYLINDERS)) =>
  owner({ kind: 'rdm', canonicalName: NAME, compatibilityMode: 'physical', lunBytes, mappingFile: '[ds] raw.vmdk' });
const vvol = (change: { vasaArrays?: readonly string[]; bytes?: number } = {}) =>
  owner(
    {
      kind: 'vvol',
      objectId: NAME,
      datastore: 'gold',
      datastoreRef: moRef('datastore-1'),
      containerId: 'vvol:1-2',
      vasaArrays: change.vasaArrays ?? [`com.emc:${A}`],
    },
    change.bytes,
  );

const identify = (answers: readonly ArrayAnswer[], disk: VmDisk) => {
  const found = findDevice(NAME, 0, answers, disk);
  return { device: found.device, foundBy: found.foundBy, notes: checkAgreement(found, answers, disk) };
};

const errorOf = (answers: readonly ArrayAnswer[], disk: VmDisk) => {
  try {
    return { found: identify(answers, disk) };
  } catch (error) {
    return error;
  }
};

test('what vCenter, the name itself and the array say of one device is accepted without a remark', () => {
  expect(identify([answer(A, [device('002E8')]), answer(B, [])], rdm())).toMatchObject({
    device: { id: '002E8' },
    foundBy: 'effective WWN',
    notes: [],
  });
});

test.each<[string, readonly ArrayAnswer[], VmDisk, string, RegExp]>([
  [
    'two devices of one array show the name',
    [answer(A, [device('002E8'), device('00300')])],
    rdm(),
    'E_DEVICE_AMBIGUOUS',
    /000197900046\/002E8, 000197900046\/00300/,
  ],
  [
    'devices of two arrays show the name',
    [answer(A, [device('002E8')]), answer(B, [device('00001')])],
    rdm(),
    'E_DEVICE_AMBIGUOUS',
    /000197900046\/002E8, 000197900047\/00001/,
  ],
  [
    'the device in the name shows another one, and another device shows it',
    [
      answer(A, [device('00300', { wwn: wwn('6'.repeat(32)) })], {
        decodedDevice: device('002E8', { effectiveWwn: wwn('7'.repeat(32)) }),
      }),
    ],
    rdm(),
    'E_DEVICE_AMBIGUOUS',
    /names device 000197900046\/002E8 by itself, which shows "7{32}", but device 000197900046\/00300 shows it/,
  ],
  [
    'a device has the WWN of another as its own',
    [answer(B, [device('00300')])],
    rdm(),
    'E_DEVICE_AMBIGUOUS',
    /names device 000197900046\/002E8 by itself, but device 000197900047\/00300/,
  ],
  ['no array knows the name', [answer(A, []), answer(B, [])], rdm(), 'E_DEVICE_NOT_FOUND', /names device "002E8"/],
  [
    'the device is a mainframe device',
    [answer(A, [device('002E8', { emulation: 'CKD-3390' })])],
    rdm(),
    'E_DEVICE_UNFIT',
    /CKD/,
  ],
  [
    'the host shows another size',
    [answer(A, [device('002E8')])],
    rdm(512),
    'E_DEVICE_UNFIT',
    /512 bytes on its ESXi host/,
  ],
  [
    'the device is smaller than the disk',
    [answer(A, [device('002E8', { cylinders: 9 })])],
    vvol(),
    'E_DEVICE_UNFIT',
    /less than disk "Hard disk 1"/,
  ],
  [
    'the storage container is of another array',
    [answer(A, [device('002E8')])],
    vvol({ vasaArrays: [`com.emc:${B}`] }),
    'E_DEVICE_UNFIT',
    /storage container of array 000197900047/,
  ],
  [
    'another array has the storage container',
    [answer(A, [device('002E8')]), { ...answer(B, []), containers: new Map([['vvol:1-2', 'gold']]) }],
    vvol(),
    'E_DEVICE_UNFIT',
    /storage container "gold" of array 000197900047, but device 000197900046\/002E8/,
  ],
  [
    'a device that is no vVol has the id of the vVol',
    [answer(A, [device('002E8')], { shownAsVvol: false })],
    vvol(),
    'E_DEVICE_UNFIT',
    /device 000197900046\/002E8, which shows its id, is not among the vVols/,
  ],
  [
    'only a label leads to the device, and the storage container names no array',
    [answer(A, [device('002E8')], { foundBy: 'identifier' })],
    vvol({ vasaArrays: [] }),
    'E_DEVICE_AMBIGUOUS',
    /only named by the identifier/,
  ],
  [
    'only a label leads to the device, and its size does not fit',
    [answer(A, [device('002E8', { cylinders: 99 })], { foundBy: 'identifier' })],
    vvol(),
    'E_DEVICE_AMBIGUOUS',
    /only named by the identifier/,
  ],
])('%s: refused, and every candidate is named', (_what, answers, disk, code, message) => {
  expect(errorOf(answers, disk)).toMatchObject({ code, message: expect.stringMatching(message) });
});

test('an inherited name is accepted with a remark: the device has a WWN of its own beside it', () => {
  const inherited = device('00300', { wwn: wwn('6'.repeat(32)) });
  expect(identify([answer(B, [inherited])], rdm()).notes).toEqual([expect.stringContaining('inherited')]);
});

test('a vVol that size and storage container prove may be found by its label, with a remark', () => {
  const found = identify([answer(A, [device('002E8')], { foundBy: 'identifier' })], vvol());
  expect(found.notes).toEqual([expect.stringContaining('identifier')]);
});

test('a vVol device much larger than its disk is told', () => {
  const found = identify([answer(A, [device('002E8', { cylinders: 12 })])], vvol());
  expect(found.notes).toEqual([expect.stringContaining('larger')]);
});

test('a storage container that no configured array shows is told, and one that its array shows is not', () => {
  const on = (name: string | undefined) => {
    const one = { ...answer(A, [device('002E8')]), containers: new Map([['vvol:1-2', name]]) };
    return identify([one], vvol({ vasaArrays: [] })).notes;
  };
  expect(on('gold')).toEqual([]);
  expect(on(undefined)).toEqual([expect.stringMatching(/no configured array shows .*"vvol:1-2".*"gold"/)]);
});

describe('a datastore', () => {
  const on = (datastoreBytes: number) =>
    owner({
      kind: 'vmfs',
      fileName: '[ds] a.vmdk',
      datastore: 'ds',
      datastoreRef: moRef('datastore-1'),
      extents: [NAME, NAME],
      vmfsUuid: undefined,
      datastoreBytes,
    });
  const extent = (array: string, id: string) => ({
    identity: NAME,
    answer: answer(array, []),
    device: device(id),
    foundBy: 'effective WWN' as const,
    shownAsVvol: undefined,
    clues: [],
  });

  test('whose extents hold it all is accepted', () => {
    checkDatastore(on(bytesOfCylinders(20)), [extent(A, '00001'), extent(A, '00002')]);
  });

  test('larger than its extents is refused: one of them is not the device vCenter means, or is missing', () => {
    expect(() => checkDatastore(on(bytesOfCylinders(20) + 1), [extent(A, '00001'), extent(A, '00002')])).toThrow(
      expect.objectContaining({ code: 'E_DEVICE_UNFIT' }),
    );
  });

  test('on two arrays is refused, naming the devices', () => {
    expect(() => checkOneArray(on(1), [extent(A, '00001'), extent(B, '00002')])).toThrow(
      expect.objectContaining({
        code: 'E_DEVICE_UNFIT',
        message: 'datastore "ds" lies on 2 arrays (000197900046/00001, 000197900047/00002): no common point in time',
      }),
    );
  });
});

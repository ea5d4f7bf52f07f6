import { deviceId } from '../../../src/ports/identity.ts';
import { plainSnapshotName } from '../../../src/powermax/device-lists.ts';
import { deviceSnapshots } from '../../../src/powermax/device-snapshots.ts';
import { asBody, bodies, count, flag, list } from '../../../src/powermax/schema.ts';
import { bulkVolume, classicVolume, deviceOf } from '../../../src/powermax/volume.ts';
import { fixture } from './fixture.ts';

test.each([
  [true, true],
  ['true', true],
  ['True', true],
  [false, false],
  ['false', false],
  [undefined, false],
  [null, false],
])('the boolean %j means %s', (value, expected) => {
  expect(flag({ value }, 'value')).toBe(expected);
});

test.each([
  [0, 0],
  ['0', 0],
  ['118749976833', 118749976833],
  [1639.0, 1639],
  ['N/A', undefined],
  ['', undefined],
  [undefined, undefined],
])('the number %j means %s', (value, expected) => {
  expect(count({ value }, 'value')).toBe(expected);
});

test('the first spelling that is there counts, null is absent, a single object is a list of one', () => {
  expect(count({ snap_id: null, snapId: 7 }, 'snap_id', 'snapId')).toBe(7);
  expect(list({ row: { a: 1 } }, 'row')).toEqual([{ a: 1 }]);
  expect(list({}, 'row')).toEqual([]);
});

test('an answer that is no object is refused with what was asked for', () => {
  expect(() => asBody('<html>', 'version')).toThrow(expect.objectContaining({ code: 'E_ARRAY' }));
});

test('a volume of the classic API becomes a device', () => {
  const volume = classicVolume(fixture('volume-get-in-storage-groups'));

  expect(deviceOf(volume, [])).toEqual({
    id: '002E8',
    effectiveWwn: '60000970000197900046533030324538',
    wwn: '60000970000197900046533030324538',
    identifier: 'csi-sample-vol',
    cylinders: 547,
    emulation: 'FBA',
    type: 'TDEV',
    snapshotSource: false,
    linkTarget: false,
    storageGroups: ['csi-TST-Optimized-SRP_1-SG', 'SG_FCSCSI_DL366064'],
    maskingViews: [],
  });
});

test('a volume in no group has none', () => {
  expect(classicVolume(fixture('volume-get')).storageGroups).toEqual([]);
});

test('a volume of the bulk API becomes a device, decimals and all', () => {
  const [row] = bodies(fixture('volumes-v1-10.3'), 'volumes').map(bulkVolume);

  expect(row && deviceOf(row.volume, row.maskingViews)).toMatchObject({
    id: '00465',
    effectiveWwn: '60000970000297901855533030343635',
    cylinders: 1639,
    snapshotSource: true,
    storageGroups: ['SDRlWK_sd_bulky_child_a_4', 'SDRlWK_sd_bulky_parent_a'],
  });
});

test('a volume without any WWN is no device a host could see', () => {
  const [row] = bodies(fixture('volumes-v1-sparse'), 'volumes').map(bulkVolume);

  expect(row?.volume.id).toBe('00001');
  expect(row && deviceOf(row.volume, [])).toBeUndefined();
});

test('the host of a view is known where the list tells it', () => {
  const views = [{ id: 'MV1', host: { id: 'proxy' } }, { id: 'MV2' }];

  expect(bulkVolume({ id: '00001', masking_views: views }).maskingViews).toEqual([
    { id: 'MV1', host: 'proxy' },
    { id: 'MV2', host: undefined },
  ]);
});

test('links of a device are read with target and define state', () => {
  expect(deviceSnapshots(fixture('device-snapshots-linked'), deviceId('00001'))).toEqual([
    {
      name: 'OS-390eeb67967014',
      snapId: 118749976833,
      source: '00001',
      linkedTargets: [{ target: '00002', defined: true }],
    },
  ]);
});

test('two snapshots of one name are two, each with its own link', () => {
  const found = deviceSnapshots(fixture('device-snapshots-two-ids'), deviceId('000AA'));

  expect(found.map(({ snapId, linkedTargets }) => [snapId, linkedTargets.map(({ target }) => target)])).toEqual([
    [118749976833, ['00002']],
    [118749976834, ['00003']],
  ]);
});

test('what a device is target of is not its own snapshot', () => {
  expect(deviceSnapshots(fixture('device-snapshots-target-side'), deviceId('00011'))).toEqual([]);
});

test('the singular shape of one generation is read like the list', () => {
  const body = {
    snapshotSrc: { snapshotName: 's', generation: 0, linkedDevices: [{ targetDevice: '00011', linked: 'false' }] },
  };

  expect(deviceSnapshots(body, deviceId('00001'))).toEqual([
    { name: 's', snapId: undefined, source: '00001', linkedTargets: [] },
  ]);
});

test.each([
  ['0064B-SRC-sh-run-1-0', 'sh-run-1'],
  ['0064B-SRC-a-SRC-b-12', 'a-SRC-b'],
  ['plain', 'plain'],
])('the list spelling %s holds the name %s', (spelled, name) => {
  expect(plainSnapshotName(spelled)).toBe(name);
});

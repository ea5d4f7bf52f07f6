import type { SourceDevice } from '../../../src/job/sources.ts';
import { chooseTargets } from '../../../src/job/targets.ts';
import { deviceId, instanceUuid, wwn } from '../../../src/ports/identity.ts';
import type { Device } from '../../../src/ports/storage-array.ts';
import { jobSpec } from './job-spec.ts';

const device = (id: string, change: Partial<Device> = {}): Device => ({
  id: deviceId(id),
  effectiveWwn: wwn(id.toLowerCase().padStart(32, '0')),
  wwn: undefined,
  identifier: undefined,
  cylinders: 100,
  emulation: 'FBA',
  type: 'TDEV',
  snapshotSource: false,
  linkTarget: false,
  storageGroups: ['pool'],
  maskingViews: [{ id: 'mv', host: 'proxy01' }],
  ...change,
});

const source = (id: string, cylinders = 100): SourceDevice => ({
  device: device(id, { cylinders, storageGroups: ['prod'], maskingViews: [] }),
  holds: 'disk',
  disks: [
    { vm: instanceUuid('11111111-2222-3333-4444-555555555555'), vmName: 'sql01', key: 2000, label: 'Hard disk 1' },
  ],
  diskBytes: 1,
  datastore: undefined,
  vmfsUuid: undefined,
});

const spec = jobSpec({ name: 'job', proxyHost: 'PROXY01', timeToLiveHours: 1 });

const choose = (pool: readonly Device[], change: Partial<Parameters<typeof chooseTargets>[0]> = {}) =>
  chooseTargets({ sources: [source('00001')], pool, spec, reserved: new Set(), preferred: new Map(), ...change });

test('a free device of the same size that only the proxy sees becomes the target', () => {
  expect(choose([device('00010')])).toMatchObject([{ device: { id: '00010' }, presentNeeded: false }]);
});

test.each<[string, Device, string]>([
  ['a linked device', device('00010', { linkTarget: true }), 'E_TARGET_NONE'],
  ['a device with snapshots of its own', device('00010', { snapshotSource: true }), 'E_TARGET_NONE'],
  ['a smaller device', device('00010', { cylinders: 99 }), 'E_TARGET_NONE'],
  ['a larger device', device('00010', { cylinders: 101 }), 'E_TARGET_NONE'],
  ['a device of another emulation', device('00010', { emulation: 'CKD' }), 'E_TARGET_NONE'],
  ['a device another host sees', device('00010', { maskingViews: [{ id: 'mv2', host: 'esx01' }] }), 'E_TARGET_UNFIT'],
  [
    'a device in a view of an unknown host',
    device('00010', { maskingViews: [{ id: 'mv2', host: undefined }] }),
    'E_TARGET_UNFIT',
  ],
  ['a device that nobody will see', device('00010', { maskingViews: [] }), 'E_TARGET_UNFIT'],
  ['a device that is replicated to another array', device('00010', { type: 'RDF1+TDEV' }), 'E_TARGET_NONE'],
])('%s is never chosen', (_name, candidate, code) => {
  expect(() => choose([candidate])).toThrow(expect.objectContaining({ code }));
});

test('a target planned by another run is not chosen', () => {
  expect(() => choose([device('00010')], { reserved: new Set(['00010']) })).toThrow(
    expect.objectContaining({ code: 'E_TARGET_NONE' }),
  );
});

test('a source that lies in the pool by mistake is never its own target', () => {
  expect(() => choose([device('00001')])).toThrow(expect.objectContaining({ code: 'E_TARGET_NONE' }));
});

test('two sources get two different targets', () => {
  const targets = choose([device('00010'), device('00011')], { sources: [source('00001'), source('00002')] });

  expect(new Set(targets.map((target) => target.device.id)).size).toBe(2);
});

test('a target outside the presented group is to be added to it', () => {
  const targets = choose([device('00010', { maskingViews: [] })], { spec: { ...spec, presentGroup: 'to-proxy' } });

  expect(targets[0]?.presentNeeded).toBe(true);
});

describe('the target of the last run', () => {
  const ids = (targets: ReturnType<typeof choose>) => targets.map((target) => target.device.id);
  const sources = [source('00001'), source('00002')];
  const preferred = new Map([[deviceId('00002'), deviceId('00010')]]);
  const pool = ['00010', '00011', '00012'].map((id) => device(id));

  test('is taken again, and nobody else gets it before', () => {
    expect(ids(choose(pool, { sources, preferred }))).toEqual(['00011', '00010']);
  });

  test.each([
    ['linked', pool.map((one) => (one.id === '00010' ? { ...one, linkTarget: true } : one)), new Set<string>()],
    ['of another size', pool.map((one) => (one.id === '00010' ? { ...one, cylinders: 99 } : one)), new Set<string>()],
    ['out of the pool', pool.slice(1), new Set<string>()],
    ['planned by another run', pool, new Set(['00010'])],
  ])('is not taken when it is %s', (_name, members, reserved) => {
    expect(ids(choose(members, { sources, preferred, reserved }))).toEqual(['00011', '00012']);
  });
});

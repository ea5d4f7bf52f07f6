import { type CaptureTruth, marginOf, trueGrade } from './oracle.ts';

const DISK = '6000c29000000000000000000000000a';
const hold = {
  guest: 'vss-provider' as const,
  fromMs: 10,
  untilMs: 30,
  flushed: true,
  diskUuids: [DISK],
  applications: [{ required: true, quiesced: true }],
};
const perfect: CaptureTruth = {
  pointsOfDevices: [[{ snapId: 7, atMs: 20 }], [{ snapId: 7, atMs: 20 }]],
  holds: [hold],
  diskUuids: [DISK],
  hasOtherWriters: false,
};
const holdWith = (change: object): CaptureTruth => ({ ...perfect, holds: [{ ...hold, ...change }] });

test.each<[string, CaptureTruth, string]>([
  ['one point inside a flushed hold with quiet applications', perfect, 'application'],
  ['the hold lasts', holdWith({ untilMs: undefined }), 'application'],
  [
    'a writer that does not count was not quiet',
    holdWith({ applications: [{ required: false, quiesced: false }] }),
    'application',
  ],
  ['a required writer was not quiet', holdWith({ applications: [{ required: true, quiesced: false }] }), 'filesystem'],
  [
    'an application of a Linux guest was quiet, and one that does not count was not',
    holdWith({
      guest: 'linux-fsfreeze',
      applications: [
        { required: true, quiesced: true },
        { required: false, quiesced: false },
      ],
    }),
    'application',
  ],
  [
    'nobody named an application of a Linux guest',
    holdWith({ guest: 'linux-fsfreeze', applications: [{ required: false, quiesced: true }] }),
    'filesystem',
  ],
  ['a Windows guest has no writer that counts', holdWith({ applications: [] }), 'application'],
  ['VMware Tools held', holdWith({ guest: 'vmware-tools', applications: [] }), 'filesystem'],
  [
    'shadow copies were there, and are what is read',
    { ...holdWith({ guest: 'vss-diskshadow' }), readsShadowCopies: true },
    'application',
  ],
  [
    'shadow copies without a writer that was verified are read',
    { ...holdWith({ guest: 'vss-diskshadow', applications: [] }), readsShadowCopies: true },
    'filesystem',
  ],
  ['shadow copies were there, and the volumes are read', holdWith({ guest: 'vss-diskshadow' }), 'crash'],
  [
    'shadow copies were gone at the point',
    { ...holdWith({ guest: 'vss-diskshadow', untilMs: 20 }), readsShadowCopies: true },
    'crash',
  ],
  ['a disk was not held', { ...perfect, diskUuids: [DISK, 'other'] }, 'crash'],
  ['a disk is not known to the guest', { ...perfect, diskUuids: [DISK, undefined] }, 'crash'],
  ['nothing was flushed', holdWith({ flushed: false }), 'crash'],
  ['the hold began after the point', holdWith({ fromMs: 21 }), 'crash'],
  ['the hold had ended at the point', holdWith({ untilMs: 20 }), 'crash'],
  ['nobody was held', { ...perfect, holds: [] }, 'crash'],
  ['others write to a disk', { ...perfect, hasOtherWriters: true }, 'crash'],
  ['a device has no point', { ...perfect, pointsOfDevices: [[{ snapId: 7, atMs: 20 }], []] }, 'unknown'],
  ['nothing was captured', { ...perfect, pointsOfDevices: [] }, 'unknown'],
  [
    'two points in time',
    { ...perfect, pointsOfDevices: [[{ snapId: 7, atMs: 20 }], [{ snapId: 8, atMs: 21 }]] },
    'unknown',
  ],
  [
    'two generations on a device',
    {
      ...perfect,
      pointsOfDevices: [
        [
          { snapId: 7, atMs: 20 },
          { snapId: 8, atMs: 25 },
        ],
      ],
    },
    'unknown',
  ],
])('%s', (_case, truth, grade) => {
  expect(trueGrade(truth)).toBe(grade);
});

test('a grade above the truth has a negative margin, one below it a positive one', () => {
  expect(marginOf('filesystem', 'application')).toBeLessThan(0);
  expect(marginOf('filesystem', 'filesystem')).toBe(0);
  expect(marginOf('filesystem', 'crash')).toBeGreaterThan(0);
});

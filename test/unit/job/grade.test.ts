import { gradeOf, isLower, type VmEvidence } from '../../../src/job/grade.ts';
import { deviceId } from '../../../src/ports/identity.ts';

const DISKS = ['6000c29000000000000000000000000a', '6000c29000000000000000000000000b'];
const WRITER = {
  id: 'a65faa63-5ea8-4ebc-9dbd-a0c4db26912a',
  name: 'SqlServerWriter',
  state: 1,
  hresult: '0x00000000',
  required: true,
};
const DEVICES = [deviceId('00001'), deviceId('00002')];
const snapshot = (source: (typeof DEVICES)[number], snapId: number | undefined) => ({
  name: 's',
  snapId,
  source,
  linkedTargets: [],
});

const perfect: VmEvidence = {
  times: {
    freezeRequestedMs: 0,
    frozenMs: 10,
    establishSentMs: 10,
    establishConfirmedMs: 20,
    thawSentMs: 21,
    thawedMs: 25,
  },
  guest: {
    strategy: 'vss-provider',
    writersBefore: [WRITER],
    volumes: DISKS.map((uuid, index) => ({ name: `${'DE'[index]}:\\`, diskUuids: [uuid] })),
    freeze: {
      verdict: { kind: 'released', heldMs: 11 },
      result: '0x0004230A',
      finished: true,
      flushed: true,
      writersAfter: [{ ...WRITER, state: 5 }],
    },
  },
  devices: DEVICES,
  snapshots: DEVICES.map((device) => snapshot(device, 7)),
  capturedDiskUuids: DISKS,
  sharedDisks: [],
};

const guestWith = (change: object) => ({ ...perfect, guest: { ...perfect.guest, ...change } }) as VmEvidence; // shapes given below
const freezeWith = (change: object) => guestWith({ freeze: { ...perfect.guest?.freeze, ...change } });
const timesWith = (change: object) => ({ ...perfect, times: { ...perfect.times, ...change } });

test('complete evidence earns the application grade without reservations', () => {
  expect(gradeOf(perfect)).toEqual({ grade: 'application', reasons: [] });
});

test.each<[string, VmEvidence, string, RegExp]>([
  ['no guest was frozen', { ...perfect, guest: undefined }, 'crash', /not frozen/],
  ['the guest never confirmed the freeze', timesWith({ frozenMs: undefined }), 'crash', /never confirmed/],
  [
    'the establish was sent before the freeze was confirmed',
    timesWith({ establishSentMs: 9 }),
    'crash',
    /before the guest was frozen/,
  ],
  ['the establish was not confirmed', timesWith({ establishConfirmedMs: undefined }), 'crash', /did not confirm/],
  ['the thaw was sent before the establish was confirmed', timesWith({ thawSentMs: 19 }), 'crash', /thawed before/],
  ['the guest let go by itself', freezeWith({ verdict: { kind: 'expired', heldMs: 9000 } }), 'crash', /by itself/],
  ['the freeze did not finish', freezeWith({ finished: false, result: '0x80042314' }), 'crash', /0x80042314/],
  ['nothing was flushed', freezeWith({ flushed: false }), 'crash', /ended with/],
  ['the guest told nothing after the thaw', guestWith({ freeze: undefined }), 'crash', /did not tell/],
  [
    'a required writer failed',
    freezeWith({ writersAfter: [{ ...WRITER, state: 9, hresult: '0x800423F2' }] }),
    'filesystem',
    /failed/,
  ],
  [
    'a required writer was not stable before',
    guestWith({ writersBefore: [{ ...WRITER, state: 7 }] }),
    'filesystem',
    /not stable/,
  ],
  ['a required writer vanished', freezeWith({ writersAfter: [] }), 'filesystem', /not seen/],
  [
    'a captured disk holds no frozen volume',
    { ...perfect, capturedDiskUuids: [...DISKS, 'ffff'] },
    'filesystem',
    /no volume/,
  ],
  [
    'a captured disk shows no serial',
    { ...perfect, capturedDiskUuids: [DISKS[0], undefined] },
    'filesystem',
    /no volume/,
  ],
  ['a disk is shared with VMs that were not frozen', { ...perfect, sharedDisks: ['Hard disk 2'] }, 'crash', /shared/],
  [
    'two snap ids',
    { ...perfect, snapshots: [snapshot(DEVICES[0] ?? deviceId('0'), 7), snapshot(DEVICES[1] ?? deviceId('0'), 8)] },
    'unknown',
    /one point in time/,
  ],
  [
    'a device without a snapshot',
    { ...perfect, snapshots: perfect.snapshots.slice(0, 1) },
    'unknown',
    /exactly one snapshot/,
  ],
  [
    'no snap ids on several devices',
    { ...perfect, snapshots: DEVICES.map((device) => snapshot(device, undefined)) },
    'unknown',
    /no snap id/,
  ],
  ['no device', { ...perfect, devices: [], snapshots: [] }, 'unknown', /no device/],
])('the grade falls when %s', (_name, evidence, grade, reason) => {
  const graded = gradeOf(evidence);

  expect(graded.grade).toBe(grade);
  expect(graded.reasons.join('; ')).toMatch(reason);
});

test('a failure of a writer that nobody asked for does not lower the grade', () => {
  const stranger = { ...WRITER, id: 'x', name: 'WMI Writer', state: 9, required: false };

  expect(gradeOf(freezeWith({ writersAfter: [{ ...WRITER, state: 5 }, stranger] })).grade).toBe('application');
});

test('grades are ordered from application down to unknown', () => {
  expect(isLower('crash', 'application')).toBe(true);
  expect(isLower('application', 'application')).toBe(false);
  expect(isLower('application', 'crash')).toBe(false);
  expect(isLower('unknown', 'crash')).toBe(true);
});

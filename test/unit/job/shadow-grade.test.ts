import { gradeOf, type VmEvidence } from '../../../src/job/grade.ts';
import { deviceId } from '../../../src/ports/identity.ts';

const DISKS = ['6000c29000000000000000000000000a', '6000c29000000000000000000000000b'];
const WRITER = { id: 'a65faa63-5ea8-4ebc-9dbd-a0c4db26912a', name: 'SqlServerWriter', state: 1, verified: true };
const DEVICES = [deviceId('00001'), deviceId('00002')];
const COPIES = ['D:\\', 'E:\\'].map((volume, index) => ({
  id: `{copy-${index}}`,
  setId: '{set}',
  createdAt: '2026-01-01T00:00:00.000Z',
  volume,
}));

/** An array that took 12 s, far beyond what VSS lets anybody hold. */
const perfect: VmEvidence = {
  times: {
    freezeRequestedMs: 100,
    frozenMs: 100,
    establishSentMs: 100,
    establishConfirmedMs: 12_100,
    thawSentMs: 12_101,
    thawedMs: 12_101,
  },
  guest: {
    prepared: {
      strategy: 'vss-diskshadow',
      helper: 'diskshadow',
      leaseMs: 0,
      writersBefore: [WRITER],
      volumes: COPIES.map(({ volume }, index) => ({ name: volume, diskUuids: [DISKS[index] ?? ''] })),
    },
    freeze: {
      strategy: 'vss-diskshadow',
      verdict: { kind: 'not-held', heldMs: 0 },
      result: 'created',
      finished: true,
      flushed: true,
      shadowCopies: COPIES,
      madeMs: 90,
      lookedAgainMs: 12_150,
      lost: [],
      writersAfter: [{ ...WRITER, state: 5 }],
    },
  },
  devices: DEVICES,
  snapshots: DEVICES.map((source) => ({ name: 's', snapId: 7, source, createdAtMs: undefined, linkedTargets: [] })),
  capturedDiskUuids: DISKS,
  readsShadowCopies: true,
  sharedDisks: [],
  heldBackDisks: [],
  layoutDoubts: [],
};

// Shapes given below.
const guestWith = (change: object) => ({ ...perfect, guest: { ...perfect.guest, ...change } }) as VmEvidence;
const preparedWith = (change: object) => guestWith({ prepared: { ...perfect.guest?.prepared, ...change } });
const freezeWith = (change: object) => guestWith({ freeze: { ...perfect.guest?.freeze, ...change } });
const timesWith = (change: object) => ({ ...perfect, times: { ...perfect.times, ...change } });

test('shadow copies that are read, with verified writers, earn the application grade however slow the array was', () => {
  expect(gradeOf(perfect)).toEqual({ grade: 'application', reasons: [] });
});

test.each<[string, VmEvidence, string, RegExp]>([
  [
    'nobody could speak for a named application',
    preparedWith({ applications: [{ name: 'postgresql', required: true, quiet: false, problem: 'nobody is asked' }] }),
    'filesystem',
    /"postgresql" was not made quiet: nobody is asked/,
  ],
  ['what is handed over are the volumes themselves', { ...perfect, readsShadowCopies: false }, 'crash', /images show/],
  ['the guest told nothing afterwards', guestWith({ freeze: undefined }), 'crash', /did not tell/],
  [
    'the establish was sent before the copies were there',
    freezeWith({ madeMs: 101 }),
    'crash',
    /before the shadow copies/,
  ],
  ['the establish was never sent', timesWith({ establishSentMs: undefined }), 'crash', /before the shadow copies/],
  ['the establish was not confirmed', timesWith({ establishConfirmedMs: undefined }), 'crash', /did not confirm/],
  ['the copies were last seen before the array had answered', freezeWith({ lookedAgainMs: 12_099 }), 'crash', /again/],
  ['a copy was gone by then', freezeWith({ lost: ['{copy-1}'] }), 'crash', /"\{copy-1\}" was gone/],
  ['a volume has no copy', freezeWith({ shadowCopies: COPIES.slice(1) }), 'crash', /"D:\\" has no shadow copy/],
  ['the set did not end well', freezeWith({ finished: false, result: '0x80042306' }), 'crash', /0x80042306/],
  [
    'a captured disk holds no copied volume',
    { ...perfect, capturedDiskUuids: [...DISKS, 'ffff'] },
    'crash',
    /no volume/,
  ],
  ['a disk is shared', { ...perfect, sharedDisks: ['Hard disk 2'] }, 'crash', /shared/],
  ['the host may hold writes back', { ...perfect, heldBackDisks: ['Hard disk 2'] }, 'crash', /held back/],
  ['a disk may have moved', { ...perfect, layoutDoubts: ['now: disk elsewhere'] }, 'unknown', /elsewhere/],
  [
    'no writer was verified',
    preparedWith({ writersBefore: [{ ...WRITER, verified: false }] }),
    'filesystem',
    /no writer/,
  ],
  ['a verified writer failed', freezeWith({ writersAfter: [{ ...WRITER, state: 11 }] }), 'filesystem', /state 11/],
  [
    'one of two instances of a verified writer vanished',
    guestWith({
      prepared: { ...perfect.guest?.prepared, writersBefore: [WRITER, WRITER] },
      freeze: { ...perfect.guest?.freeze, writersAfter: [{ ...WRITER, state: 5 }] },
    }),
    'filesystem',
    /not seen/,
  ],
  ['a verified writer vanished', freezeWith({ writersAfter: [] }), 'filesystem', /not seen/],
])('the grade falls when %s', (_name, evidence, grade, reason) => {
  const graded = gradeOf(evidence);

  expect(graded.grade).toBe(grade);
  expect(graded.reasons.join('; ')).toMatch(reason);
});

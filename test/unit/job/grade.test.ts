import { gradeOf, isBelow, isLower, type VmEvidence } from '../../../src/job/grade.ts';
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
  createdAtMs: undefined,
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
    prepared: {
      strategy: 'vss-provider',
      helper: 'helper 1',
      leaseMs: 9000,
      writersBefore: [WRITER],
      volumes: DISKS.map((uuid, index) => ({ name: `${'DE'[index]}:\\`, diskUuids: [uuid] })),
    },
    freeze: {
      strategy: 'vss-provider',
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
  heldBackDisks: [],
  layoutDoubts: [],
};

const guestWith = (change: object) => ({ ...perfect, guest: { ...perfect.guest, ...change } }) as VmEvidence; // shapes given below
const preparedWith = (change: object) => guestWith({ prepared: { ...perfect.guest?.prepared, ...change } });
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
  [
    'the guest held writes for less time than the establish took',
    { ...timesWith({ establishConfirmedMs: 1010, thawSentMs: 1011 }) },
    'crash',
    /less than the establish took/,
  ],
  ['writes were held beyond the lease', freezeWith({ verdict: { kind: 'released', heldMs: 9001 } }), 'crash', /lease/],
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
    preparedWith({ writersBefore: [{ ...WRITER, state: 7 }] }),
    'filesystem',
    /not stable/,
  ],
  [
    'no writer has anything on the captured disks',
    guestWith({
      prepared: { ...perfect.guest?.prepared, writersBefore: [{ ...WRITER, required: false }] },
      freeze: { ...perfect.guest?.freeze, writersAfter: [{ ...WRITER, required: false }] },
    }),
    'filesystem',
    /no VSS writer/,
  ],
  ['a required writer vanished', freezeWith({ writersAfter: [] }), 'filesystem', /not seen/],
  [
    'one of two instances of a required writer vanished',
    preparedWith({ writersBefore: [WRITER, WRITER] }),
    'filesystem',
    /not seen/,
  ],
  [
    'a required writer failed and says that it has nothing on the captured disks any more',
    freezeWith({ writersAfter: [{ ...WRITER, state: 9, hresult: '0x800423F4', required: false }] }),
    'filesystem',
    /took no part/,
  ],
  [
    'a required writer still waits for its freeze',
    freezeWith({ writersAfter: [{ ...WRITER, state: 2 }] }),
    'filesystem',
    /did not come to the end/,
  ],
  [
    'a captured disk holds no frozen volume',
    { ...perfect, capturedDiskUuids: [...DISKS, 'ffff'] },
    'crash',
    /no volume/,
  ],
  [
    'a captured disk has a volume that nothing holds',
    preparedWith({ notHeld: ['F:\\'] }),
    'crash',
    /"F:\\" has no file system/,
  ],
  ['a captured disk shows no serial', { ...perfect, capturedDiskUuids: [DISKS[0], undefined] }, 'crash', /no volume/],
  ['a disk is shared with VMs that were not frozen', { ...perfect, sharedDisks: ['Hard disk 2'] }, 'crash', /shared/],
  [
    'writes may be held back on the host',
    { ...perfect, heldBackDisks: ['Hard disk 2'] },
    'crash',
    /"Hard disk 2".*held back/,
  ],
  ['a disk may have moved', { ...perfect, layoutDoubts: ['now: disk elsewhere'] }, 'unknown', /elsewhere/],
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

const NOT_HELD = expect.stringContaining('file systems were not held');

test('a hold of applications alone earns application, which says that file systems were not held', () => {
  const graded = gradeOf(preparedWith({ hold: 'precommit' }));

  expect(graded).toEqual({ grade: 'application', reasons: [NOT_HELD] });
});

test('where applications alone were held and one was not quiet, nothing is left but crash', () => {
  const failed = { ...perfect.guest?.freeze, writersAfter: [{ ...WRITER, state: 9, hresult: '0x800423F2' }] };
  const evidence = guestWith({ prepared: { ...perfect.guest?.prepared, hold: 'precommit' }, freeze: failed });

  expect(gradeOf(evidence)).toEqual({ grade: 'crash', reasons: [expect.stringContaining('failed'), NOT_HELD] });
});

test('applications alone are enough for application, and not for held file systems', () => {
  const evidence = preparedWith({ hold: 'precommit' });
  const graded = { ...gradeOf(evidence), evidence };

  expect(isBelow(graded, 'application')).toBe(false);
  expect(isBelow(graded, 'filesystem')).toBe(true);
  expect(isBelow(graded, 'crash')).toBe(false);
  expect(isBelow({ ...gradeOf(perfect), evidence: perfect }, 'filesystem')).toBe(false);
});

test('grades are ordered from application down to unknown', () => {
  expect(isLower('crash', 'application')).toBe(true);
  expect(isLower('application', 'application')).toBe(false);
  expect(isLower('application', 'crash')).toBe(false);
  expect(isLower('unknown', 'crash')).toBe(true);
});

const SCRIPT = { kind: 'script' as const, name: '10-postgresql', exitCode: 0, output: '' };
const PLUG_IN = { ...SCRIPT, kind: 'plug-in' as const, name: 'postgresql' };
const linux: VmEvidence = {
  ...perfect,
  guest: {
    prepared: {
      strategy: 'linux-fsfreeze',
      helper: 'helper 1',
      leaseMs: 10_000,
      volumes: DISKS.map((uuid, index) => ({ name: `/data${index}`, diskUuids: [uuid] })),
      swapDisks: [],
      notFreezable: [],
      applications: [{ name: 'postgresql', required: true, quiet: true }],
      scripts: [{ ...SCRIPT, phase: 'freeze' }],
    },
    freeze: {
      strategy: 'linux-fsfreeze',
      verdict: { kind: 'released', heldMs: 11 },
      result: 'released',
      finished: true,
      flushed: true,
      fileSystems: ['/data0', '/data1'].map((name) => ({ name, frozen: true, heldToTheEnd: true })),
      scripts: [{ ...SCRIPT, phase: 'thaw' }],
    },
  },
};
const linuxWith = (prepared: object, freeze: object = {}) =>
  ({
    ...linux,
    guest: { prepared: { ...linux.guest?.prepared, ...prepared }, freeze: { ...linux.guest?.freeze, ...freeze } },
  }) as VmEvidence; // shapes given below

test('a Linux guest whose application spoke for itself and whose file systems all stood still earns the application grade', () => {
  expect(gradeOf(linux)).toEqual({ grade: 'application', reasons: [] });
});

test('a plug-in that has nothing to do costs nothing', () => {
  const scripts = [
    { ...SCRIPT, phase: 'freeze' },
    { ...PLUG_IN, name: 'oracle', phase: 'freeze', exitCode: 99 },
  ];
  expect(gradeOf(linuxWith({ scripts })).grade).toBe('application');
});

test.each<[string, VmEvidence, string, RegExp]>([
  ['no application is named', linuxWith({ applications: [] }), 'filesystem', /no application/],
  [
    'a required application was not made quiet',
    linuxWith({ applications: [{ name: 'postgresql', required: true, quiet: false }] }),
    'filesystem',
    /"postgresql" was not made quiet/,
  ],
  [
    'a script failed before the freeze',
    linuxWith({ scripts: [{ ...SCRIPT, phase: 'freeze', exitCode: 3 }] }),
    'filesystem',
    /with 3/,
  ],
  [
    'a script failed after the thaw',
    linuxWith({}, { scripts: [{ ...SCRIPT, phase: 'thaw', exitCode: 1 }] }),
    'filesystem',
    /thaw with 1/,
  ],
  [
    'a script was told that the freeze was lost',
    linuxWith({}, { scripts: [{ ...SCRIPT, phase: 'freezeFail' }] }),
    'filesystem',
    /freezeFail/,
  ],
  [
    'a plug-in did not let its application go on as it should',
    linuxWith(
      { scripts: [{ ...PLUG_IN, phase: 'freeze' }] },
      { scripts: [{ ...PLUG_IN, phase: 'thaw', exitCode: 1 }] },
    ),
    'filesystem',
    /plug-in "postgresql" ended thaw with 1/,
  ],
  [
    'what a script of the same name said after the thaw is not the word of the plug-in',
    linuxWith(
      { scripts: [{ ...PLUG_IN, phase: 'freeze' }] },
      { scripts: [{ ...PLUG_IN, kind: 'script', phase: 'thaw' }] },
    ),
    'filesystem',
    /plug-in "postgresql" was not seen/,
  ],
  [
    'a plug-in that nobody asked for could not make its application quiet',
    linuxWith({
      applications: [
        { name: 'postgresql', required: true, quiet: true },
        { name: 'mongodb', required: false, quiet: false, problem: 'no answer' },
      ],
    }),
    'filesystem',
    /"mongodb" was not made quiet: no answer/,
  ],
  ['a script never ran after the thaw', linuxWith({}, { scripts: [] }), 'filesystem', /let its application go on/],
  [
    'a file system was thawed by somebody else',
    linuxWith(
      {},
      {
        fileSystems: [
          { name: '/data0', frozen: true, heldToTheEnd: false },
          { name: '/data1', frozen: true, heldToTheEnd: true },
        ],
      },
    ),
    'crash',
    /"\/data0" was not held/,
  ],
  [
    'a file system is not accounted for',
    linuxWith({}, { fileSystems: [{ name: '/data0', frozen: true, heldToTheEnd: true }] }),
    'crash',
    /"\/data1" was not seen/,
  ],
  [
    'a disk holds no mounted file system',
    linuxWith({ volumes: [{ name: '/data0', diskUuids: [DISKS[0]] }] }),
    'crash',
    /no volume/,
  ],
  [
    'something on a captured disk cannot be frozen',
    linuxWith({ notFreezable: ['/dev/sdb2 (neither mounted nor swap)'] }),
    'crash',
    /sdb2.* may have changed/,
  ],
  ['the guest was prepared for VSS', linuxWith({}, { strategy: 'vss-provider' }), 'crash', /in another/],
])('the grade of a Linux guest falls when %s', (_name, evidence, grade, reason) => {
  const graded = gradeOf(evidence);

  expect(graded.grade).toBe(grade);
  expect(graded.reasons.join('; ')).toMatch(reason);
});

test('a disk that is swap space and nothing else does not lower the grade', () => {
  const evidence = linuxWith(
    { volumes: [{ name: '/data0', diskUuids: [DISKS[0]] }], swapDisks: [DISKS[1]] },
    { fileSystems: [{ name: '/data0', frozen: true, heldToTheEnd: true }] },
  );

  expect(gradeOf(evidence).grade).toBe('application');
});

const managed: VmEvidence = {
  ...perfect,
  devices: [],
  snapshots: [],
  vmSnapshot: { count: 1, diskUuids: DISKS, quiescedByTools: false },
};
const vmSnapshotWith = (change: object): VmEvidence => ({
  ...managed,
  vmSnapshot: { count: 1, diskUuids: DISKS, quiescedByTools: false, ...change },
});
const byTools: VmEvidence = { ...vmSnapshotWith({ quiescedByTools: true }), guest: undefined };

test('a VM snapshot inside a freeze of ours earns what an array snapshot would', () => {
  expect(gradeOf(managed)).toEqual({ grade: 'application', reasons: [] });
});

test.each<[string, VmEvidence, string, RegExp]>([
  ['the VM does not have the snapshot', vmSnapshotWith({ count: 0 }), 'unknown', /0 snapshots/],
  ['the VM has two of the name', vmSnapshotWith({ count: 2 }), 'unknown', /2 snapshots/],
  ['a disk is no part of it', vmSnapshotWith({ diskUuids: [DISKS[0]] }), 'unknown', /no part of the snapshot/],
  ['vCenter shows a disk without serial', { ...managed, capturedDiskUuids: [undefined] }, 'unknown', /without serial/],
  ['nothing was captured', { ...managed, capturedDiskUuids: [] }, 'unknown', /no disk/],
  ['nobody froze the guest', { ...managed, guest: undefined }, 'crash', /not frozen/],
  [
    'its task was not seen to end inside the window',
    { ...managed, times: timesWith({ establishConfirmedMs: undefined }).times },
    'crash',
    /did not confirm/,
  ],
  ['VMware Tools quiesced it', byTools, 'filesystem', /VMware Tools/],
  [
    'Tools quiesced it, and vCenter never confirmed that',
    { ...byTools, times: timesWith({ establishConfirmedMs: undefined }).times },
    'crash',
    /did not confirm/,
  ],
  ['Tools quiesced it, and others write to a disk', { ...byTools, sharedDisks: ['Hard disk 1'] }, 'crash', /shared/],
  ['Tools quiesced it, and a host caches a disk', { ...byTools, heldBackDisks: ['Hard disk 1'] }, 'crash', /held back/],
  [
    'it holds a disk nobody planned',
    { ...managed, layoutDoubts: ['a disk was not planned'] },
    'unknown',
    /not planned/,
  ],
])('the grade of a VM snapshot is limited when %s', (_name, evidence, grade, reason) => {
  const graded = gradeOf(evidence);

  expect(graded.grade).toBe(grade);
  expect(graded.reasons.join('; ')).toMatch(reason);
});

const LEDGER = { name: 'ledger', required: true, quiet: true };
/** No writer has anything on the captured disks of this Windows guest; its application has a script and a plug-in. */
const spoken = (prepared: object = {}, freeze: object = {}) =>
  ({
    ...perfect,
    guest: {
      prepared: {
        ...perfect.guest?.prepared,
        writersBefore: [],
        applications: [LEDGER],
        scripts: [
          { ...SCRIPT, phase: 'freeze' },
          { ...PLUG_IN, phase: 'freeze' },
        ],
        ...prepared,
      },
      freeze: {
        ...perfect.guest?.freeze,
        writersAfter: [],
        scripts: [
          { ...PLUG_IN, phase: 'thaw' },
          { ...SCRIPT, phase: 'thaw' },
        ],
        ...freeze,
      },
    },
  }) as VmEvidence; // shapes given below

test('a Windows guest without a writer earns the application grade by an application that spoke for itself', () => {
  expect(gradeOf(spoken())).toEqual({ grade: 'application', reasons: [] });
});

test.each<[string, VmEvidence, RegExp]>([
  ['neither a writer nor an application is there', spoken({ applications: [] }), /no VSS writer has anything/],
  [
    'a named application was not made quiet',
    spoken({ applications: [{ ...LEDGER, quiet: false }] }),
    /"ledger" was not made quiet/,
  ],
  [
    'a plug-in that nobody asked for has a problem',
    spoken({ applications: [LEDGER, { name: 'mongodb', required: false, quiet: false, problem: 'outside' }] }),
    /"mongodb" was not made quiet: outside/,
  ],
  [
    'a script was told that the freeze was lost',
    spoken(
      {},
      {
        scripts: [
          { ...PLUG_IN, phase: 'thaw' },
          { ...SCRIPT, phase: 'freezeFail' },
        ],
      },
    ),
    /freezeFail/,
  ],
  ['nobody was seen to let go', spoken({}, { scripts: [] }), /was not seen to let its application go on/],
  [
    'a writer failed, though the application was quiet',
    spoken({ writersBefore: [WRITER] }, { writersAfter: [{ ...WRITER, state: 10, hresult: '0x800423F3' }] }),
    /SqlServerWriter/,
  ],
])('a Windows guest with scripts is filesystem when %s', (_, evidence, reason) => {
  const { grade, reasons } = gradeOf(evidence);
  expect(grade).toBe('filesystem');
  expect(reasons.join('; ')).toMatch(reason);
});

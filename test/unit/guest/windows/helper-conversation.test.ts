import { VSS_HELPER_PROTOCOL } from '../../../../src/guest/windows/vss-helper-protocol.ts';
import { createWindowsGuests } from '../../../../src/guest/windows/windows-guest.ts';
import type { WindowsGuestSettings } from '../../../../src/guest/windows/windows-guest-settings.ts';
import { winRmAccess } from '../../../../src/guest/windows/winrm-access.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import type { Guest } from '../../../../src/ports/guest.ts';
import { FREEZE_SOON, failureOf } from '../../../contract/guest.ts';
import { type HelperOutput, inputOf, startScriptedHelper, type WinRmPeer } from './winrm/winrm-peer.ts';

const DISK = '6000c29a1b2c3d4e5f60718293a4b5c6';
const line = (event: object): Buffer => Buffer.from(`${JSON.stringify(event)}\n`);
const HELLO = {
  event: 'hello',
  protocol: VSS_HELPER_PROTOCOL,
  helper: 'snaphook-vss 0.2.0',
  os: 'Windows',
  bootId: 'b',
};
const WRITER = { id: 'w', name: 'Grüner Writer', instance: 'i', state: 1, result: '0x00000000', selected: true };
const VOLUME = { volume: '\\\\?\\Volume{1}\\', mountPoint: 'D:\\', fileSystem: 'NTFS', disks: [DISK] };
const PREPARED = {
  event: 'prepared',
  writers: [WRITER],
  volumes: [VOLUME],
  components: [],
  excludedComponents: [],
  hasPrograms: true,
};
const FROZEN = { event: 'frozen', atMs: 1, freezeMs: 1 };
const WINDOWS_HOLD_MS = 700;
const THAWED = { event: 'thawed', heldMs: 7.5 };
const FINISHED = { event: 'finished', result: '0x0004230A', writers: [WRITER], events: [], scripts: [] };

let peer: WinRmPeer;
let guest: Guest;
const within = (durationMs = 5000) => AbortSignal.timeout(durationMs);
const request = { runId: 'l1k2m3n4-abcdef', diskUuids: [DISK], onSession: async () => undefined };

/** A helper that answers each command, and the release byte under `T`, with the given outputs. */
async function open(
  answers: Readonly<Record<string, readonly HelperOutput[]>>,
  greeting: readonly HelperOutput[] = [line(HELLO)],
  helperStartTimeoutMs = 5000,
): Promise<void> {
  const orderly: Readonly<Record<string, readonly HelperOutput[]>> = {
    prepare: [line(PREPARED)],
    quiesce: [line({ event: 'quiesced', scripts: [] })],
    freeze: [line(FROZEN)],
    T: [line(THAWED), line(FINISHED)],
    complete: [line({ event: 'completed', writers: [WRITER] })],
    abort: [line({ event: 'aborted' })],
    quit: [{ exitCode: 0 }],
    ...answers,
  };
  const respond = (input: string) => {
    const command = /"command":"(\w+)"/.exec(input)?.[1];
    return [...(input.startsWith('T') ? (orderly.T ?? []) : []), ...(command ? (orderly[command] ?? []) : [])];
  };
  peer = await startScriptedHelper(respond, greeting);
  const { port, ca } = peer;
  const settings: WindowsGuestSettings = {
    access: winRmAccess(
      {
        address: '127.0.0.1',
        port,
        scheme: 'https',
        authentication: 'basic',
        username: 'backup',
        password: async () => 'secret',
        tls: { ca },
      },
      systemClock,
    ),
    thawResendMs: 50,
    thawPatienceMs: 300,
    windowsHoldMs: WINDOWS_HOLD_MS,
    helperStartTimeoutMs,
  };
  guest = createWindowsGuests({ clock: systemClock, settingsFor: () => settings }).open({ name: 'sql01', address: '' });
}

afterEach(async () => {
  await guest.close();
  await peer.close();
});

test('lines may arrive in pieces that cut characters, and several in one', async () => {
  const bytes = Buffer.concat([line(HELLO), line(PREPARED)]);
  const cut = bytes.indexOf('ü') + 1;
  await open({ prepare: [] }, [bytes.subarray(0, 5), bytes.subarray(5, cut), bytes.subarray(cut)]);

  const prepared = await guest.prepare(request, within());

  expect(prepared).toMatchObject({ writersBefore: [{ name: 'Grüner Writer' }] });
});

test('volumes on the captured disks that nothing holds are in the evidence', async () => {
  await open({ prepare: [line({ ...PREPARED, notHeld: ['F:\\'] })] });

  expect(await guest.prepare(request, within())).toMatchObject({ notHeld: ['F:\\'] });
});

test('a volume of which a part lies on a disk that is not captured is refused, and both are named', async () => {
  const spanned = { ...VOLUME, disks: [DISK, '6000c29000000000000000000000000f'] };
  await open({ prepare: [line({ ...PREPARED, volumes: [spanned] })] });

  expect(await failureOf(guest.prepare(request, within()))).toMatchObject({
    code: 'E_GUEST',
    message: expect.stringMatching(/"D:\\" also on disk "6000c29000000000000000000000000f", which is not captured/),
  });
});

test('the helper is told run, disks, copy backup and hold', async () => {
  await open({});
  await guest.prepare({ ...request, diskUuids: ['6000C29A-1B2C-3D4E-5F60-718293A4B5C6'] }, within());

  const sent = peer.calls.filter(({ action }) => action === 'Send').map(inputOf)[0] ?? '';
  expect(JSON.parse(sent)).toEqual({
    command: 'prepare',
    protocol: VSS_HELPER_PROTOCOL,
    set: 'l1k2m3n4-abcdef',
    disks: [DISK],
    backupType: 'copy',
    mode: 'commit',
    holdMs: 9000,
    excludedWriters: [],
    bootableState: true,
  });
});

test('a guest without scripts and plug-ins is not asked to run any: that costs it no message', async () => {
  await open({ prepare: [line({ ...PREPARED, hasPrograms: false })] });
  const prepared = await guest.prepare(request, within());
  const before = peer.calls.filter(({ action }) => action === 'Send').length;

  expect(await guest.quiet(FREEZE_SOON, within())).toEqual(prepared);

  expect(peer.calls.filter(({ action }) => action === 'Send')).toHaveLength(before);
});

test.each([
  ['another session has them at rest', '0x800700AA', { hint: expect.stringMatching(/^Another run/), retry: 'safe' }],
  ['the service died', '0x80070426', { hint: expect.stringMatching(/^The service snaphook-vss/), retry: 'safe' }],
  ['a file must not be run', '0x80070005', { hint: expect.stringContaining('only SYSTEM and Administrators') }],
])('applications that could not be made quiet as %s: the hint says what to do about that', async (_, result, told) => {
  const failed = { event: 'failed', phase: 'quiesce', result, message: 'no', writers: [], events: [], scripts: [] };
  await open({ quiesce: [line(failed)] });
  await guest.prepare(request, within());

  expect(await failureOf(guest.quiet(FREEZE_SOON, within()))).toMatchObject({ code: 'E_GUEST', ...told });
});

test('a helper of an older version is told with the command that brings the right one', async () => {
  await open({}, [line({ ...HELLO, protocol: 2 })]);

  expect(await failureOf(guest.prepare(request, within()))).toMatchObject({
    code: 'E_GUEST_HELPER',
    message: expect.stringContaining('speaks protocol 2, not 3'),
    hint: expect.stringContaining('snaphook guest install sql01'),
  });
});

test('the release is exactly one byte', async () => {
  await open({});
  await guest.prepare(request, within());
  await guest.freeze(within());
  await guest.thaw(within());

  expect(peer.calls.filter(({ action }) => action === 'Send').map(inputOf)).toContain('T');
});

test.each([
  ['another protocol version', [line({ ...HELLO, protocol: 1 })], 'protocol 1'],
  ['an unknown event', [line({ event: 'hooray' })], 'hooray'],
  ['an event with a missing field', [line({ event: 'hello', protocol: VSS_HELPER_PROTOCOL })], 'hello'],
  ['binary garbage', [Buffer.from([0x00, 0x1b, 0x5b, 0x41, 0xff, 0x0a])], 'outside its protocol'],
  [
    'an error text and its end',
    [Buffer.from("'snaphook-vss' is not recognized\r\n"), { exitCode: 1 }],
    'not recognized',
  ],
  ['an end without a word', [{ exitCode: 9009 }], 'exit code 9009'],
] as const)('%s from the helper is E_GUEST_HELPER', async (_name, greeting, words) => {
  await open({}, greeting);

  const failure = await failureOf(guest.prepare(request, within()));

  expect(failure.code).toBe('E_GUEST_HELPER');
  expect(failure.message).toContain(words);
  expect(failure.message).not.toMatch(/\p{Cc}/u);
});

test('a helper that says nothing is given up after its start time', async () => {
  await open({}, [], 100);

  expect(await failureOf(guest.prepare(request, within()))).toMatchObject({ code: 'E_GUEST_HELPER' });
});

test('a freeze that VSS refuses is E_FREEZE_FAILED with the name of the result and what to do', async () => {
  const failed = {
    event: 'failed',
    phase: 'freeze',
    result: '0x80042313',
    message: 'flush timed out',
    writers: [WRITER],
    events: [],
    scripts: [],
  };
  await open({ freeze: [line(failed)] });
  await guest.prepare(request, within());

  const failure = await failureOf(guest.freeze(within()));

  expect(failure).toMatchObject({ code: 'E_FREEZE_FAILED', effect: 'none' });
  expect(failure.message).toContain('VSS_E_FLUSH_WRITES_TIMEOUT (0x80042313), flush timed out');
  expect(failure.hint).toContain('ten minutes');
  expect((await guest.thaw(within())).kind).toBe('expired');
});

test('a freeze that a writer made fail names the writer', async () => {
  const writer = { ...WRITER, state: 9, result: '0x800423F4' };
  const failed = {
    event: 'failed',
    phase: 'freeze',
    result: '0x80042306',
    message: '',
    writers: [writer],
    events: [],
    scripts: [],
  };
  await open({ freeze: [line(failed)] });
  await guest.prepare(request, within());

  const failure = await failureOf(guest.freeze(within()));

  expect(failure.code).toBe('E_WRITER_FAILED');
  expect(failure.message).toContain('"Grüner Writer"');
});

test('a helper that dies while it holds counts as let go when the hold of Windows is over, never as released', async () => {
  await open({ T: [{ exitCode: 1 }] });
  await guest.prepare(request, within());
  await guest.freeze(within());
  const askedAtMs = performance.now();

  expect(await failureOf(guest.thaw(within(WINDOWS_HOLD_MS / 2)))).toMatchObject({ code: 'E_THAW_UNCONFIRMED' });
  expect((await guest.thaw(within())).kind).toBe('expired');
  expect(performance.now() - askedAtMs).toBeGreaterThanOrEqual(WINDOWS_HOLD_MS);
  expect(await failureOf(guest.finish(within()))).toMatchObject({ code: 'E_GUEST_HELPER' });
});

test('a helper that says thawed before anybody has asked it to let go held nothing for us', async () => {
  await open({ freeze: [Buffer.concat([line(FROZEN), line(THAWED), line(FINISHED)])], T: [] });
  await guest.prepare(request, within());
  await guest.freeze(within());

  expect(await guest.thaw(within())).toEqual({ kind: 'expired', heldMs: 7.5 });
});

test('answers that come twice mean what they mean once', async () => {
  await open({
    prepare: [line(PREPARED), line(PREPARED)],
    freeze: [line(FROZEN), line(FROZEN)],
    T: [line(THAWED), line(THAWED), line(FINISHED), line(FINISHED)],
  });
  await guest.prepare(request, within());
  await guest.freeze(within());

  expect((await guest.thaw(within())).kind).toBe('released');
  expect(await guest.finish(within())).toMatchObject({ finished: true, writersAfter: [{ name: 'Grüner Writer' }] });
});

test('of a failure and a good end of one set the failure counts', async () => {
  const failed = {
    event: 'failed',
    phase: 'frozen',
    result: '0x80042314',
    message: '',
    writers: [],
    events: [],
    scripts: [],
  };
  await open({ T: [Buffer.concat([line(THAWED), line(failed), line(FINISHED)])] });
  await guest.prepare(request, within());
  await guest.freeze(within());
  await guest.thaw(within());

  expect(await guest.finish(within())).toMatchObject({ finished: false, flushed: false });
});

test('a set that VSS did not finish is evidence without consistency, and is aborted', async () => {
  await open({ T: [line(THAWED), line({ ...FINISHED, result: '0x80042314' })] });
  await guest.prepare(request, within());
  await guest.freeze(within());
  await guest.thaw(within());

  expect(await guest.finish(within())).toMatchObject({ result: '0x80042314', finished: false, flushed: false });
  expect(peer.calls.filter(({ action }) => action === 'Send').map(inputOf)).toContain('{"command":"abort"}\n');
});

test('a verdict that was lost with its connection is an error, never a good end', async () => {
  await open({ T: [line(THAWED), 'drop'], status: [line({ event: 'status', phase: 'finished' })] });
  await guest.prepare(request, within());
  await guest.freeze(within());
  await guest.thaw(within());

  const failure = await failureOf(guest.finish(within()));

  expect(failure.code).toBe('E_GUEST');
  expect(failure.message).toContain('lost');
});

test('a verdict that comes after the connection broke is heard on a new one', async () => {
  await open({ T: [line(THAWED), 'drop'], status: [line(FINISHED)] });
  await guest.prepare(request, within());
  await guest.freeze(within());
  await guest.thaw(within());

  expect(await guest.finish(within())).toMatchObject({ finished: true });
});

test('the tail of a line whose head was lost with its connection is passed over', async () => {
  await open({ T: ['drop', Buffer.from('":1}\n'), line(THAWED), line(FINISHED)] });
  await guest.prepare(request, within());
  await guest.freeze(within());

  expect((await guest.thaw(within())).kind).toBe('released');
  expect(await guest.finish(within())).toMatchObject({ finished: true });
});

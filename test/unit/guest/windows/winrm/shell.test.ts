import { openConnection, type WinRmConnection } from '../../../../../src/guest/windows/winrm/connection.ts';
import { envelope } from '../../../../../src/guest/windows/winrm/envelope.ts';
import { SHELL_RESOURCE } from '../../../../../src/guest/windows/winrm/namespaces.ts';
import {
  createShell,
  deleteShell,
  receiveOutput,
  sendInput,
  startProgram,
  terminateCommand,
} from '../../../../../src/guest/windows/winrm/shell.ts';
import { systemClock } from '../../../../../src/platform/clock.ts';
import { attributeOf, descend, parseXml, type XmlElement } from '../../../../../src/platform/xml.ts';
import {
  fault,
  inputOf,
  optionsOf,
  type PeerReply,
  received,
  soap,
  startWinRmPeer,
  type WinRmPeer,
} from './winrm-peer.ts';

let peer: WinRmPeer;
let connection: WinRmConnection;
const limits = { operationTimeoutMs: 20_000 };
const ids = { shellId: 'S1', commandId: 'C1' };

async function open(...replies: readonly PeerReply[]): Promise<void> {
  const left = [...replies];
  peer = await startWinRmPeer(() => left.shift() ?? soap(''));
  const endpoint = { address: '127.0.0.1', port: peer.port, tls: { ca: peer.ca }, connectTimeoutMs: 5000 };
  const credentials = { authentication: 'basic', username: 'backup', password: 'secret' } as const;
  connection = await openConnection({ ...endpoint, scheme: 'https' }, credentials, systemClock);
}

const last = () => {
  const call = peer.calls.at(-1);
  if (!call) throw new Error('no call was made');
  return call;
};
const header = (element: XmlElement, name: string) => descend(element, 'Header', name);

afterEach(async () => {
  connection?.close();
  await peer?.close();
});

test('every message has its own id and the headers of WS-Management', () => {
  const fields = { to: 'https://guest:5986/wsman', action: 'urn:x', operationTimeoutMs: 60_000, body: '' };
  const [first, second] = [parseXml(envelope(fields)), parseXml(envelope(fields))];

  expect(header(first, 'MessageID')?.text).toMatch(/^uuid:[0-9a-f-]{36}$/);
  expect(header(first, 'MessageID')?.text).not.toBe(header(second, 'MessageID')?.text);
  expect(header(first, 'ResourceURI')?.text).toBe(SHELL_RESOURCE);
  expect(header(first, 'MaxEnvelopeSize')?.text).toBe('153600');
  expect(header(first, 'OperationTimeout')?.text).toBe('PT60S');
  expect(descend(first, 'Header', 'ReplyTo', 'Address')?.text).toMatch(/role\/anonymous$/);
});

test('ids and options from outside cannot leave their element', () => {
  const hostile = '"/><w:Evil>&';
  const fields = { to: 'x', action: 'y', operationTimeoutMs: 1000, shellId: hostile, options: { [hostile]: hostile } };
  const parsed = parseXml(envelope({ ...fields, body: '' }));

  expect(descend(parsed, 'Header', 'SelectorSet', 'Selector')?.text).toBe(hostile);
  expect(descend(parsed, 'Header', 'OptionSet', 'Option')?.text).toBe(hostile);
});

test('a shell is made in UTF-8 without profile, with its idle time, and its id comes from the selector', async () => {
  await open(
    soap(
      '<x:ResourceCreated xmlns:x="urn:t"><x:ReferenceParameters><x:SelectorSet><x:Selector Name="ShellId">S-7</x:Selector>' +
        '</x:SelectorSet></x:ReferenceParameters></x:ResourceCreated>',
    ),
  );

  expect(await createShell(connection, 180_000, limits)).toBe('S-7');
  expect(optionsOf(last())).toEqual({ WINRS_NOPROFILE: 'TRUE', WINRS_CODEPAGE: '65001' });
  expect(descend(last().envelope, 'Body', 'Shell', 'IdleTimeOut')?.text).toBe('PT180S');
});

test('a program is started directly, its input a pipe, its path quoted when it has blanks', async () => {
  await open(soap('<r:CommandResponse><r:CommandId>C-9</r:CommandId></r:CommandResponse>'));
  const program = { path: 'C:\\Program Files\\a&b.exe', arguments: ['serve'] };

  expect(await startProgram(connection, 'S1', program, limits)).toBe('C-9');
  expect(optionsOf(last())).toEqual({ WINRS_CONSOLEMODE_STDIN: 'FALSE', WINRS_SKIP_CMD_SHELL: 'TRUE' });
  expect(descend(last().envelope, 'Body', 'CommandLine', 'Command')?.text).toBe('"C:\\Program Files\\a&b.exe"');
  expect(descend(last().envelope, 'Body', 'CommandLine', 'Arguments')?.text).toBe('serve');
});

describe('a server that finds no program under a quoted path', () => {
  const program = { path: 'C:\\Program Files\\a.exe', arguments: ['serve'] };
  const started = soap('<r:CommandResponse><r:CommandId>C-9</r:CommandId></r:CommandResponse>');
  const asked = () =>
    peer.calls.map((call) => [
      descend(call.envelope, 'Body', 'CommandLine', 'Command')?.text,
      optionsOf(call).WINRS_SKIP_CMD_SHELL,
    ]);
  const quoted = ['"C:\\Program Files\\a.exe"', 'TRUE'];
  const throughCmd = ['"C:\\Program Files\\a.exe"', 'FALSE'];

  test.each([2147942402, 2147942523, 123])('is asked for cmd.exe, still quoted (fault %d)', async (code) => {
    await open(fault(code), started);

    expect(await startProgram(connection, 'S1', program, limits)).toBe('C-9');
    expect(asked()).toEqual([quoted, throughCmd]);
  });

  test('and in neither form is believed after two calls', async () => {
    await open(fault(2147942402), fault(2147942402), started);

    await expect(startProgram(connection, 'S1', program, limits)).rejects.toMatchObject({
      problem: { fault: { kind: 'program-missing' } },
    });
    expect(peer.calls).toHaveLength(2);
  });
});

test('a start that failed otherwise, or whose outcome is unknown, is not tried again', async () => {
  const program = { path: 'C:\\Program Files\\a.exe', arguments: ['serve'] };
  await open(fault(5), 'drop');

  await expect(startProgram(connection, 'S1', program, limits)).rejects.toMatchObject({
    problem: { fault: { kind: 'access-denied' } },
  });
  await expect(startProgram(connection, 'S1', program, limits)).rejects.toMatchObject({
    problem: { kind: 'disconnected' },
  });
  expect(peer.calls).toHaveLength(2);
});

test('input goes out as the very bytes', async () => {
  await open();

  await sendInput(connection, ids, Buffer.from('T'), limits);

  expect(inputOf(last())).toBe('T');
});

test('chunks of one answer are joined by bytes, so a character may be cut', async () => {
  const bytes = Buffer.from('grün');
  await open(received([bytes.subarray(0, 3), bytes.subarray(3)]));

  const output = await receiveOutput(connection, ids, limits);

  expect(output.stdout.toString('utf8')).toBe('grün');
  expect(output.state).toEqual({ kind: 'running' });
});

test('no output in time is an empty answer, not an error', async () => {
  await open(fault(2150858793));

  expect(await receiveOutput(connection, ids, limits)).toMatchObject({ state: { kind: 'running' } });
});

test('the end of the program comes with its exit code, negative ones and large ones too', async () => {
  await open(received([Buffer.from('bye')], 3221225786));

  const { stdout, state } = await receiveOutput(connection, ids, limits);

  expect(stdout.toString()).toBe('bye');
  expect(state).toEqual({ kind: 'done', exitCode: 3221225786 });
});

test('terminate names the command, delete the shell; a shell that is gone already is success', async () => {
  await open(soap('<r:SignalResponse/>'), soap(''), fault(2150858843));

  await terminateCommand(connection, ids, limits);
  const signalled = descend(last().envelope, 'Body', 'Signal');
  expect(signalled && attributeOf(signalled, 'CommandId')).toBe('C1');
  expect(descend(signalled, 'Code')?.text).toMatch(/\/signal\/terminate$/);
  expect(await deleteShell(connection, 'S1', limits)).toBe('deleted');
  expect(descend(last().envelope, 'Header', 'SelectorSet', 'Selector')?.text).toBe('S1');
  expect(await deleteShell(connection, 'S1', limits)).toBe('gone');
});

test('an answer without the id that was asked for is an error', async () => {
  await open(soap(''), soap(''));

  await expect(createShell(connection, 1000, limits)).rejects.toMatchObject({ problem: { kind: 'malformed' } });
  await expect(startProgram(connection, 'S1', { path: 'x.exe', arguments: [] }, limits)).rejects.toMatchObject({
    problem: { kind: 'malformed' },
  });
});

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GuestOperationsConnection, removeSession } from '../../../../src/guest/linux/guest-operations-connection.ts';
import type { RemoteEnd } from '../../../../src/guest/ssh/ssh-connection.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { until } from '../../../contract/guest.ts';
import { localGuestOperations } from './local-guest-operations.ts';

const within = () => AbortSignal.timeout(20_000);

let memoryFolder: string;
let operations: ReturnType<typeof localGuestOperations>;
let connection: GuestOperationsConnection;

beforeEach(() => {
  memoryFolder = mkdtempSync(path.join(tmpdir(), "it's memory-"));
  operations = localGuestOperations();
  connection = new GuestOperationsConnection({ operations, clock: systemClock, memoryFolder });
});

afterEach(async () => {
  connection.close();
  await connection.closed();
  // Every process of a real bash has ended.
  await until(() => operations.children.every(({ exitCode }) => exitCode !== null), 'all programs ended', 20_000);
  rmSync(memoryFolder, { recursive: true });
});

/** Somebody who always waits for more, or only while the gate is open. */
function listener(awaited: () => Promise<void> = async () => undefined) {
  const heard = { stdout: '', stderr: '', end: undefined as RemoteEnd | undefined };
  const output = {
    awaited,
    stdout: (data: Buffer) => {
      heard.stdout += data.toString();
    },
    stderr: (data: Buffer) => {
      heard.stderr += data.toString();
    },
    ended: (end: RemoteEnd) => {
      heard.end = end;
    },
  };
  return { heard, output };
}

/** Says that it reads before it repeats what it reads. */
const ECHO = "sh -c 'echo ready; exec cat'";
const READY = 'ready\n';

/** The program of a connection, at work. */
async function started(one: GuestOperationsConnection, { heard, output }: ReturnType<typeof listener>) {
  const program = await one.run(ECHO, output, within());
  await until(() => heard.stdout === READY, 'the program is at work', 20_000);
  return program;
}

test('a real shell hands every byte of a message to the program, and its answer comes back', async () => {
  const client = listener();
  const { heard } = client;
  const program = await started(connection, client);
  const message = 'filesystem 8:1 /srv/it\'s\\040"%s" $HOME `x`\nready\n';

  program.write(Buffer.from(message));
  await until(() => heard.stdout === READY + message, 'the answer was heard', 20_000);
  program.write(Buffer.from('T'));
  await until(() => heard.stdout.length > READY.length + message.length, 'the second answer was heard', 20_000);

  expect(heard).toEqual({ stdout: `${READY}${message}T`, stderr: '', end: undefined });
});

test('closing ends the input of the program and leaves no file and no process', async () => {
  await started(connection, listener());
  expect(readdirSync(memoryFolder)).toEqual([path.basename(connection.resume.folder ?? '')]);

  connection.close();
  await connection.closed();

  expect(readdirSync(memoryFolder)).toEqual([]);
  await until(() => operations.children.every(({ exitCode }) => exitCode !== null), 'all programs ended', 20_000);
  // Its own end, and no signal: it read the end of its input.
  expect(operations.children[0]).toMatchObject({ exitCode: 0, signalCode: null });
});

test('a folder that is made although nobody wants it any more is heard of, and taken away', async () => {
  const unwanted = new AbortController();
  const { makeFolder } = operations;
  operations.makeFolder = async (place, signal) => {
    const made = await makeFolder(place, signal);
    unwanted.abort(new Error('nobody waits any more'));
    signal.throwIfAborted();
    return made;
  };

  await expect(connection.run('true', listener().output, unwanted.signal)).rejects.toThrow('nobody waits');
  expect(readdirSync(memoryFolder)).toHaveLength(1);
  connection.close();
  await connection.closed();
  expect(readdirSync(memoryFolder)).toEqual([]);
});

test('a folder whose answer does not come is given up', async () => {
  const unwanted = new AbortController();
  operations.makeFolder = (_, signal) =>
    new Promise((_made, failed) => {
      signal.addEventListener('abort', () => failed(signal.reason));
      unwanted.abort(new Error('nobody waits any more'));
    });
  const hurried = { ...systemClock, sleep: async () => undefined };
  const asked = new GuestOperationsConnection({ operations, clock: hurried, memoryFolder });
  await expect(asked.run('true', listener().output, unwanted.signal)).rejects.toThrow('nobody waits');
});

test('the record of a session is enough to end it, and a second time is no error', async () => {
  await started(connection, listener());
  const { folder = '' } = connection.resume;
  const way = { operations, clock: systemClock, memoryFolder };

  await removeSession(way, folder, within());
  await until(() => operations.children[0]?.exitCode === 0, 'the program read the end of its input', 20_000);
  await removeSession(way, folder, within());

  expect(existsSync(folder)).toBe(false);
});

test.each(['/etc', '', 'snaphook-x/../other', 'other'])(
  'folder "%s" is no session and is not touched',
  async (name) => {
    const folder = path.isAbsolute(name) ? name : `${memoryFolder}/${name}`;
    mkdirSync(path.join(memoryFolder, 'other'));

    await expect(
      removeSession({ operations, clock: systemClock, memoryFolder }, folder, within()),
    ).rejects.toMatchObject({ code: 'E_GUEST', message: expect.stringContaining(folder) });

    expect(operations.children).toEqual([]);
  },
);

test('a program that is not there ends with the code and the words of the shell', async () => {
  const { heard, output } = listener();
  await connection.run("'/nowhere/snaphook-freeze' 'serve'", output, within());

  await until(() => heard.end !== undefined, 'the end was told', 20_000);

  expect(heard).toMatchObject({
    end: { kind: 'exited', exitCode: 127 },
    stderr: expect.stringContaining('/nowhere/snaphook-freeze'),
  });
});

test('what a program said last is heard before its end', async () => {
  const { heard, output } = listener();
  await connection.run("echo 'last words'", output, within());

  await until(() => heard.end !== undefined, 'the end was told', 20_000);

  expect(heard).toMatchObject({ stdout: 'last words\n', end: { kind: 'exited', exitCode: 0 } });
});

test('nothing is asked of the guest while nobody waits for an answer', async () => {
  let wanted = true;
  let want: (() => void) | undefined;
  const awaited = async () => {
    if (!wanted) await new Promise<void>((resolve) => (want = resolve));
  };
  let asked = 0;
  const counting = {
    ...operations,
    readLonger: (...question: Parameters<typeof operations.readLonger>) => {
      asked += 1;
      return operations.readLonger(...question);
    },
  };
  const quiet = new GuestOperationsConnection({ operations: counting, clock: systemClock, memoryFolder });
  const client = listener(awaited);
  const program = await started(quiet, client);
  wanted = false;
  await until(() => want !== undefined, 'the connection sees that nobody waits', 20_000);
  const before = asked;

  program.write(Buffer.from('T'));
  await until(() => operations.children.some(({ exitCode }) => exitCode === 0), 'the message was written', 20_000);

  expect(asked).toBe(before);
  wanted = true;
  want?.();
  await until(() => client.heard.stdout === `${READY}T`, 'the answer was heard', 20_000);
  quiet.close();
  await quiet.closed();
});

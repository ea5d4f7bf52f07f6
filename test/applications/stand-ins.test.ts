import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { deviceAt } from '../freeze/loop-disk.ts';
import { folder } from '../freeze/stage.ts';
import { until } from '../freeze/until.ts';
import { installPlugIn, removePlugIns, settingsOf } from './plug-in-folder.ts';

/** Programs of others that cannot run here: what stands in for them knows their states and refuses a wrong order. */
interface Application {
  readonly name: string;
  readonly client: string;
  readonly settings: (place: string) => readonly string[];
  /** Whether the state of the stand-in is one that nobody is to be left in. */
  readonly isHeld: (state: State) => boolean;
  /** Makes it refuse, and what is told then. */
  readonly refusing: State;
  readonly refusal: RegExp;
}
interface State {
  readonly [key: string]: unknown;
}

const applications: readonly Application[] = [
  {
    name: 'oracle',
    client: 'sqlplus',
    settings: (place) => ['user root', `oratab ${place}/oratab`, 'instance ORCL'],
    isHeld: ({ inBackup }) => inBackup === true,
    refusing: { noArchiveLog: true },
    refusal: /ORA-01123/,
  },
  {
    name: 'mongodb',
    client: 'mongosh',
    settings: () => ['instance 27017'],
    isHeld: ({ lockCount }) => lockCount !== undefined && lockCount !== 0,
    refusing: { refuses: true, lockCount: 1 },
    refusal: /27017 did not come to rest: .*not authorized/,
  },
  {
    name: 'hana',
    client: 'hdbsql',
    settings: (place) => ['user root', `hdbsql ${place}/bin/hdbsql`, 'instance SNAPHOOK'],
    isHeld: ({ open }) => open !== undefined,
    refusing: { open: { id: 1, comment: "somebody else's" } },
    refusal: /a snapshot is prepared already/,
  },
];

let place: string;
let program: string;
const running = new Set<ChildProcess>();

/** The client's program, in PATH and where the settings name it. */
function install({ name, client, settings }: Application): void {
  place = mkdtempSync(path.join(folder, 'stand-in-'));
  const bin = path.join(place, 'bin');
  mkdirSync(bin);
  for (const file of ['statements.cjs', `${client}.cjs`])
    copyFileSync(path.join(__dirname, 'stand-ins', file), path.join(bin, file));
  writeFileSync(path.join(bin, client), `#!/bin/sh\nexec '${process.execPath}' '${bin}/${client}.cjs'\n`);
  chmodSync(path.join(bin, client), 0o755);
  writeFileSync(path.join(place, 'oratab'), `# comment\nORCL:${place}:N\n`);
  setState({ folder: place });
  program = installPlugIn(name, settings(place));
}

const stateFile = (): string => path.join(place, 'bin/state.json');
const setState = (state: State): void => writeFileSync(stateFile(), JSON.stringify(state));
const stateNow = (): State => JSON.parse(readFileSync(stateFile(), 'utf8')) as State; // written by the stand-in

function start() {
  const environment = { PATH: `${place}/bin:${process.env.PATH}`, LANG: 'C' };
  const child = spawn(program, ['serve'], { stdio: ['pipe', 'pipe', 'inherit'], env: environment });
  running.add(child);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const ask = async (command: object): Promise<unknown> => {
    const before = lines.length;
    child.stdin.write(`${JSON.stringify(command)}\n`);
    await until(() => lines.length > before, 25_000);
    return JSON.parse(lines[before] ?? 'null');
  };
  return { child, ask };
}
const QUIESCE = { command: 'quiesce', budgetMs: 20_000, leaseMs: 60_000 };

afterEach(async () => {
  for (const child of running) {
    const ended = child.exitCode ?? child.signalCode ?? once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    // A killed one leaves it to the next one of its name.
    rmSync(`/run/snaphook-plug-in.${path.basename(program)}.${child.pid}`, { recursive: true, force: true });
  }
  running.clear();
  removePlugIns();
});

describe.each(applications)('$name, with a stand-in of $client', (application) => {
  beforeEach(() => install(application));

  test('tells its instance and where its files are, is brought to rest, and goes on', async () => {
    const { ask, child } = start();
    expect(await ask({ command: 'discover' })).toEqual({
      event: 'discovered',
      instances: [{ name: expect.any(String), directories: [place], devices: [deviceAt('/dev/shm')] }],
    });
    expect(await ask(QUIESCE)).toEqual({ event: 'quiesced' });
    expect(application.isHeld(stateNow())).toBe(true);
    expect(await ask({ command: 'unquiesce', outcome: 'success' })).toEqual({ event: 'unquiesced', held: true });
    expect(application.isHeld(stateNow())).toBe(false);
    if (application.name === 'hana') expect(stateNow()).toMatchObject({ closed: 'SUCCESSFUL' });
    expect(await ask({ command: 'verify' })).toEqual({ event: 'verified' });
    child.stdin.end();
  });

  test('what it refuses is told in its own words, and what is of others stays as it is', async () => {
    setState({ folder: place, ...application.refusing });
    const { ask } = start();
    expect(await ask(QUIESCE)).toMatchObject({ event: 'failed', message: expect.stringMatching(application.refusal) });
    expect(stateNow()).toEqual({ folder: place, ...application.refusing });
  });

  test.each(['killed', 'left without input', 'late'] as const)(
    'the plug-in %s: it goes on, and as after a failure',
    async (how) => {
      const { ask, child } = start();
      expect(await ask(how === 'late' ? { ...QUIESCE, leaseMs: 100 } : QUIESCE)).toEqual({ event: 'quiesced' });
      if (how === 'killed') child.kill('SIGKILL');
      if (how === 'left without input') child.stdin.end();
      expect(await until(() => !application.isHeld(stateNow()), 15_000)).toBe(true);
      if (application.name === 'hana') expect(stateNow()).toMatchObject({ closed: 'UNSUCCESSFUL' });
    },
  );
});

function installed(name: string): void {
  const application = applications.find((candidate) => candidate.name === name);
  if (application) install(application);
}

test('files of Oracle in ASM are on no file system, so nobody says that they stand still', async () => {
  installed('oracle');
  setState({ folder: place, dataFiles: '+DATA/ORCL' });
  const { ask } = start();
  expect(await ask({ command: 'discover' })).toMatchObject({
    event: 'failed',
    message: expect.stringMatching(/instance ORCL .*"\+DATA\/ORCL" is no directory/),
  });
});

test('a snapshot of HANA that does not close is not told as held', async () => {
  installed('hana');
  const { ask } = start();
  expect(await ask(QUIESCE)).toEqual({ event: 'quiesced' });
  setState({ ...stateNow(), staysOpen: true });
  expect(await ask({ command: 'unquiesce', outcome: 'success' })).toEqual({ event: 'unquiesced', held: false });
});

test('settings that others may write are not read', async () => {
  installed('mongodb');
  chmodSync(settingsOf('mongodb'), 0o666);
  const { ask } = start();
  expect(await ask({ command: 'discover' })).toMatchObject({
    event: 'failed',
    message: expect.stringMatching(/mongodb\.conf must be/),
  });
  expect(existsSync(path.join(place, 'bin/log'))).toBe(false);
});

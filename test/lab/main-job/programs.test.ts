import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ACCOUNTS } from '../../../src/lab/site-config.ts';
import { openSite, type Site } from './site.ts';

const DIST = path.join(__dirname, '../../../dist');

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());
afterEach(() => {
  site.lab.faults.clear();
});

interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  onStart?: (kill: (signal: NodeJS.Signals) => void) => void,
) {
  const child = spawn(process.execPath, [path.join(DIST, `${program}.cjs`), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...env },
    cwd: '/',
  });
  onStart?.((signal) => child.kill(signal));
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise<Ended>((resolve) => child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr })));
}

const config = () => ['--config', site.lab.configFile];

test('snaphook hook is both hooks, and lists what is handed over in between and nothing afterwards', async () => {
  const hook = (phase: string) =>
    run('snaphook', ['hook', phase, ...config(), '--integration', 'bacula', '--job', 'nightly', '--', '--jobid=7']);

  expect((await hook('pre')).exitCode).toBe(0);
  const listed = await hook('list');
  expect((await hook('post')).exitCode).toBe(0);
  const afterwards = await hook('list');

  const directory = path.join(site.lab.directory, 'export', 'nightly');
  expect([listed.exitCode, listed.stderr]).toEqual([0, '']);
  expect(listed.stdout.trimEnd().split('\n')).toContain(path.join(directory, 'snaphook-manifest.json'));
  expect(listed.stdout.split('\n').every((line) => line === '' || line.startsWith(directory))).toBe(true);
  expect([afterwards.stdout, afterwards.stderr]).toEqual(['', '']);
  expect(afterwards.exitCode).not.toBe(0);
});

test('pre and post print exactly one JSON document each and exit 0', async () => {
  const pre = await run('pre-backup', [...config(), '--job', 'nightly', '--json']);
  const post = await run('post-backup', ['--json'], { SNAPHOOK_JOB: 'nightly', SNAPHOOK_CONFIG: site.lab.configFile });

  expect([pre.exitCode, post.exitCode]).toEqual([0, 0]);
  expect(JSON.parse(pre.stdout)).toMatchObject({
    schema: 'snaphook/pre',
    version: 1,
    ok: true,
    vms: [{ grade: 'application' }],
  });
  expect(JSON.parse(post.stdout)).toMatchObject({
    schema: 'snaphook/post',
    version: 1,
    ok: true,
    runs: [{ handedOver: true }],
  });
  expect(site.leftBehind()).toEqual([]);
});

test.each<[string, string, () => readonly string[], number, string]>([
  ['an unknown verb', 'snaphook', () => ['prre'], 2, 'E_USAGE'],
  ['an unknown option', 'snaphook', () => ['plan', '--jbo', 'x'], 2, 'E_USAGE'],
  ['an unknown job', 'pre-backup', () => [...config(), '--job', 'nosuch'], 2, 'E_USAGE'],
  ['a missing configuration', 'pre-backup', () => ['--config', '/nonexistent.yaml', '--job', 'x'], 10, 'E_CONFIG'],
  ['post without pre', 'post-backup', () => [...config(), '--job', 'nightly'], 75, 'E_NO_RUN'],
  [
    'a VM that does not exist',
    'pre-backup',
    () => [...config(), '--job', 'nightly', '--vm', 'nosuch'],
    13,
    'E_VM_NOT_FOUND',
  ],
])(
  '%s: the exit code, one JSON error document, and the hint for people on stderr without a stack',
  async (_name, program, args, exitCode, code) => {
    const ended = await run(program, [...args(), '--json']);

    expect(ended.exitCode).toBe(exitCode);
    expect(JSON.parse(ended.stdout)).toMatchObject({ schema: 'snaphook/error', ok: false, exitCode, error: { code } });
    expect(ended.stderr).toContain(`[${code}]`);
    expect(ended.stderr).not.toMatch(/\n\s+at /);
  },
);

test('a typo in the configuration is told with file, line and suggestion, exit 10', async () => {
  const file = path.join(site.lab.directory, 'typo.yaml');
  writeFileSync(file, readFileSync(site.lab.configFile, 'utf8').replace('targetPool', 'targetPol'));

  const ended = await run('snaphook', ['config', 'check', '--config', file]);

  expect(ended.exitCode).toBe(10);
  expect(ended.stderr).toMatch(/typo\.yaml:\d+: unknown key .*targetPol.*\n.*Did you mean "targetPool"/);
});

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const)(
  '%s in the freeze window, twice: the guest writes again, everything is undone, exit %d',
  async (signal, exitCode) => {
    let kill: (signal: NodeJS.Signals) => void = () => undefined;
    site.lab.faults.add({
      system: 'array',
      operation: 'POST private/snapshot',
      when: 'before',
      action: {
        do: 'call',
        run: () => {
          kill(signal);
          kill(signal);
        },
      },
    });

    const ended = await run('pre-backup', [...config(), '--job', 'nightly'], {}, (send) => {
      kill = send;
    });

    expect([ended.exitCode, ended.stderr]).toEqual([exitCode, expect.stringContaining('E_INTERRUPTED')]);
    expect(site.leftBehind()).toEqual([]);
  },
);

test('no secret appears in output, journals, manifests, events or the files of the run', async () => {
  const wrong = await run('pre-backup', [...config(), '--job', 'nightly', '--vm', 'nosuch', '--debug']);
  const pre = await run('pre-backup', [...config(), '--job', 'nightly', '--json', '--debug']);
  const texts = [wrong.stdout, wrong.stderr, pre.stdout, pre.stderr, JSON.stringify(site.lab.events.events)];
  for (const folder of ['state', 'export']) {
    for (const entry of readdirSync(path.join(site.lab.directory, folder), { recursive: true, encoding: 'utf8' })) {
      const file = path.join(site.lab.directory, folder, entry);
      if (statSync(file).isFile() && !file.endsWith('.raw')) texts.push(readFileSync(file, 'utf8'));
    }
  }
  await run('post-backup', [...config(), '--job', 'nightly']);

  expect(pre.exitCode).toBe(0);
  for (const { password } of Object.values(ACCOUNTS)) {
    for (const secret of [password, Buffer.from(password).toString('base64')])
      expect(texts.join('\n')).not.toContain(secret);
  }
});

test.each([
  ...['pre', 'post', 'plan', 'explain', 'status', 'reap', 'doctor', 'config', 'demo', 'lab', 'vm list'],
  ...['create', 'list', 'rename', 'delete', 'prune'].map((action) => `snapshot ${action}`),
  ...['list', 'show', 'rebuild'].map((action) => `catalog ${action}`),
])('%s --help shows an example', async (verb) => {
  const { exitCode, stdout } = await run('snaphook', [...verb.split(' '), '--help']);

  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^Examples:\n\s*snaphook /);
});

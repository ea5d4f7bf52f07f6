import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openSite, type Site } from '../main-job/site.ts';
import { expectClean, hold, holdHandOver, hookCommand, start, startHook, until } from './product.ts';

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());
afterEach(async () => {
  site.lab.faults.clear();
  await expectClean(site);
});

const job = () => ['--config', site.lab.configFile, '--job', 'presented'];
const shellWords = (words: readonly string[]) => words.map((word) => `'${word}'`).join(' ');
const preCommand = () => shellWords([...hookCommand('pre-backup'), ...job()]);
const post = async () => (await startHook('post-backup', job()).ended).exitCode;

test.each(['<&-', '>&-', '2>&-', '<&- >&- 2>&-'])(
  'started with closed descriptors (%s) a run goes through',
  async (closed) => {
    const pre = start(['/bin/sh', '-c', `exec ${preCommand()} ${closed}`]);

    expect((await pre.ended).exitCode).toBe(0);
    expect(await post()).toBe(0);
  },
);

test.each([
  ['stdout', (hook: ReturnType<typeof startHook>) => [hook.child.stdout]],
  ['stderr', (hook: ReturnType<typeof startHook>) => [hook.child.stderr]],
  ['both', (hook: ReturnType<typeof startHook>) => [hook.child.stdout, hook.child.stderr]],
])('a product that stops listening to %s in the middle does not stop the run', async (_name, pipes) => {
  const held = hold(site.lab, { system: 'guest', operation: 'Command', nth: 1, when: 'after' });
  const pre = startHook('pre-backup', job());
  await held.reached;
  for (const pipe of pipes(pre)) pipe?.destroy();
  held.letGo();

  expect((await pre.ended).exitCode).toBe(0);
  expect(await post()).toBe(0);
});

test('a failing run whose product stopped listening is undone all the same', async () => {
  site.lab.faults.add({
    system: 'array',
    operation: 'PUT private/snapshot Link',
    when: 'before',
    action: { do: 'answer', status: 500, body: JSON.stringify({ message: 'Something odd happened' }) },
  });
  const pre = startHook('pre-backup', job());
  pre.child.stdout?.destroy();
  pre.child.stderr?.destroy();

  expect((await pre.ended).exitCode).toBe(16);
});

test('a hook whose product is killed works on by itself, hands over, and the next post hook releases it', async () => {
  const held = hold(site.lab, { system: 'guest', operation: 'Command', nth: 1, when: 'after' });
  // The shell is the product: it waits for the hook, and its death closes nothing and signals nobody.
  const product = start(['/bin/sh', '-c', `${preCommand()}; true`]);
  await held.reached;
  product.child.kill('SIGKILL');
  held.letGo();
  await product.ended; // the hook holds the pipes until it ends

  expect(await site.withPorts((ports) => ports.journals.openRuns('presented'))).toHaveLength(1);
  expect(await post()).toBe(0);
});

test('a product that reads the output of the hook sees its end when the hook ends: nothing keeps the pipes open', async () => {
  const pre = startHook('pre-backup', job());
  let exited = 0;
  pre.child.once('exit', () => (exited = performance.now()));
  const { exitCode } = await pre.ended; // "close": the hook has ended and both pipes are at their end

  expect([exitCode, performance.now() - exited < 500]).toEqual([0, true]);
  expect(await post()).toBe(0);
});

test('nor does a program that a secret reference starts, even when it leaves something running', async () => {
  const program = path.join(site.lab.directory, 'secret-with-agent');
  const password = path.join(site.lab.directory, 'secrets', 'vcenter');
  const [pidFile, config] = [`${program}.pid`, `${program}.yaml`];
  writeFileSync(program, `#!/bin/sh\ncat '${password}'\nsleep 30 &\necho $! > '${pidFile}'\n`, { mode: 0o755 });
  writeFileSync(config, readFileSync(site.lab.configFile, 'utf8').replace(`file:${password}`, `exec:${program}`));
  const pre = startHook('pre-backup', ['--config', config, '--job', 'presented']);
  let exited = 0;
  pre.child.once('exit', () => (exited = performance.now()));

  const { exitCode } = await pre.ended;

  expect([exitCode, performance.now() - exited < 500]).toEqual([0, true]);
  process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL'); // it outlived the hook
  expect(await post()).toBe(0);
});

test('the lock of a pre hook that was killed does not keep its post hook waiting', async () => {
  const held = holdHandOver(site.lab);
  const pre = startHook('pre-backup', job());
  await held.reached;
  pre.signalGroup('SIGKILL');
  await pre.ended;
  held.letGo();

  const ended = await startHook('post-backup', job()).ended;

  expect([ended.exitCode, ended.stdout]).toEqual([0, expect.stringMatching(/had crashed and was cleaned up/)]);
  expect(ended.tookMs).toBeLessThan(10_000);
});

test('a post hook killed while it waits for the pre hook leaves no request behind: the next post hook finds the job free', async () => {
  const held = hold(site.lab, { system: 'array', operation: 'GET v1/volumes', nth: 2, when: 'before' });
  const pre = startHook('pre-backup', job());
  await held.reached;
  const impatient = startHook('post-backup', job());
  await until(() => impatient.stderr().includes('asked to stop'));
  impatient.signalGroup('SIGKILL');
  await impatient.ended;
  const second = await startHook('post-backup', job()).ended;
  held.letGo();

  expect((await pre.ended).exitCode).toBe(143);
  expect([0, 75]).toContain(second.exitCode);
});

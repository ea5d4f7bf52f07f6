import { openSite, type Site } from '../main-job/site.ts';
import { configWith, expectClean, type Held, type Hook, hold, holdHandOver, startHook, until } from './product.ts';

/** Amanda starts a second pre hook when the first took too long for it, and Bacula repeats a job under the id it had before. */
let site: Site;
let config: string;
beforeAll(async () => {
  site = await openSite();
  config = configWith(site.lab, { lockWaitSeconds: 0.5 });
});
afterAll(() => site.close());
afterEach(async () => {
  site.lab.faults.clear();
  await expectClean(site);
});

const job = (...options: readonly string[]) => ['--config', config, '--job', 'presented', ...options];
const pre = (...options: readonly string[]) => startHook('pre-backup', job('--json', ...options));
const post = async () => (await startHook('post-backup', job()).ended).exitCode;
const openRuns = () => site.withPorts((ports) => ports.journals.openRuns('presented'));
const runIdOf = async (hook: Hook): Promise<unknown> => JSON.parse((await hook.ended).stdout).runId;

/** A pre hook in the middle of its work. */
async function preAtWork(...options: readonly string[]): Promise<{ hook: Hook; held: Held }> {
  const held = holdHandOver(site.lab);
  const hook = pre(...options);
  await held.reached;
  return { hook, held };
}

describe('while another pre hook of the job is at work', () => {
  test('fail: the second exits 11 with a hint, the first goes through', async () => {
    const first = await preAtWork();

    const second = await pre().ended;
    first.held.letGo();

    expect(second.exitCode).toBe(11);
    expect(JSON.parse(second.stdout)).toMatchObject({
      error: { code: 'E_LOCKED', hint: expect.stringContaining('--on-open-run wait') },
    });
    expect(second.tookMs).toBeLessThan(9000);
    expect((await first.hook.ended).exitCode).toBe(0);
    expect(await post()).toBe(0);
  });

  test('replace: the first undoes its work and exits 143, then the second goes through', async () => {
    const first = await preAtWork();

    const second = pre('--on-open-run', 'replace');
    const { exitCode, stderr } = await first.hook.ended;
    first.held.letGo();

    expect([exitCode, stderr]).toEqual([143, expect.stringContaining('another pre hook of job "presented" came')]);
    expect((await second.ended).exitCode).toBe(0);
    expect(await openRuns()).toEqual([{ job: 'presented', runId: await runIdOf(second) }]);
    expect(await post()).toBe(0);
  });

  test('wait: the second begins when the first was handed over and its post hook has come', async () => {
    const first = await preAtWork();

    const second = pre('--on-open-run', 'wait');
    await until(() => second.stderr().includes('another hook of this job is at work; waiting for it'));
    first.held.letGo();
    expect((await first.hook.ended).exitCode).toBe(0);
    await until(() => second.stderr().includes('waiting for the post hook'));
    expect(await openRuns()).toEqual([{ job: 'presented', runId: await runIdOf(first.hook) }]);
    expect(await post()).toBe(0);

    expect((await second.ended).exitCode).toBe(0);
    expect(await openRuns()).toEqual([{ job: 'presented', runId: await runIdOf(second) }]);
    expect(await post()).toBe(0);
  });

  test('wait ends with the deadline of the job, exit 11, and the first goes through', async () => {
    const first = await preAtWork();
    const short = configWith(site.lab, { deadlineSeconds: 3 });

    const second = await startHook('pre-backup', ['--config', short, '--job', 'presented', '--on-open-run', 'wait'])
      .ended;
    first.held.letGo();

    expect([second.exitCode, second.stderr]).toEqual([11, expect.stringContaining('E_LOCKED')]);
    expect(second.tookMs).toBeLessThan(9000);
    expect((await first.hook.ended).exitCode).toBe(0);
    expect(await post()).toBe(0);
  });

  test.each(['fail', 'wait'])(
    'the same run id again replaces the first, whatever the policy (%s), and says so',
    async (policy) => {
      const first = await preAtWork('--run-id', 'Nightly.2026-11-25_22.00', '--instance', 'dir1');

      const second = pre('--run-id', 'Nightly.2026-11-25_22.00', '--instance', 'dir1', '--on-open-run', policy);
      expect((await first.hook.ended).exitCode).toBe(143);
      first.held.letGo();

      const { exitCode, stderr } = await second.ended;
      expect([exitCode, stderr]).toEqual([0, expect.stringContaining('retryOf=Nightly.2026-11-25_22.00')]);
      expect(await post()).toBe(0);
    },
  );
});

test('the run id of a crashed run that the pre hook at work still cleans up makes nobody a retry of that pre hook', async () => {
  const crashed = await preAtWork('--run-id', '7');
  crashed.hook.signalGroup('SIGKILL');
  await crashed.hook.ended;
  crashed.held.letGo();
  const cleaning = hold(site.lab, { system: 'array', operation: /Unlink/, nth: 1, when: 'before' });
  const atWork = pre('--run-id', '8');
  await cleaning.reached;

  const again = await pre('--run-id', '7').ended;
  cleaning.letGo();

  expect([again.exitCode, again.stderr]).toEqual([11, expect.not.stringContaining('retryOf')]);
  expect((await atWork.ended).exitCode).toBe(0);
  expect(await post()).toBe(0);
});

describe('while an earlier run waits for its post hook', () => {
  const EARLIER = ['--run-id', '7', '--instance', 'dir1'];

  test('fail: exit 11 with a hint, and the images stay, unless the backup product has started the same run again', async () => {
    const first = await runIdOf(pre(...EARLIER));

    for (const other of [['--run-id', '8', '--instance', 'dir1'], ['--run-id', '7', '--instance', 'dir2'], []]) {
      const { exitCode, stderr } = await pre(...other).ended;
      expect([exitCode, stderr]).toEqual([11, expect.stringMatching(/E_RUN_OPEN\]\n.*--on-open-run replace/)]);
      expect(await openRuns()).toEqual([{ job: 'presented', runId: first }]);
    }

    const again = await pre(...EARLIER).ended;
    expect([again.exitCode, again.stderr]).toEqual([0, expect.stringContaining('its earlier attempt is over')]);
    expect(await post()).toBe(0);
  });

  test('wait ends with the deadline of the job, exit 11, or with a signal; the images stay', async () => {
    const first = await runIdOf(pre());
    const short = configWith(site.lab, { deadlineSeconds: 2 });
    const interrupted = pre('--on-open-run', 'wait');

    const late = startHook('pre-backup', ['--config', short, '--job', 'presented', '--on-open-run', 'wait']);
    await until(() => interrupted.stderr().includes('waiting for the post hook'));
    interrupted.signalGroup('SIGTERM');

    expect((await interrupted.ended).exitCode).toBe(143);
    const { exitCode, stderr } = await late.ended;
    expect([exitCode, stderr]).toEqual([11, expect.stringContaining('E_RUN_OPEN')]);
    expect(await openRuns()).toEqual([{ job: 'presented', runId: first }]);
    expect(await post()).toBe(0);
  });
});

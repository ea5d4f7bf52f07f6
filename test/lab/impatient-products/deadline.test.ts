import type { FaultRule } from '../../../src/lab/world/faults.ts';
import { openSite, type Site } from '../main-job/site.ts';
import { configWith, expectClean, hold, holdHandOver, startHook, until } from './product.ts';

/** Start of the program, and the end of its sessions when the work is over. */
const AROUND_MS = 5000;

let site: Site;
afterEach(async () => {
  site.lab.faults.clear();
  // A shell whose making was interrupted ends by its own idle time; nothing is frozen in it.
  await until(() => site.lab.guestShells() === 0);
  await expectClean(site);
});

const args = (config: string) => ['--config', config, '--job', 'presented'];

describe('a pre hook ends within its deadline, undoing included', () => {
  const DEADLINE_S = 4;
  /** Half of it is enough to write images, whatever else the machine does. */
  const LONGER_S = 12;
  let config: string;
  beforeAll(async () => {
    site = await openSite();
    config = configWith(site.lab, { deadlineSeconds: DEADLINE_S });
  });
  afterAll(() => site.close());

  test.each<[string, Omit<FaultRule, 'action'>]>([
    ['vCenter', { system: 'vcenter', operation: 'RetrievePropertiesEx', when: 'before' }],
    ['the guest', { system: 'guest', operation: 'Command', when: 'after' }],
    ['the establish', { system: 'array', operation: 'POST private/snapshot', when: 'after' }],
    ['the link', { system: 'array', operation: 'PUT private/snapshot Link', when: 'after' }],
  ])('when %s hangs: everything is undone, exit 124', async (_what, call) => {
    site.lab.faults.add({ nth: 1, ...call, action: { do: 'hang' } });

    const { exitCode, stderr, tookMs } = await startHook('pre-backup', args(config)).ended;

    expect([exitCode, stderr]).toEqual([124, expect.stringContaining('was not ready within its deadline')]);
    expect(tookMs).toBeLessThan(DEADLINE_S * 1000 + AROUND_MS);
  });

  test('when the hand-over hangs: everything is undone, exit 124', async () => {
    const longer = configWith(site.lab, { deadlineSeconds: LONGER_S });
    const held = holdHandOver(site.lab);

    const { exitCode, stderr, tookMs } = await startHook('pre-backup', args(longer)).ended;
    held.letGo();

    expect([exitCode, stderr]).toEqual([124, expect.stringContaining('was not ready within its deadline')]);
    expect(tookMs).toBeLessThan(LONGER_S * 1000 + AROUND_MS);
  });

  test('what cannot be undone in time stays in the journal: exit 20 with the first cause, and post finishes the work', async () => {
    const longer = configWith(site.lab, { deadlineSeconds: LONGER_S });
    const held = holdHandOver(site.lab);
    site.lab.faults.add({ system: 'array', operation: /Unlink|DELETE/, when: 'before', action: { do: 'hang' } });

    const { exitCode, stderr, tookMs } = await startHook('pre-backup', args(longer)).ended;

    expect(exitCode).toBe(20);
    expect(stderr).toMatch(/failed \(job "presented" was not ready within its deadline.*left something behind/);
    expect(tookMs).toBeLessThan(LONGER_S * 1000 + AROUND_MS);
    expect(site.leftBehind()).toContainEqual(expect.stringMatching(/^snapshot snaphook-/));
    site.lab.faults.clear();
    held.letGo();
    expect((await startHook('post-backup', args(config)).ended).exitCode).toBe(0);
  });
});

describe('where targets take long to be defined', () => {
  const DEADLINE_S = 10;
  beforeAll(async () => {
    site = await openSite({ pace: 20 }); // a define takes more than 40 s, and 10 s until the proxy sees a target
  });
  afterAll(() => site.close());

  test('an undo that has no time to wait for them forces the unlink', async () => {
    const config = configWith(
      site.lab,
      { deadlineSeconds: DEADLINE_S, settleSeconds: 0.3, unlinkSeconds: 60 },
      { freeze: 'none', grade: 'crash' },
    );

    const { exitCode, stderr, tookMs } = await startHook('pre-backup', args(config)).ended;

    expect([exitCode, stderr]).toEqual([124, expect.stringContaining('was not ready within its deadline')]);
    expect(tookMs).toBeLessThan(DEADLINE_S * 1000 + AROUND_MS);
    expect(site.lab.events.events.map(({ kind, operation }) => `${kind} ${operation}`)).toContain('effect unlink');
  });
});

describe('the heartbeat', () => {
  beforeAll(async () => {
    site = await openSite();
  });
  afterAll(() => site.close());

  test('a hook says what it does and for how long while the array hangs, and nothing inside the freeze window', async () => {
    const config = configWith(site.lab, { heartbeatSeconds: 0.05 });
    const from = site.lab.events.events.length;
    const frozen = hold(site.lab, { system: 'array', operation: 'POST private/snapshot', when: 'after' });
    const linking = hold(site.lab, { system: 'array', operation: 'PUT private/snapshot Link', when: 'before' });
    const pre = startHook('pre-backup', args(config));
    await frozen.reached;
    await site.lab.pause(300); // less than the guest's lease
    frozen.letGo();
    await linking.reached;
    await site.lab.pause(1000);
    linking.letGo();
    const { exitCode, stderr } = await pre.ended;

    const [window, thaw] = ['Freeze', 'ReleaseWrites'].map(
      (operation) => site.lab.events.events.slice(from).find((event) => event.operation === operation)?.at ?? '',
    );
    const lines = stderr.split('\n').filter((line) => line !== '');
    const beats = lines.filter((line) => line.includes('still working'));
    expect(exitCode).toBe(0);
    expect(lines.filter((line) => line >= `${window}` && line <= `${thaw}`)).toEqual([]);
    expect(beats.filter((line) => / doing="step link" seconds=[01]/.test(line)).length).toBeGreaterThan(5);
    expect(beats.map((line) => / doing=(.*) seconds/.exec(line)?.[1])).toEqual(
      expect.arrayContaining(['planning', '"step guests"', '"step link"']),
    );
    expect((await startHook('post-backup', args(config)).ended).exitCode).toBe(0);
  });

  test('a post hook has one too, while it waits for a pre hook and while it works', async () => {
    const config = configWith(site.lab, { heartbeatSeconds: 0.05 });
    const held = hold(site.lab, { system: 'array', operation: /Unlink/, nth: 1, when: 'before' });
    await startHook('pre-backup', args(config)).ended;
    const working = startHook('post-backup', args(config));
    await held.reached;
    const waiting = startHook('post-backup', args(config));
    await until(() => / doing="undoing step link" seconds=1/.test(working.stderr()));
    await until(() => waiting.stderr().includes('doing="waiting for another hook'));
    held.letGo();

    expect((await working.ended).stderr).toMatch(/still working doing="undoing step link" seconds=1/);
    expect((await waiting.ended).stderr).toMatch(/still working doing="waiting for another hook/);
  });
});

import type { FaultRule } from '../../../src/lab/world/faults.ts';
import { openSite, type Site } from '../main-job/site.ts';
import { expectClean, hold, holdHandOver, startHook } from './product.ts';

/** Bacula calls the director's post hook four seconds after a cancel, and leaves the client's pre hook alone meanwhile. */
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

test.each<[string, Omit<FaultRule, 'action'>]>([
  ['asks vCenter', { system: 'vcenter', operation: 'RetrievePropertiesEx', when: 'before' }],
  ['prepares the guest', { system: 'guest', operation: 'Command', when: 'after' }],
  ['holds the guest frozen', { system: 'array', operation: 'POST private/snapshot', when: 'after' }],
  ['links', { system: 'array', operation: 'PUT private/snapshot Link', when: 'after' }],
  ['hands over', { system: 'array', operation: 'GET v1/volumes', nth: 3, when: 'before' }],
])('post while pre %s: pre undoes its work and exits 143, post says so and exits 0', async (_moment, call) => {
  const held = hold(site.lab, { nth: 1, ...call });
  const pre = startHook('pre-backup', job());
  await held.reached;

  const post = await startHook('post-backup', [...job(), '--json']).ended;
  const left = site.leftBehind();
  held.letGo();
  const { exitCode, stderr } = await pre.ended;

  expect([exitCode, stderr]).toEqual([143, expect.stringContaining('because the post hook of job "presented" came')]);
  expect(stderr).toContain('[E_INTERRUPTED]');
  expect(post.exitCode).toBe(0);
  expect(JSON.parse(post.stdout)).toMatchObject({
    ok: true,
    stoppedPre: true,
    runs: [{ handedOver: false, cancelled: true }],
  });
  // Read when post had ended, with the call still held back.
  expect(left).toEqual([]);
});

test('what the stopped pre hook cannot undo, post undoes', async () => {
  const held = holdHandOver(site.lab);
  site.lab.faults.add({
    system: 'array',
    operation: 'DELETE private/snapshot',
    nth: 1,
    when: 'before',
    action: { do: 'answer', status: 500, body: JSON.stringify({ message: 'The operation is not permitted now' }) },
  });
  site.lab.faults.add({
    system: 'array',
    operation: 'DELETE private/snapshot',
    nth: 2,
    when: 'before',
    action: { do: 'answer', status: 500, body: JSON.stringify({ message: 'The operation is not permitted now' }) },
  });
  const pre = startHook('pre-backup', job());
  await held.reached;

  const post = await startHook('post-backup', job()).ended;
  held.letGo();

  const { exitCode, stderr } = await pre.ended;
  expect([exitCode, stderr]).toEqual([20, expect.stringContaining('because the post hook of job "presented" came')]);
  expect([post.exitCode, post.stdout]).toEqual([0, expect.stringMatching(/was stopped\nrun \S+ cancelled/)]);
});

test('two post hooks at once: one releases the run, the other finds nothing; neither claims to have stopped a pre hook', async () => {
  await startHook('pre-backup', job()).ended;
  const held = hold(site.lab, { system: 'array', operation: 'PUT private/snapshot Unlink', nth: 1, when: 'before' });
  const first = startHook('post-backup', [...job(), '--json']);
  await held.reached;
  const second = startHook('post-backup', [...job(), '--json']);
  setTimeout(() => held.letGo(), 500);

  expect(JSON.parse((await first.ended).stdout)).toMatchObject({ ok: true, stoppedPre: false });
  expect(JSON.parse((await second.ended).stdout)).toMatchObject({ error: { code: 'E_NO_RUN' }, exitCode: 75 });
});

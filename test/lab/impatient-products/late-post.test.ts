import { openSite, type Site } from '../main-job/site.ts';
import { configWith, expectClean, hold, holdHandOver, startHook } from './product.ts';

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());
afterEach(async () => {
  site.lab.faults.clear();
  await expectClean(site);
});

const job = (config = site.lab.configFile) => ['--config', config, '--job', 'presented'];
const pre = (...args: readonly string[]) => startHook('pre-backup', [...job(), ...args]);
const post = (...args: readonly string[]) => startHook('post-backup', [...job(), ...args]);

test("a late post hook leaves a later run of its product alone, which may be read, and exits 75; that run's own post hook ends it", async () => {
  expect((await pre('--run-id', '2').ended).exitCode).toBe(0);
  const before = site.leftBehind();

  const late = await post('--run-id', '1', '--json').ended;

  expect(late.exitCode).toBe(75);
  expect(JSON.parse(late.stdout)).toMatchObject({
    error: { code: 'E_NO_RUN', message: expect.stringContaining('of another one and was left alone') },
  });
  expect(site.leftBehind()).toEqual(before);
  expect((await post('--run-id', '2').ended).exitCode).toBe(0);
});

test('a late post hook leaves the pre hook of a later run of its product at work', async () => {
  const held = holdHandOver(site.lab);
  const later = pre('--run-id', '2');
  await held.reached;

  expect((await post('--run-id', '1').ended).exitCode).toBe(75);
  held.letGo();

  expect((await later.ended).exitCode).toBe(0);
  expect((await post('--run-id', '2').ended).exitCode).toBe(0);
});

test.each<[string, readonly string[], readonly string[]]>([
  ['no id', ['--run-id', '2'], []],
  ['an id, where the run has none,', [], ['--run-id', '1']],
  ['the id of another instance', ['--run-id', '2', '--instance', 'a'], ['--run-id', '1', '--instance', 'b']],
])('a post hook with %s ends the run', async (_what, ofPre, ofPost) => {
  expect((await pre(...ofPre).ended).exitCode).toBe(0);

  expect((await post(...ofPost).ended).exitCode).toBe(0);
});

test('a post hook ends within its deadline: exit 20 with what is left, which the next one removes', async () => {
  const DEADLINE_S = 4;
  expect((await pre().ended).exitCode).toBe(0);
  site.lab.faults.add({ system: 'array', operation: /Unlink|DELETE/, when: 'before', action: { do: 'hang' } });
  const config = configWith(site.lab, { deadlineSeconds: DEADLINE_S });

  const { exitCode, stderr, tookMs } = await startHook('post-backup', job(config)).ended;

  expect([exitCode, stderr]).toEqual([20, expect.stringContaining('left something behind')]);
  expect(tookMs).toBeLessThan(DEADLINE_S * 1000 + 5000);
  site.lab.faults.clear();
  expect((await post().ended).exitCode).toBe(0);
});

test('a post hook that meets another post hook waits for it no longer than its deadline', async () => {
  expect((await pre().ended).exitCode).toBe(0);
  const held = hold(site.lab, { system: 'array', operation: 'PUT private/snapshot Unlink', nth: 1, when: 'before' });
  const first = post();
  await held.reached;

  const second = await startHook('post-backup', job(configWith(site.lab, { deadlineSeconds: 4 }))).ended;
  held.letGo();

  expect([second.exitCode, second.stderr]).toEqual([11, expect.stringContaining('is in use')]);
  expect((await first.ended).exitCode).toBe(0);
});

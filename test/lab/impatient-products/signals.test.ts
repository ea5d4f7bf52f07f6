import type { FaultRule } from '../../../src/lab/world/faults.ts';
import { openSite, type Site } from '../main-job/site.ts';
import { expectClean, type Hook, hookCommand, start, startHook } from './product.ts';

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

/** Calls something at a moment of the run, once. */
function at(call: Omit<FaultRule, 'action'>, run: () => void): void {
  site.lab.faults.add({ nth: 1, ...call, action: { do: 'call', run } });
}

/** A product that forwards SIGTERM to its process group signals the hook twice within milliseconds, and then ends itself. */
test.each<[string, Omit<FaultRule, 'action'>]>([
  ['while it logs in to vCenter', { system: 'vcenter', operation: 'Login', when: 'after' }],
  ['while it looks for devices', { system: 'array', operation: 'GET v1/volumes', when: 'before' }],
  ['while it prepares the guest', { system: 'guest', operation: 'Command', when: 'after' }],
  ['while the guest freezes', { system: 'guest', operation: 'Send', nth: 2, when: 'after' }],
  ['while the array establishes', { system: 'array', operation: 'POST private/snapshot', when: 'after' }],
  ['while it links', { system: 'array', operation: 'PUT private/snapshot Link', when: 'after' }],
  ['while it presents', { system: 'array', operation: /^PUT storagegroup/, when: 'before' }],
  ['while it hands over', { system: 'array', operation: 'GET v1/volumes', nth: 3, when: 'before' }],
])('SIGTERM twice %s: it undoes everything and exits 143', async (_moment, call) => {
  let hook: Hook | undefined;
  at(call, () => hook?.signalGroup('SIGTERM', 'SIGTERM'));
  hook = startHook('pre-backup', job());

  const { exitCode, signal, stderr } = await hook.ended;

  expect([exitCode, signal, stderr]).toEqual([143, null, expect.stringContaining('interrupted by SIGTERM')]);
});

test.each([
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const)(
  '%s in the freeze window: the guest is thawed first, then everything is undone, exit %d',
  async (signal, exitCode) => {
    let hook: Hook | undefined;
    const from = site.lab.events.events.length;
    at({ system: 'array', operation: 'POST private/snapshot', when: 'after' }, () => hook?.signalGroup(signal, signal));
    hook = startHook('pre-backup', job());

    expect((await hook.ended).exitCode).toBe(exitCode);

    const events = site.lab.events.events.slice(from);
    const firstAfter = (what: RegExp, seq: number) =>
      events.find((event) => event.seq > seq && what.test(`${event.system} ${event.operation}`))?.seq ?? 0;
    const established = firstAfter(/^array establish$/, 0);
    const thawed = firstAfter(/^guest ReleaseWrites$/, established);
    expect(established).toBeGreaterThan(0);
    expect(thawed).toBeGreaterThan(established);
    // The request at the array that follows the establish comes after the thaw.
    expect(firstAfter(/^array (GET|PUT|DELETE)/, established)).toBeGreaterThan(thawed);
  },
);

test('SIGHUP counts also when the hook was started with it ignored', async () => {
  let hook: Hook | undefined;
  at({ system: 'guest', operation: 'Command', when: 'after' }, () => hook?.signalGroup('SIGHUP', 'SIGHUP'));
  const command = [...hookCommand('pre-backup'), ...job()].map((word) => `'${word}'`).join(' ');
  hook = start(['/bin/sh', '-c', `trap '' HUP; exec ${command}`]);

  expect((await hook.ended).exitCode).toBe(129);
});

test('further signals, of any kind, do not stop the undoing half-way', async () => {
  let hook: Hook | undefined;
  at({ system: 'array', operation: 'GET v1/volumes', nth: 3, when: 'before' }, () => hook?.signalGroup('SIGTERM'));
  for (const [operation, signal] of [
    [/^PUT storagegroup/, 'SIGINT'],
    ['PUT private/snapshot Unlink', 'SIGHUP'],
    ['DELETE private/snapshot', 'SIGTERM'],
  ] as const) {
    at({ system: 'array', operation, nth: operation instanceof RegExp ? 2 : 1, when: 'before' }, () =>
      hook?.signalGroup(signal, signal),
    );
  }
  hook = startHook('pre-backup', job());

  const { exitCode, stderr } = await hook.ended;

  expect([exitCode, stderr]).toEqual([143, expect.stringContaining('interrupted by SIGTERM')]);
});

test('a post hook that is signalled finishes its work and exits 0', async () => {
  await startHook('pre-backup', job()).ended;
  let hook: Hook | undefined;
  at({ system: 'array', operation: 'PUT private/snapshot Unlink', when: 'before' }, () =>
    hook?.signalGroup('SIGTERM', 'SIGTERM'),
  );
  hook = startHook('post-backup', job());

  expect((await hook.ended).exitCode).toBe(0);
});

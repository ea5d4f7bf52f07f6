import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { jobSpec } from '../../../src/cli/compose.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { JobPorts } from '../../../src/job/ports.ts';
import { post } from '../../../src/job/post.ts';
import { pre } from '../../../src/job/pre.ts';
import type { LabScript } from '../../../src/lab/guest/lab-script.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { failureOf, until } from '../../contract/guest.ts';
import { openSite, type Site } from './site.ts';

let site: Site;
let healthyScripts: readonly LabScript[];
const told: string[] = [];
beforeAll(async () => {
  site = await openSite();
  healthyScripts = site.lab.linuxGuest.knobs.scripts;
});
afterAll(() => site.close());
beforeEach(() => {
  told.splice(0);
  // Before the application: it hears of a freeze first, and of the end last.
  site.lab.linuxGuest.knobs.scripts = [
    { name: '05-told', run: async (phase) => ({ exitCode: told.push(phase) && 0, output: '' }) },
    ...healthyScripts,
  ];
});
afterEach(() => {
  site.lab.faults.clear();
  site.lab.linuxGuest.knobs.silent = false;
});

const specOf = (job: string) => jobSpec(loadConfig(site.lab.configFile), job);
const context = (job: string) => ({
  job,
  integration: 'test',
  instance: undefined,
  productRunId: undefined,
  level: undefined,
});
const request = (system: 'guest' | 'array', operation: string) => ({ system, operation, when: 'before' as const });

test('no application is made quiet before every guest of the job is ready', async () => {
  const first = site.lab.events.events.length;
  // The first command to the helper in the Windows guest: the Linux guest was ready long before it is answered.
  site.lab.faults.add({ ...request('guest', 'Send'), nth: 1, action: { do: 'delay', delayMs: 500 } });

  await site.pre({ job: 'mixed' });

  const events = site.lab.events.events.slice(first);
  const at = (wanted: string) => events.findIndex(({ operation }) => operation === wanted);
  expect(at('facts')).toBeGreaterThan(-1);
  expect(at('facts')).toBeLessThan(at('PrepareForBackup'));
  expect(at('PrepareForBackup')).toBeLessThan(at('ready'));
  expect(told).toEqual(['freeze', 'thaw']);
  await site.post('mixed');
});

test('when another guest cannot be frozen, applications go on', async () => {
  site.lab.faults.add({ ...request('guest', 'Send'), nth: 2, action: { do: 'drop' } });

  await site.failingPre({ job: 'mixed' });

  expect(told).toEqual(['freeze', 'freezeFail']);
});

test('scripts that take longer after the thaw than a thaw may take are waited for', async () => {
  const slow = async (phase: string) => {
    if (phase === 'thaw') await systemClock.sleep(700);
    return { exitCode: 0, output: '' };
  };
  site.lab.linuxGuest.knobs.scripts = [{ name: '05-slow', run: slow }, ...healthyScripts];
  const { limits } = specOf('linux');

  const { capture } = await site.pre({ job: 'linux', spec: { limits: { ...limits, thawMs: 300 } } });

  expect(capture.vms).toMatchObject([{ grade: 'application' }]);
  await site.post('linux');
});

test('a hook that lost the lock of its job ends its own sessions and leaves the rest to whoever has the lock', async () => {
  const lost = new AbortController();
  const reason = new Error('the lock was taken over');
  const action = { do: 'call' as const, run: () => lost.abort(reason) };
  site.lab.faults.add({ ...request('array', 'POST private/snapshot'), nth: 1, action });

  const failure = await site.withPorts(async (ports) => {
    const acquire: JobPorts['locks']['acquire'] = async (name, ...rest) => {
      const lock = await ports.locks.acquire(name, ...rest);
      return name.startsWith('job') ? { ...lock, lost: lost.signal } : lock;
    };
    const end = pre(
      { ...ports, locks: { ...ports.locks, acquire } },
      specOf('linux'),
      context('linux'),
      AbortSignal.any([]),
    );
    return await failureOf(end);
  });

  expect(failure).toBe(reason);
  await until(() => site.lab.linuxGuest.sessionCount() === 0, 'its session was gone');
  expect(site.lab.isFrozen()).toBe(false);
  await site.post('linux');
  expect(site.leftBehind()).toEqual([]);
});

describe('a Linux guest in which a killed hook left a session long ago', () => {
  const laterBy = 20 * 60_000;
  const postLater = () =>
    site.withPorts(async (ports) => {
      const now = () => new Date(ports.clock.now().getTime() + laterBy);
      await post({ ...ports, clock: { ...ports.clock, now } }, specOf('linux'));
    });

  beforeEach(async () => {
    let child: ChildProcess | undefined;
    const run = () => {
      site.lab.linuxGuest.knobs.silent = true;
      child?.kill('SIGKILL');
    };
    site.lab.faults.add({
      ...request('array', 'POST private/snapshot'),
      nth: 1,
      action: { do: 'call', run },
    });
    const program = path.join(__dirname, '../../../dist/pre-backup.cjs');
    const args = [program, '--config', site.lab.configFile, '--job', 'linux'];
    child = spawn(process.execPath, args, { stdio: 'ignore', env: { PATH: process.env.PATH } });
    await once(child, 'close');
    expect(site.lab.linuxGuest.sessionCount()).toBe(1);
  });

  test('is told to let go, however long ago it was', async () => {
    await postLater();

    expect(site.leftBehind()).toEqual([]);
  });

  test('is told as left behind when it cannot be reached, and the run stays open until it can', async () => {
    site.lab.faults.add({ ...request('guest', 'exec release'), object: 'pg01', action: { do: 'drop' } });

    expect(await failureOf(postLater())).toMatchObject({ code: 'E_LEFTOVERS' });

    site.lab.faults.clear();
    await postLater();
    expect(site.leftBehind()).toEqual([]);
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { composePorts } from '../../../src/cli/compose.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { reap } from '../../../src/job/reap.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import type { ReportFields } from '../../../src/ports/reporter.ts';
import { openSite, type Site } from './site.ts';

const HOUR_MS = 3_600_000;

let site: Site;
/** How far the clock of the hooks is ahead of the moment at which the session began. */
let aheadMs: number;
let warnings: { readonly message: string; readonly fields: ReportFields | undefined }[];
beforeEach(async () => {
  aheadMs = 0;
  warnings = [];
  const reporter = {
    info: () => undefined,
    warn: (message: string, fields?: ReportFields) => void warnings.push({ message, fields }),
    progress: () => undefined,
  };
  site = await openSite({}, (configFile) => ({
    ...composePorts(loadConfig(configFile), reporter),
    clock: { ...systemClock, now: () => new Date(Date.now() + aheadMs) },
  }));
  await killPreInTheWindow();
});
afterEach(() => site.close());

/** The helper in the guest does not notice, and nobody can end its session: every connection breaks over it. */
async function killPreInTheWindow(): Promise<void> {
  const { faults, configFile, linuxGuest } = site.lab;
  const program = path.join(__dirname, '../../../dist/pre-backup.cjs');
  const child = spawn(process.execPath, [program, '--config', configFile, '--job', 'linux'], {
    stdio: 'ignore',
    env: { PATH: process.env.PATH },
  });
  const kill = () => {
    linuxGuest.knobs.silent = true;
    child.kill('SIGKILL');
  };
  faults.add({
    system: 'array',
    operation: 'POST private/snapshot',
    when: 'before',
    nth: 1,
    action: { do: 'call', run: kill },
  });
  await once(child, 'close');
  faults.add({ system: 'guest', operation: 'exec release', object: 'pg01', when: 'before', action: { do: 'drop' } });
  expect(linuxGuest.sessionCount()).toBe(1);
}

const reapSite = () =>
  site.withPorts((ports) =>
    reap(ports, { apply: true, includeWaiting: false, olderThanMs: 24 * HOUR_MS }, new AbortController().signal),
  );
const triesToRelease = () =>
  site.lab.events.events.filter(({ kind, operation }) => kind === 'request' && operation === 'exec release').length;
const givenUp = () => warnings.filter(({ message }) => message.includes('given up'));

test('a session left in a Linux guest that cannot be reached keeps its run open for a day, and each hook tells of it', async () => {
  for (const hours of [0, 23.9]) {
    aheadMs = hours * HOUR_MS;
    const tries = triesToRelease();

    await expect(site.post('linux')).rejects.toMatchObject({
      code: 'E_LEFTOVERS',
      message: expect.stringContaining('"pg01"'),
    });
    expect((await reapSite()).find(({ finding }) => finding.kind === 'crashed-run')).toMatchObject({
      did: 'failed',
      error: expect.stringContaining('"pg01"'),
    });
    expect(triesToRelease()).toBeGreaterThanOrEqual(tries + 2);
  }
  expect(givenUp()).toEqual([]);
});

test.each([
  ['post', () => site.post('linux')],
  ['reap', reapSite],
])(
  'after a day %s tries once more, gives it up with a warning that names the VM, and closes the run',
  async (_hook, end) => {
    aheadMs = 24.1 * HOUR_MS;

    await end();

    expect(triesToRelease()).toBeGreaterThan(0);
    expect(givenUp()).toEqual([
      {
        message: expect.stringContaining('if the VM still runs, see whether it writes'),
        fields: { vm: 'pg01', error: expect.stringContaining('"pg01"') },
      },
    ]);
    // The helper in the guest ends by its own lease, which nobody waited for.
    while (site.lab.linuxGuest.sessionCount() > 0) await site.lab.pause(10);
    expect(site.leftBehind()).toEqual([]);
  },
);

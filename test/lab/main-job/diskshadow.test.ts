import { readFileSync } from 'node:fs';
import path from 'node:path';
import { SQL_SERVER_WRITER } from '../../../src/lab/windows-guest/vss-writers.ts';
import { ended, start } from '../../crash/killed-run.ts';
import { changeConfig, withShadowCopies } from '../lab-config.ts';
import { openSite, type Site } from './site.ts';

const IMAGES_AS_THEY_ARE = { onLowerGrade: 'degrade' } as const;

let site: Site;
beforeAll(async () => {
  site = await openSite();
  changeConfig(site.lab.configFile, withShadowCopies('nightly'));
});
afterEach(() => {
  site.lab.guest.shadows.knobs.afterCreate = () => undefined;
  expect(site.lab.isFrozen()).toBe(false);
});
afterAll(() => site.close());

/** The shell of a process that was killed: Windows ends it when its idle time is over. */
const leftBehind = () => site.leftBehind().filter((what) => what !== 'guest shell');

test('who asks for more than images can show is told so before anything is done in the guest', async () => {
  const asked = { grade: 'application', onLowerGrade: 'fail' } as const;

  expect(await site.failingPre({ spec: asked })).toMatchObject({
    code: 'E_CONFIG',
    message: expect.stringContaining('"vss-diskshadow"'),
  });

  expect(site.lab.events.events.filter(({ system, kind }) => system === 'guest' && kind === 'request')).toEqual([]);
});

test('the snapshot is taken when the copies are made, the copies are gone when the hook ends, and its images are graded crash', async () => {
  const events = site.lab.events.events.length;
  const result = await site.pre({ spec: { freeze: 'vss-diskshadow', ...IMAGES_AS_THEY_ARE } });

  const { vms } = JSON.parse(readFileSync(path.join(result.directory, result.manifest), 'utf8'));
  expect(result.degraded).toBe(true);
  expect(vms).toMatchObject([
    {
      grade: 'crash',
      reasons: [expect.stringContaining('what stood still is in shadow copies inside them')],
      evidence: {
        guest: {
          prepared: {
            strategy: 'vss-diskshadow',
            writersBefore: [{ name: 'SqlServerWriter', verified: true }, {}, {}, {}, {}, {}, {}, {}, {}],
          },
          freeze: {
            strategy: 'vss-diskshadow',
            finished: true,
            lost: [],
            shadowCopies: [{ volume: 'C:\\' }, { volume: 'D:\\' }],
          },
        },
      },
    },
  ]);
  const order = site.lab.events.events
    .slice(events)
    .map(({ operation }) => operation)
    .filter((operation) => /^shadow copies|^POST private\/snapshot$/.test(operation));
  expect(order.filter((operation, index) => operation !== order[index - 1])).toEqual([
    'shadow copies made',
    'POST private/snapshot',
    'shadow copies removed',
  ]);
  await site.post();
  expect(site.leftBehind()).toEqual([]);
});

test('a writer that fails ends the run before the array is asked for anything, and nothing is left', async () => {
  const heal = site.lab.guest.vss.failWriter(SQL_SERVER_WRITER, 'post-snapshot', '0x800423F4');
  const establishes = () =>
    site.lab.events.events.filter(({ operation }) => operation === 'POST private/snapshot').length;
  const before = establishes();

  expect(await site.failingPre({ spec: IMAGES_AS_THEY_ARE })).toMatchObject({ code: 'E_WRITER_FAILED' });

  heal();
  expect(establishes()).toBe(before);
  expect(site.leftBehind()).toEqual([]);
});

const hookArgs = () => ['--job', 'nightly', '--config', site.lab.configFile];
type Kill = () => void;

/** Where the hook dies. */
const DEATHS: readonly (readonly [string, (kill: Kill) => void])[] = [
  [
    'when the copies were just made, and only the log in the guest tells of them',
    (kill) => {
      site.lab.guest.shadows.knobs.afterCreate = kill;
    },
  ],
  ['between the copies and the establish', (kill) => killAtEstablish('before', kill)],
  ['between the establish and the removal of the copies', (kill) => killAtEstablish('after', kill)],
];

function killAtEstablish(when: 'before' | 'after', run: Kill): void {
  site.lab.faults.add({
    system: 'array',
    operation: 'POST private/snapshot',
    when,
    nth: 1,
    action: { do: 'call', run },
  });
}

test.each(DEATHS)('killed %s: the post hook finds and removes them', async (_moment, arrange) => {
  const killed = new Promise<void>((resolve) =>
    arrange(() => {
      child.kill('SIGKILL');
      resolve();
    }),
  );
  const child = start('pre-backup', hookArgs());
  const end = ended(child);
  await Promise.race([killed, end]);
  expect(await end).toMatchObject({ killed: true });
  expect(site.lab.guest.shadows.all()).toHaveLength(2);

  await site.post();

  expect(leftBehind()).toEqual([]);
});

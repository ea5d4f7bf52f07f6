import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { MIXED } from '../../src/lab/estate-storage.ts';
import { leftByKilled } from '../left-behind.ts';
import { type Aftermath, expectThawed, killAtEveryPoint, site, useLab } from './kill-loop.ts';
import { ended, killAtCall, start } from './killed-run.ts';

const JOB = 'presented';
/** Powered off, with a virtual volume and a raw device once its file on VMFS is taken off. */
const OFF = 'mixed01';
/** There are three programs here, in as much time as one of the others takes. */
const SPARSE = 4;
const KILLS = ['before', 'torn', 'after'] as const;

useLab();

const withConfig = (...words: readonly string[]) => [...words, '--config', site().configFile];
const run = async (...words: readonly string[]) => ended(start('snaphook', withConfig(...words)));

/** Runs it to its end and returns its document. */
async function documentOf<Document>(...words: readonly string[]): Promise<Document> {
  const program = path.join(__dirname, '../../dist/snaphook.cjs');
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...withConfig(...words, '--json')]);
  return JSON.parse(stdout) as Document; // what each verb prints is checked in its own suite
}

async function keep(vm: string): Promise<string> {
  const words = ['snapshot', 'create', vm, '--job', 'no-freeze', '--keep-days', '1'];
  return (await documentOf<{ readonly runId: string }>(...words)).runId;
}

/** Kills the program at every journal write and at every remote call. */
async function killEverywhere(
  words: () => readonly string[],
  aftermath: Aftermath,
  before: () => Promise<void> = async () => undefined,
) {
  for (const when of KILLS) {
    await killAtEveryPoint(
      `${words()[1]}, journal write, ${when},`,
      aftermath,
      async (point) => {
        await before();
        const env = { KILL_AT: String(point), KILL_WHEN: when };
        return ended(start('snaphook', withConfig(...words()), env, 'kill-at-journal-write.cjs'));
      },
      SPARSE,
    );
  }
  for (const when of ['before', 'after'] as const) {
    await killAtEveryPoint(
      `${words()[1]}, remote call, ${when},`,
      aftermath,
      async (point) => {
        await before();
        const child = start('snaphook', withConfig(...words()));
        const stop = killAtCall(site().lab, () => child, point, when);
        const outcome = await ended(child);
        stop();
        return outcome;
      },
      SPARSE,
    );
  }
}

/** What `reap` says that it does, and then the deletion of every snapshot that is kept. */
async function reapAndDelete(point: string): Promise<void> {
  const reaped = await run('reap', '--apply');
  expect([point, 'reap', reaped.exitCode === 0 ? 0 : reaped.stderr]).toEqual([point, 'reap', 0]);
  const { snapshots } = await documentOf<{ readonly snapshots: readonly { readonly runId: string }[] }>(
    'snapshot',
    'list',
  );
  if (snapshots.length > 0) {
    const deleted = await run('snapshot', 'delete', ...snapshots.map(({ runId }) => runId), '--apply');
    expect([point, 'delete', deleted.exitCode === 0 ? 0 : deleted.stderr]).toEqual([point, 'delete', 0]);
  }
  expect([point, leftByKilled(site().lab)]).toEqual([point, []]);
}

test('a snapshot create that is killed: no guest is frozen, and what it made is undone or kept, never something between', async () => {
  await killEverywhere(() => ['snapshot', 'create', '--job', JOB, '--keep-days', '1'], {
    async killed(point) {
      await expectThawed(point);
      await reapAndDelete(point);
    },
    through: () => reapAndDelete('through'),
  });
});

test('a snapshot delete that is killed: the snapshot is whole or gone, and the next delete ends it', async () => {
  let kept = '';
  await killEverywhere(
    () => ['snapshot', 'delete', kept, '--apply'],
    { killed: reapAndDelete, through: () => reapAndDelete('through') },
    async () => {
      kept = await keep('sql01');
    },
  );
});

test('a revert that is killed comes to its end: all disks of one time, no restore session, and the snapshot still there', async () => {
  const { lab } = site();
  const devices = [MIXED.vvol, MIXED.raw];
  const { disks } = lab.vcenter.vm(OFF);
  lab.vcenter.changeVm(OFF, { disks: disks.filter(({ backing }) => backing.kind !== 'vmfs') });
  const write = (text: string) => {
    for (const device of devices) lab.store.open(device).write(0, Buffer.from(text, 'latin1'));
  };
  write('then');
  const kept = await keep(OFF);
  const check = async (point: string) => {
    const reaped = await run('reap', '--apply');
    expect([point, reaped.exitCode === 0 ? 0 : reaped.stderr]).toEqual([point, 0]);
    const contents = devices.map((device) => lab.store.open(device).read(0, 4).toString('latin1'));
    expect([point, ['then,then', 'now!,now!'].includes(contents.join()) ? 'whole' : contents]).toEqual([
      point,
      'whole',
    ]);
    const states = devices.flatMap((device) => lab.store.snapshots(device).map(({ state }) => state.join()));
    expect([point, states]).toEqual([point, ['Established', 'Established']]);
  };

  await killEverywhere(
    () => ['revert', OFF, '--snapshot', kept, '--no-keep-current', '--apply'],
    { killed: check, through: () => check('through') },
    async () => write('now!'),
  );

  await reapAndDelete('at the end');
});

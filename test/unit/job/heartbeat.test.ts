import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { withHeartbeat } from '../../../src/job/heartbeat.ts';
import { RunJournal } from '../../../src/job/journal.ts';
import type { Plan } from '../../../src/job/plan.ts';
import { createFileJournals } from '../../../src/platform/file-journals.ts';
import type { Reporter } from '../../../src/ports/reporter.ts';
import { ManualClock } from './manual-clock.ts';

const RUN = { runId: 'mb3k2j1f-x8q2zk', job: 'nightly' };

function setUp() {
  const clock = new ManualClock();
  const beats: string[] = [];
  const reporter: Reporter = {
    info: (message, { doing, seconds } = {}) => beats.push(`${message}: ${doing}, ${seconds} s`),
    warn: () => undefined,
    progress: () => undefined,
  };
  const journals = createFileJournals(mkdtempSync(path.join(os.tmpdir(), 'snaphook-heartbeat-')));
  return { clock, beats, ports: { clock, reporter, journals } };
}

const always = { everyMs: 30_000, mayTell: () => true };

test('a line every interval says what is done and for how long, and the last one comes before the work has ended', async () => {
  const { clock, beats, ports } = setUp();

  const work = withHeartbeat(ports, always, async (_ports, doing) => {
    doing('waiting for something');
    await clock.sleep(100_000);
    doing('something else');
    await clock.sleep(25_000);
    return 'result';
  });
  await clock.advance(200_000);

  expect(await work).toBe('result');
  expect(beats).toEqual([
    'still working: waiting for something, 30 s',
    'still working: waiting for something, 60 s',
    'still working: waiting for something, 90 s',
    'still working: something else, 20 s',
  ]);
  expect(clock.sleeping).toBe(0);
});

const CONTEXT = { integration: 'test', instance: undefined, productRunId: undefined, level: undefined };
// The heartbeat reads the kind of the record and the step; it does not look at the plan.
const NO_PLAN = {} as Plan;

test('the step is read off the journal, also where the journal was opened again', async () => {
  const { clock, beats, ports } = setUp();

  const work = withHeartbeat(ports, always, async (beating) => {
    const journal = await RunJournal.load(await beating.journals.create(RUN), clock);
    await journal.opened({ ...CONTEXT, job: RUN.job });
    await journal.append({ kind: 'planned', data: NO_PLAN });
    await journal.append({ kind: 'intent', data: { step: 'link' } });
    await clock.sleep(40_000);
    const again = await RunJournal.load(await beating.journals.open(RUN.runId), clock);
    await again.append({ kind: 'undoing', data: { step: 'capture' } });
    await clock.sleep(30_000);
  });
  // The journal's files are real: time goes on only when heartbeat and work both wait for it.
  const bothWait = async () => {
    while (clock.sleeping < 2) await new Promise((resolve) => setImmediate(resolve));
  };
  await bothWait();
  await clock.advance(40_000);
  await bothWait();
  await clock.advance(30_000);

  await work;
  expect(beats).toEqual(['still working: step link, 30 s', 'still working: undoing step capture, 20 s']);
});

test('nothing is told while nothing may be told; what was due is told soon after', async () => {
  const { clock, beats, ports } = setUp();
  let frozen = false;

  const work = withHeartbeat(ports, { everyMs: 30_000, mayTell: () => !frozen }, async (_ports, doing) => {
    doing('step capture');
    await clock.sleep(29_000);
    frozen = true;
    await clock.sleep(20_000);
    frozen = false;
    await clock.sleep(20_000);
  });
  await clock.advance(48_900);
  expect(beats).toEqual([]);
  await clock.advance(2000);

  expect(beats).toEqual([expect.stringMatching(/^still working: step capture, (49|50) s$/)]);
  await clock.advance(60_000);
  await work;
});

test('work that fails ends the heartbeat and gives its own error', async () => {
  const { clock, ports } = setUp();
  const failure = new Error('no');

  await expect(withHeartbeat(ports, always, () => Promise.reject(failure))).rejects.toBe(failure);

  expect(clock.sleeping).toBe(0);
});

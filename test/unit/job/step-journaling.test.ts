import type { JobContext } from '../../../src/job/job-spec.ts';
import { RunJournal } from '../../../src/job/journal.ts';
import type { Plan } from '../../../src/job/plan.ts';
import { type Run, runStep, type Step } from '../../../src/job/step.ts';
import { captureStep } from '../../../src/job/steps/capture.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import { FaultSource } from '../../chaos/faults.ts';
import { HookProcess } from '../../chaos/hook-process.ts';
import { Random } from '../../chaos/random.ts';
import { drawSite } from '../../chaos/site.ts';
import { Timeline } from '../../chaos/timeline.ts';

const { signal } = new AbortController();

/** A run with a journal on a simulated disk; no plan is looked at by `runStep`. */
async function startRun() {
  const timeline = new Timeline();
  const random = new Random(1);
  const world = {
    timeline,
    faults: new FaultSource(random, 0),
    clockErrorMs: 0,
    longestJumpMs: 0,
    trace: () => undefined,
  };
  const site = drawSite(random, timeline, world.faults, world);
  const process = new HookProcess('p1', world);
  const ports = site.portsFor(process);
  const inTime = async <Result>(work: Promise<Result>): Promise<Result> => {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    work.then(end, end);
    await timeline.runUntil(() => isOver, 1_000_000);
    return work;
  };
  const stored = await inTime(ports.journals.create({ runId: 'mb3k2j1f-x8q2zk', job: 'nightly' }));
  const journal = await inTime(RunJournal.load(stored, ports.clock));
  const plan = { vms: [], devices: [], spec: { limits: { establishMs: 1000, settleMs: 1000, thawMs: 1000 } } };
  await inTime(journal.opened({} as JobContext)); // who called is only kept
  await inTime(journal.append({ kind: 'planned', data: plan as unknown as Plan })); // all that a capture without guests asks of it
  const run = { ports, plan, journal } as unknown as Run; // plan, array and guests are the step's own business
  /** The n-th line from now is not written. */
  const fillDiskAtLine = (nth: number) => {
    const { faults } = world;
    let line = 0;
    const next = faults.next.bind(faults);
    faults.next = (possible, late, weight) => {
      line += 1;
      return line === nth ? { kind: 'refused' } : next(possible, late, weight);
    };
  };
  return { run, inTime, fillDiskAtLine };
}

const step = (work: () => Promise<string>): Step<string> => ({
  name: 'present',
  repeatable: true,
  settles: true,
  do: work,
  probe: async () => ({ found: 'not-done' }),
  undo: async () => undefined,
});

test('a step that is done and could not be journaled counts as intended, not as refused', async () => {
  const { run, inTime, fillDiskAtLine } = await startRun();
  let effects = 0;
  fillDiskAtLine(2);
  const work = runStep(
    run,
    step(async () => {
      effects += 1;
      return 'done';
    }),
    signal,
  );

  await expect(inTime(work)).rejects.toMatchObject({ code: 'E_JOURNAL' });

  expect(effects).toBe(1);
  expect(run.journal.state.steps.present.at).toBe('intended');
});

test('a step that was refused for certain is journaled so', async () => {
  const { run, inTime } = await startRun();
  const refused = async (): Promise<string> => {
    throw new SnaphookError('E_ARRAY_REFUSED', 'no');
  };

  await expect(inTime(runStep(run, step(refused), signal))).rejects.toMatchObject({ code: 'E_ARRAY_REFUSED' });

  expect(run.journal.state.steps.present.at).toBe('refused');
});

test('an establish that was not answered is not journaled as refused because the look after it failed', async () => {
  const { run, inTime } = await startRun();
  const answers = {
    warm: async () => undefined,
    establish: async () => {
      throw new SnaphookError('E_ARRAY', 'no answer', { effect: 'unknown', retry: 'after-probe' });
    },
    findSnapshots: async () => {
      throw new SnaphookError('E_ARRAY', 'the array cannot be read');
    },
  };
  const capturing = { ...run, openGuests: new Map(), array: answers };
  const work = runStep(capturing as unknown as Run, captureStep, signal);

  await expect(inTime(work)).rejects.toMatchObject({ message: 'the array cannot be read', effect: 'unknown' });

  expect(run.journal.state.steps.capture.at).toBe('intended');
});

test('a step that is called off when a lock is lost counts as intended: its effect may still come', async () => {
  const { run, inTime } = await startRun();
  const lost = new AbortController();
  const calledOff = async (): Promise<string> => {
    lost.abort(new SnaphookError('E_LOCKED', 'lock "vm-1" may be taken over'));
    throw lost.signal.reason;
  };

  await expect(inTime(runStep(run, step(calledOff), lost.signal))).rejects.toMatchObject({ code: 'E_LOCKED' });

  expect(run.journal.state.steps.present.at).toBe('intended');
});

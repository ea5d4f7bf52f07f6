import { once, setMaxListeners } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { compareGrades } from './grade-histories.ts';
import { readRealFreezes } from './real-freezes.ts';
import { failuresOf, jsonOf, textOf } from './report.ts';
import { runSchedule } from './schedule.ts';
import { addFailure, addHistories, addSchedule, emptyTotals, isWell, merge, type Totals } from './totals.ts';

setMaxListeners(0); // as in the product's own programs: every guest and call of a run listens to its one signal

const DEFAULT_SEEDS = 3000;
const NIGHTLY_SEEDS = 100_000;
const HISTORIES = 100_000;
const SCHEDULES_A_TASK = 50;
const HISTORIES_A_TASK = 10_000;

interface Task {
  readonly kind: 'schedules' | 'histories';
  readonly firstSeed: number;
  readonly count: number;
}

async function doTask({ kind, firstSeed, count }: Task): Promise<Totals> {
  const totals = emptyTotals();
  if (kind === 'histories') {
    addHistories(totals, compareGrades(firstSeed, count));
    return totals;
  }
  for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
    try {
      addSchedule(totals, await runSchedule(seed));
    } catch (error) {
      addFailure(totals, seed, `the harness itself failed: ${error instanceof Error ? error.stack : error}`);
    }
  }
  return totals;
}

function tasksFor(seeds: number): Task[] {
  const tasks: Task[] = [];
  for (let done = 0; done < HISTORIES; done += HISTORIES_A_TASK)
    tasks.push({ kind: 'histories', firstSeed: done + 1, count: HISTORIES_A_TASK });
  for (let done = 0; done < seeds; done += SCHEDULES_A_TASK)
    tasks.push({ kind: 'schedules', firstSeed: done + 1, count: Math.min(SCHEDULES_A_TASK, seeds - done) });
  return tasks;
}

/** One thread a core; each takes the next task when it has done one. */
async function inThreads(tasks: Task[]): Promise<Totals> {
  const totals = emptyTotals();
  const threadCount = Math.min(availableParallelism(), tasks.length);
  await Promise.all(
    Array.from({ length: threadCount }, async () => {
      const worker = new Worker(__filename);
      try {
        for (let task = tasks.shift(); task; task = tasks.shift()) {
          worker.postMessage(task);
          // Rejects when the thread fails.
          const [answer] = await once(worker, 'message');
          merge(totals, answer as Totals); // what the other side of this file sends
        }
      } finally {
        await worker.terminate();
      }
    }),
  );
  // Threads end in any order; the report does not depend on it.
  totals.failures.sort((one, other) => one.seed - other.seed);
  return totals;
}

const wholeNumber = (text: string): number => {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error(`"${text}" is not a whole number`);
};

const USAGE = `npm run chaos -- [options]

  --seeds N    seeds 1 to N; default ${DEFAULT_SEEDS}
  --nightly    seeds 1 to ${NIGHTLY_SEEDS}
  --seed N     one seed again
  --trace      with --seed: every call and journal line with its virtual time, on stderr
  --json       one document on stdout

docs/chaos.md says what is simulated and what is checked. The exit code is 0 when every promise was kept, else 1.
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      seed: { type: 'string' },
      nightly: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const totals = values.seed === undefined ? undefined : emptyTotals();
  if (totals && values.seed !== undefined) {
    const result = await runSchedule(wholeNumber(values.seed), { isTraced: values.trace });
    process.stderr.write(result.trace.map((line) => `${line}\n`).join(''));
    addSchedule(totals, result);
  }
  const seeds =
    values.seeds === undefined ? (values.nightly ? NIGHTLY_SEEDS : DEFAULT_SEEDS) : wholeNumber(values.seeds);
  const sums = totals ?? (await inThreads(tasksFor(seeds)));
  const real = readRealFreezes('.');
  process.stdout.write(values.json ? `${jsonOf(sums, real)}\n` : textOf(sums, real));
  process.stderr.write(failuresOf(sums, real));
  return isWell(sums) && (real?.problems.length ?? 0) === 0 ? 0 : 1;
}

if (isMainThread) {
  main().then(
    (exitCode) => {
      process.exitCode = exitCode;
    },
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
      process.exitCode = 2;
    },
  );
} else {
  parentPort?.on('message', async (task: Task) => parentPort?.postMessage(await doTask(task)));
}

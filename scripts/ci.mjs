// .ci/run [STAGE ...]: all tests there are. Prints `N passed, N failed, N skipped` as its last line and fails if a test failed.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import jestConfig from '../jest.config.cjs';
import { build, install, prebuildJest } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'snaphook-ci-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
/** One for two stages. Backup products run it as users of their own. */
chmodSync(folder, 0o755);
const release = path.join(folder, 'release');
const report = (name) => path.join(folder, `${name}.json`);
const jestArgs = (name) => ['--', '--json', `--outputFile=${report(name)}`];

/** Of the stages that run now. */
const children = new Set();
const kill = (child) => child.pid && process.kill(-child.pid, 'SIGKILL');
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    for (const child of children) kill(child);
    process.exit(1);
  });

/**
 * Samples and generated cases are the same on every machine and for every commit: what fails here is of the change. Other ones
 * (`TEST_SEED=N .ci/run`, `npm run faults -- --nightly`) find what these do not.
 */
const TEST_SEED = process.env.TEST_SEED ?? '210166018';

/** All stages together end within this time. */
const TOTAL_MINUTES = 29;

/** Kept of it: what failed beside other stages is run again with the machine to itself, as limits in real time are hard to keep on a full one. */
const AGAIN_MINUTES = 3;

/** Processes that run tests at the same time. Most of them wait for half of their time. */
const LANES = Math.max(3, availableParallelism() * 2);

/**
 * The first stage of the list that fits into the free lanes starts. What proves most in its time comes first; samples of loops
 * that never end come last, as time may run out. A stage that is over its limit is killed and has failed.
 *
 * `lanes`: how many it takes, 1 by default; the fault matrix has ten labs at work in two processes, and the limits of its runs are
 * short. `after`: the stage that has to be over. `leastMinutes`: with less time left, 1 by default, it is not begun: what is cut off has
 * proven little.
 */
const STAGES = [
  {
    name: 'test',
    limitMinutes: 26,
    lanes: Math.min(jestConfig.maxWorkers, LANES),
    env: { CRASH_STRIDE: '6' },
    npm: ['test', ...jestArgs('test')],
    count: countChecksAndJest,
    again: failedFiles,
  },
  { name: 'demo', limitMinutes: 5, npm: ['run', '--silent', 'demo', '--', '--json'], count: countDemo },
  summaryStage('freeze', 10),
  {
    name: 'chaos',
    limitMinutes: 8,
    after: 'freeze',
    npm: ['run', '--silent', 'chaos', '--', '--json'],
    count: countChaos,
  },
  summaryStage('files', 10),
  summaryStage('applications', 8),
  { ...summaryStage('package', 10), env: { SNAPHOOK_TEST_RELEASE: release } },
  // It uses the release of the one before; the next makes another one in the same folder.
  { ...summaryStage('products', 10), after: 'package', env: { SNAPHOOK_TEST_RELEASE: release } },
  {
    name: 'wine',
    limitMinutes: 8,
    after: 'products',
    npm: ['run', '--silent', 'test:package', '--', 'windows'],
    count: countSummary('package'),
  },
  { ...summaryStage('vss', 8), after: 'wine' },
  summaryStage('peers', 10),
  // A sample of mutations and kill points: there is no room for all of them.
  { ...summaryStage('mutations', 15), env: { MUTATION_STRIDE: '9' } },
  { ...jestStage('faults', 20), lanes: 3, leastMinutes: 10 },
  // An emulated machine beside three others would not be up in time.
  { ...summaryStage('qemu', 20), lanes: 2, leastMinutes: 5 },
  { ...jestStage('crash', 14), lanes: 2, leastMinutes: 5, env: { CRASH_STRIDE: '15' } },
];

/** A suite that ends with the line `<name>: N passed, N failed, N skipped`. */
function summaryStage(name, limitMinutes) {
  return { name, limitMinutes, npm: ['run', '--silent', `test:${name}`], count: countSummary(name) };
}

function jestStage(name, limitMinutes) {
  return {
    name,
    limitMinutes,
    npm: ['run', '--silent', `test:${name}`, ...jestArgs(name)],
    count: () => countJest(name),
  };
}

/** What a stage that was cut off may have said already. */
const FAILURE = /^(not ok |FAIL |BROKEN )/m;

const add = (one, other) => ({
  passed: one.passed + other.passed,
  failed: one.failed + other.failed,
  skipped: one.skipped + other.skipped,
});

function countJest(name) {
  const result = JSON.parse(readFileSync(report(name), 'utf8'));
  return {
    passed: result.numPassedTests,
    failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}

function countChecksAndJest(stdout) {
  const outcomes = [...stdout.matchAll(/^check \w+: (passed|failed)$/gm)].map(([, outcome]) => outcome);
  const passed = outcomes.filter((outcome) => outcome === 'passed').length;
  return add(countJest('test'), { passed, failed: outcomes.length - passed, skipped: 0 });
}

/** What `npm test` runs again of a stage: the files with a failure. */
function failedFiles(name) {
  const { testResults } = JSON.parse(readFileSync(report(name), 'utf8'));
  return testResults.filter(({ status }) => status === 'failed').map((result) => path.relative(root, result.name));
}

/** The whole of stdout must be one document that says the rehearsal succeeded. */
function countDemo(stdout) {
  if (JSON.parse(stdout).ok !== true) throw new Error('the document does not say "ok": true');
  return { passed: 1, failed: 0, skipped: 0 };
}

/** One check a promise, and one that real freezes stand beside the simulated ones. */
function countChaos(stdout) {
  const totals = JSON.parse(stdout);
  const { seeds, frozenGuests, leftovers, foreignTouched, overGraded, realFreezeCycles } = totals;
  const broken = Object.keys(totals.outcomes).filter((name) => name.startsWith('broken: '));
  const checks = [
    seeds > 0,
    frozenGuests === 0,
    leftovers === 0,
    foreignTouched === 0,
    overGraded === 0,
    broken.length === 0,
  ];
  const passed = checks.filter(Boolean).length;
  if (realFreezeCycles === null) console.log('skipped: no real freezes, as the stage "freeze" did not run');
  const real = realFreezeCycles === null ? { passed: 0, skipped: 1 } : { passed: 1, skipped: 0 };
  return { passed: passed + real.passed, failed: checks.length - passed, skipped: real.skipped };
}

function countSummary(name) {
  const pattern = new RegExp(`^${name}: (\\d+) passed, (\\d+) failed, (\\d+) skipped$`, 'm');
  return (stdout) => {
    const [, passed, failed, skipped] = stdout.match(pattern) ?? [];
    if (passed === undefined) throw new Error('no summary was printed');
    return { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
  };
}

/**
 * Runs npm in a process group of its own, so that nothing of it outlives its limit or this program. `quiet`: what it says is
 * kept for the end, as others run beside it.
 */
function run({ npm, env }, limitMs, quiet) {
  return new Promise((resolve) => {
    const child = spawn('npm', npm, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, TEST_SEED, ...env },
    });
    let said = '';
    children.add(child);
    const timer = setTimeout(() => kill(child), limitMs);
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      said += text;
      if (!quiet) process.stdout.write(text);
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text;
      if (!quiet) process.stderr.write(text);
    });
    const end = (how) => {
      clearTimeout(timer);
      children.delete(child);
      resolve({ stdout, said, how });
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, signal) => end(signal ? `ended by ${signal}` : `exit code ${code}`));
  });
}

async function runStage({ name, limitMinutes, leastMinutes = 1, npm, env, count, again }, quiet) {
  console.log(`\n=== ${name}: npm ${npm.join(' ')}`);
  const startMs = performance.now();
  const limitMs = Math.min(limitMinutes * 60_000, stagesEndMs - startMs);
  if (limitMs < leastMinutes * 60_000) {
    console.log(`=== ${name}: skipped, the stages before left too little time`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  const { stdout, said, how } = await run({ npm, env }, limitMs, quiet);
  if (quiet) console.log(`\n=== ${name} said:\n${said}`);
  if (how === 'ended by SIGKILL' && limitMs < limitMinutes * 60_000 && !FAILURE.test(said)) {
    const passed = (stdout.match(/^ok /gm) ?? []).length;
    console.log(`=== ${name}: ${passed} passed, the rest skipped: the time for all stages was over`);
    return { passed, failed: 0, skipped: 1 };
  }
  let counts = { passed: 0, failed: 0, skipped: 0 };
  let problem = '';
  try {
    counts = count(stdout);
  } catch (error) {
    problem = `; could not be counted: ${error.message}`;
  }
  if (counts.failed === 0 && (problem !== '' || how !== 'exit code 0'))
    counts = add(counts, { passed: 0, failed: 1, skipped: 0 });
  const seconds = Math.round((performance.now() - startMs) / 1000);
  console.log(`=== ${name}: ${how} after ${seconds} s${problem}; ${line(counts)}`);
  const files = again && counts.failed > 0 && problem === '' ? again(name) : [];
  return { ...counts, files };
}

/** So many files with failures are no matter of a full machine. */
const AGAIN_FILES = 5;

/**
 * Runs files that failed beside other stages once more, with nothing beside them, and says so: what fails again has failed, and
 * what passes is counted as passed.
 */
async function runAgain(total, files) {
  if (files.length === 0 || files.length > AGAIN_FILES) return total;
  console.log(`\n=== again, alone, as they failed beside other stages: ${files.join(' ')}`);
  const npm = ['test', ...jestArgs('again'), '--maxWorkers=1', ...files];
  const { how } = await run({ npm, env: {} }, endMs - performance.now(), false);
  const failures = countJest('test').failed;
  const passed = how === 'exit code 0' ? failures : 0;
  console.log(`=== again: ${how}; ${passed} of ${failures} failures passed alone`);
  return { ...total, passed: total.passed + passed, failed: total.failed - passed };
}

/** Starts each of them as soon as it fits; resolves with the sum when all have ended. */
async function runAll(stages) {
  const waiting = [...stages];
  /** By stage, the stage again and its counts once it has ended. */
  const running = new Map();
  let total = { passed: 0, failed: 0, skipped: 0 };
  const files = [];
  for (;;) {
    const free = LANES - [...running.keys()].reduce((sum, stage) => sum + lanesOf(stage), 0);
    const isOpen = (name) => [...running.keys(), ...waiting].some((stage) => stage.name === name);
    const next = waiting.findIndex((stage) => lanesOf(stage) <= free && !isOpen(stage.after));
    if (next >= 0) {
      const [stage] = waiting.splice(next, 1);
      const ended = runStage(stage, stages.length > 1).then((counts) => ({ stage, counts }));
      running.set(stage, ended);
      continue;
    }
    if (running.size === 0) return runAgain(total, files);
    const { stage, counts } = await Promise.race(running.values());
    running.delete(stage);
    total = add(total, counts);
    files.push(...(counts.files ?? []));
  }
}

const lanesOf = ({ lanes = 1 }) => lanes;

const line = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`;

console.log(`TEST_SEED=${TEST_SEED} brings the samples and generated cases of this run back`);
const endMs = performance.now() + TOTAL_MINUTES * 60_000;
const stagesEndMs = endMs - AGAIN_MINUTES * 60_000;
const wanted = process.argv.slice(2);
const names = STAGES.map(({ name }) => name);
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`no stage "${unknown.join('", "')}"; there are ${names.join(', ')}`);
  console.log('0 passed, 1 failed, 0 skipped');
  process.exit(1);
}
// Once, before stages that run side by side would do it at the same time.
try {
  install();
  build();
  prebuildJest();
} catch (error) {
  console.error(`set-up failed, and so will what needs it: ${error.message}`);
}
const chosen = STAGES.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const total = await runAll(chosen);
console.log(line(total));
process.exitCode = total.failed === 0 ? 0 : 1;

// npm run test:mutations [-- WORD ...]: takes the mechanisms away that the product's safety hangs on (test/mutations), one after
// the other, in a copy of the tree, and expects the suite that guards each to fail. Words choose mutations by their name.
// With MUTATION_STRIDE=N every Nth of them, other ones each time. Of the others it is seen whether their code is still there.
// Prints a line a mutation, and at the end `mutations: N passed, N failed, N skipped`.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MUTATIONS } from '../test/mutations/mutations.mjs';
import { helpOnRequest } from './help.mjs';
import { build, install, prebuildJest } from './setup.mjs';

helpOnRequest(import.meta.url);

const LIMIT_MS = 240_000;
const root = fileURLToPath(new URL('..', import.meta.url));

/** The tracked files and those that are new, with packages and prebuilt parts linked. */
function copyTree() {
  const copy = mkdtempSync(path.join(tmpdir(), 'snaphook-mutations-'));
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const file of list
    .toString()
    .split('\0')
    .filter((name) => name !== '' && existsSync(path.join(root, name)))) {
    mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
    cpSync(path.join(root, file), path.join(copy, file));
  }
  mkdirSync(path.join(copy, 'build'));
  for (const folder of ['node_modules', 'build/jest', 'dist'])
    symlinkSync(path.join(root, folder), path.join(copy, folder));
  return copy;
}

/** Words in, outcome out: `passed`, `failed` by a test, `skipped`, or `broken` (nothing ran, or a suite did not load). */
function runSuite(copy, { tests, freezeTests }) {
  return freezeTests === undefined ? runJest(copy, tests) : runFreezeStage(copy, freezeTests);
}

const start = (copy, args, stdout) =>
  spawnSync(process.execPath, args, {
    cwd: copy,
    stdio: ['ignore', stdout, 'ignore'],
    encoding: 'utf8',
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
    env: { ...process.env, CI: 'true' },
  });

function runJest(copy, tests) {
  const reportFile = path.join(copy, 'report.json');
  rmSync(reportFile, { force: true });
  const jest = path.join(copy, 'node_modules/jest/bin/jest.js');
  start(copy, [jest, '--runInBand', '--json', '--outputFile', reportFile, ...tests], 'ignore');
  if (!existsSync(reportFile)) return 'broken';
  const report = JSON.parse(readFileSync(reportFile, 'utf8'));
  if (report.numRuntimeErrorTestSuites > 0) return 'broken';
  if (report.numFailedTests > 0) return 'failed';
  return report.numPassedTests > 0 ? 'passed' : 'broken';
}

/** The helper of Linux guests is built from the copy and runs on real file systems. */
function runFreezeStage(copy, path) {
  const { stdout } = start(copy, ['scripts/test-freeze.mjs', path], 'pipe');
  const [, passed, failed, skipped] = stdout.match(/^freeze: (\d+) passed, (\d+) failed, (\d+) skipped$/m) ?? [];
  if (Number(skipped) > 0) return 'skipped';
  if (/^not ok (freeze:|the suite)/m.test(stdout)) return 'broken';
  if (Number(failed) > 0) return 'failed';
  return Number(passed) > 0 ? 'passed' : 'broken';
}

const isFound = (tree, { file, find }) => readFileSync(path.join(tree, file), 'utf8').split(find).length === 2;

function mutate(copy, mutation) {
  const { file, find, replace } = mutation;
  const target = path.join(copy, file);
  const source = readFileSync(target, 'utf8');
  if (!isFound(copy, mutation)) throw new Error(`what is to be replaced does not stand exactly once in ${file}`);
  writeFileSync(
    target,
    source.replace(find, () => replace),
  );
  return () => writeFileSync(target, source);
}

function judge(copy, mutation, healthy) {
  const suite = JSON.stringify([mutation.freezeTests, mutation.tests]);
  if (!healthy.has(suite)) healthy.set(suite, runSuite(copy, mutation));
  if (healthy.get(suite) === 'skipped') return 'skipped';
  if (healthy.get(suite) !== 'passed') return `its suite does not pass without the change (${healthy.get(suite)})`;
  const restore = mutate(copy, mutation);
  try {
    const outcome = runSuite(copy, mutation);
    return outcome === 'failed' ? undefined : `the suite ${outcome === 'passed' ? 'did not notice' : 'broke'}`;
  } finally {
    restore();
  }
}

install();
build();
prebuildJest();
const words = process.argv.slice(2);
const stride = Number(process.env.MUTATION_STRIDE ?? 1);
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const first = seed % stride;
const wanted = MUTATIONS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word))).filter(
  (_, index) => index % stride === first,
);
if (wanted.length === 0) console.error(`no mutation has "${words.join('" or "')}" in its name`);
const copy = copyTree();
process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
const total = { passed: 0, failed: 0, skipped: 0 };
const healthy = new Map();
// Code that moved leaves its mutation behind: that is cheap to see of all of them.
for (const mutation of MUTATIONS.filter((one) => !wanted.includes(one) && !isFound(copy, one))) {
  console.log(`not ok ${mutation.name}: what is to be replaced does not stand exactly once in ${mutation.file}`);
  total.failed += 1;
}
for (const mutation of wanted) {
  let problem;
  try {
    problem = judge(copy, mutation, healthy);
  } catch (error) {
    problem = error.message;
  }
  if (problem === 'skipped') {
    console.log(`skipped ${mutation.name}: its suite cannot run here`);
    total.skipped += 1;
    continue;
  }
  console.log(problem === undefined ? `ok ${mutation.name}: noticed` : `not ok ${mutation.name}: ${problem}`);
  total[problem === undefined ? 'passed' : 'failed'] += 1;
}
console.log(`mutations: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 && wanted.length > 0 ? 0 : 1);

// Runs jest suites that a stage of its own prepared, prints a line a check, and counts them.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** By jest's status; any other than these is a failure. */
const WORD_OF_STATUS = { passed: 'ok', pending: 'skipped' };

/** Returns `{ passed, failed, skipped }`. A check is a test of the suites, or an `ok` line of a script they started. */
export async function runSuite({ config, suites, environment }) {
  const folder = mkdtempSync(path.join(tmpdir(), 'snaphook-suite-'));
  try {
    return await run(config, suites, environment, path.join(folder, 'report.json'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function run(config, suites, environment, reportFile) {
  const jest = spawn(
    process.execPath,
    [
      path.join(root, 'node_modules/jest/bin/jest.js'),
      ...['--config', config, '--runInBand', '--json', '--outputFile', reportFile],
      suites,
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...environment } },
  );
  const ended = new Promise((resolve) => jest.once('close', resolve));
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const count = (line) => {
    if (line.startsWith('ok ')) counts.passed += 1;
    else if (/^(not ok|FAILED) /.test(line)) counts.failed += 1;
    else if (line.startsWith('skipped ')) counts.skipped += 1;
    console.log(line);
  };
  for await (const line of createInterface({ input: jest.stdout })) count(line);
  const exitCode = await ended;
  const { testResults } = JSON.parse(readFileSync(reportFile, 'utf8'));
  for (const { title, status } of testResults.flatMap(({ assertionResults }) => assertionResults))
    count(`${WORD_OF_STATUS[status] ?? 'not ok'} ${title}`);
  if (exitCode !== 0 && counts.failed === 0) count('not ok the suite did not run to its end');
  return counts;
}

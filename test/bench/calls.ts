import { closePorts } from '../../src/cli/compose.ts';
import { post } from '../../src/job/post.ts';
import { pre } from '../../src/job/pre.ts';
import { DATABASE_VM } from '../../src/lab/estate.ts';
import { type RemoteLab, startRemoteLab } from './lab-client.ts';
import type { SeenCalls } from './messages.ts';
import { naiveRun } from './naive-run.ts';
import { benchContext, openPorts } from './ports.ts';
import type { BenchResult } from './result.ts';
import { rounded } from './statistics.ts';

const DISKS = [1, 4, 16, 64];
const JOB = 'nightly';
const ARRAY_LIMIT = 12;

interface Cell {
  readonly disks: number;
  readonly ours: SeenCalls;
  readonly naive: SeenCalls;
}

const never = new AbortController().signal;

/** Calls of a whole run, pre and post hook, and in the window, by number of disks of one VM. */
export async function benchCalls(): Promise<BenchResult> {
  const cells: Cell[] = [];
  for (const disks of DISKS) {
    const lab = await startRemoteLab({ kind: 'demo', disks });
    try {
      cells.push({ disks, ours: await ourRun(lab), naive: await oneByOne(lab) });
    } finally {
      await lab.close();
    }
  }
  return resultOf(cells);
}

/** The two hooks have ports of their own, as two processes have. */
async function ourRun(lab: RemoteLab): Promise<SeenCalls> {
  await lab.seen();
  await withPorts(lab, async ({ ports, spec }) => {
    await pre(ports, spec, benchContext(JOB), never);
  });
  await lab.linksDefined();
  await withPorts(lab, async ({ ports, spec }) => {
    await post(ports, spec);
  });
  return await lab.seen();
}

async function oneByOne(lab: RemoteLab): Promise<SeenCalls> {
  await withPorts(lab, ({ ports, spec }) => naiveRun(ports, spec, () => lab.linksDefined()));
  return await lab.seen();
}

async function withPorts(
  { configFile }: RemoteLab,
  work: (opened: ReturnType<typeof openPorts>) => Promise<void>,
): Promise<void> {
  const opened = openPorts(configFile, JOB, [DATABASE_VM]);
  try {
    await work(opened);
  } finally {
    await closePorts(opened.ports);
  }
}

function resultOf(cells: readonly Cell[]): BenchResult {
  const most = Math.max(...cells.map(({ ours }) => ours.array));
  const inWindow = cells.map(
    ({ ours }) => ours.inWindow ?? { array: Number.NaN, vcenter: Number.NaN, connections: Number.NaN },
  );
  return {
    bench: 'calls',
    conditions: { Unisphere: '10.3', VMs: 1 },
    rows: cells.map(({ disks, ours, naive }) => ({
      disks,
      vCenter: ours.vcenter,
      array: ours.array,
      'in window: array': ours.inWindow?.array ?? 'none seen',
      'vCenter in window': ours.inWindow?.vcenter ?? 'none seen',
      'connections in window': ours.inWindow?.connections ?? 'none seen',
      'naive array': naive.array,
      'naive in window': naive.inWindow?.array ?? 'hold ran out', // then the guest let go by itself
      'array ratio': rounded(naive.array / ours.array),
    })),
    goals: [
      { name: 'array calls of a run', limit: `${ARRAY_LIMIT}`, measured: `${most}`, met: most <= ARRAY_LIMIT },
      {
        name: 'calls in the window: array, vCenter, new connections',
        limit: '1, 0, 0',
        measured: [...new Set(inWindow.map((seen) => `${seen.array}, ${seen.vcenter}, ${seen.connections}`))].join(
          ' / ',
        ),
        met: inWindow.every(({ array, vcenter, connections }) => array === 1 && vcenter === 0 && connections === 0),
      },
    ],
    notes: cells.map(({ disks, ours }) => `${disks} disks: ${kindsOf(ours)}`),
  };
}

const kindsOf = ({ calls }: SeenCalls): string =>
  Object.entries(calls)
    .filter(([operation]) => !operation.startsWith('guest '))
    .map(([operation, count]) => `${count} ${operation}`)
    .join(', ');

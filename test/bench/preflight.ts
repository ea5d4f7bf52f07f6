import { fork } from 'node:child_process';
import { once } from 'node:events';
import { nextMessage, type RemoteLab, startRemoteLab } from './lab-client.ts';
import type { SeenCalls } from './messages.ts';
import type { PreflightMeasure, PreflightRequest } from './preflight-client.ts';
import type { BenchResult } from './result.ts';
import { rounded } from './statistics.ts';

const RTT_MS = 20;
const DISKS_PER_VM = 3;
const SIZES = [10, 100, 1000];
/** Beyond this the baseline takes minutes: it is linear, and told as many times this size. */
const LARGEST_NAIVE = 100;
const LIMIT_MS = 5000;
const LIMIT_RSS_MIB = 256;

interface Cell {
  readonly vms: number;
  readonly ours: PreflightMeasure;
  readonly seen: SeenCalls;
  readonly naive: { readonly tookMs: number; readonly calls: number } | undefined;
}

/** Calls, time and memory of a plan over 10, 100 and 1,000 of the same 1,000 VMs. */
export async function benchPreflight(options: { readonly fullBaseline: boolean }): Promise<BenchResult> {
  const lab = await startRemoteLab({
    kind: 'bench',
    vms: Math.max(...SIZES),
    disksPerVm: DISKS_PER_VM,
    rttMs: RTT_MS,
    guests: 'none',
  });
  try {
    const cells: Cell[] = [];
    for (const vms of SIZES) cells.push(await measure(lab, vms, options.fullBaseline || vms <= LARGEST_NAIVE));
    return resultOf(cells);
  } finally {
    await lab.close();
  }
}

async function measure(lab: RemoteLab, vms: number, withNaive: boolean): Promise<Cell> {
  const request: PreflightRequest = { configFile: lab.configFile, vms };
  await lab.seen();
  const client = fork(__filename, ['--as-preflight-client', JSON.stringify(request)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(client, 'exit');
  const ours = await nextMessage<PreflightMeasure>(client);
  const seen = await lab.seen();
  let naive: Cell['naive'];
  if (withNaive) {
    const measured = nextMessage<PreflightMeasure>(client);
    client.send({ naive: true });
    const { tookMs } = await measured;
    const { vcenter, array } = await lab.seen();
    naive = { tookMs, calls: vcenter + array };
  } else client.send({ naive: false });
  await ended;
  return { vms, ours, seen, naive };
}

const isPaging = (operation: string): boolean => /Continue|\/Iterator\/|page|cursor|GET volumes\?/i.test(operation);

function resultOf(cells: readonly Cell[]): BenchResult {
  const linear = cells.findLast(({ naive }) => naive !== undefined);
  const rows = cells.map(({ vms, ours, seen, naive }) => {
    const paging = pagingCalls(seen);
    const factor = linear ? vms / linear.vms : Number.NaN;
    const naiveMs = naive?.tookMs ?? (linear?.naive?.tookMs ?? Number.NaN) * factor;
    const naiveCalls = naive?.calls ?? (linear?.naive?.calls ?? Number.NaN) * factor;
    return {
      VMs: vms,
      disks: ours.devices,
      'vCenter calls': seen.vcenter,
      'array calls': seen.array,
      'of them paging': paging,
      s: rounded(ours.tookMs / 1000, 2),
      'peak RSS MiB': Math.round(ours.peakRssMib),
      'naive calls': Math.round(naiveCalls),
      'naive s': rounded(naiveMs / 1000, 1),
      'naive measured': naive !== undefined,
      'calls ratio': rounded(naiveCalls / (seen.vcenter + seen.array), 1),
      'time ratio': rounded(naiveMs / ours.tookMs, 1),
    };
  });
  const unpaged = cells.map(({ seen }) => seen.vcenter + seen.array - pagingCalls(seen));
  const largest = cells.at(-1);
  const slowestMs = Math.max(...cells.map(({ ours }) => ours.tookMs));
  const rssMib = largest?.ours.peakRssMib ?? Number.NaN;
  return {
    bench: 'preflight',
    conditions: {
      'injected round trip ms': RTT_MS,
      'VMs in the inventory': Math.max(...SIZES),
      'disks a VM': DISKS_PER_VM,
    },
    rows,
    goals: [
      {
        name: 'the same calls but for paging',
        limit: 'equal',
        measured: unpaged.join(', '),
        met: new Set(unpaged).size === 1,
      },
      {
        name: 'slowest preflight',
        limit: `${LIMIT_MS / 1000} s`,
        measured: `${rounded(slowestMs / 1000, 2)} s`,
        met: slowestMs <= LIMIT_MS,
      },
      {
        name: `peak RSS of the process with ${largest?.vms} VMs`,
        limit: `${LIMIT_RSS_MIB} MiB`,
        measured: `${Math.round(rssMib)} MiB`,
        met: rssMib <= LIMIT_RSS_MIB,
      },
    ],
    notes: cells.some(({ naive }) => naive === undefined)
      ? [
          `The baseline is measured up to ${linear?.vms} VMs and extended in proportion beyond; --full-baseline measures all.`,
        ]
      : [],
  };
}

const pagingCalls = ({ calls }: SeenCalls): number =>
  Object.entries(calls)
    .filter(([operation]) => isPaging(operation))
    .reduce((sum, [, count]) => sum + count, 0);

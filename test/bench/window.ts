import { setMaxListeners } from 'node:events';
import { closePorts } from '../../src/cli/compose.ts';
import { draftPlan } from '../../src/job/plan-draft.ts';
import type { CaptureResult } from '../../src/job/results.ts';
import { runStep } from '../../src/job/step.ts';
import { captureStep } from '../../src/job/steps/capture.ts';
import { guestsStep } from '../../src/job/steps/guests.ts';
import { vmName } from './estate.ts';
import { type RemoteLab, startRemoteLab } from './lab-client.ts';
import { naiveWindow } from './naive-window.ts';
import { openPorts } from './ports.ts';
import type { BenchResult } from './result.ts';
import { percentile, rounded } from './statistics.ts';
import { WindowCpu } from './window-cpu.ts';
import { newRun, type Opened, throwAway } from './window-run.ts';

const RTT_MS = 5;
const ARRAY_MS = [50, 500, 2000, 8000];
/** Repetitions by number of VMs and array time: guests are opened anew each time, and the long ones take long. */
const REPETITIONS: ReadonlyMap<number, readonly number[]> = new Map([
  [1, [10, 4, 2, 1]],
  [8, [6, 3, 2, 1]],
  [64, [3, 2, 1, 1]],
]);
/** The baseline takes one array time after the other; it is not made to hold guests for longer than this. */
const LONGEST_NAIVE_MS = 4000;
const P50_LIMIT_MS = 50;
const P99_LIMIT_MS = 100;

interface Cell {
  readonly vms: number;
  readonly arrayMs: number;
  readonly overheadsMs: readonly number[];
  readonly windows: readonly Measured[];
  readonly naiveMs: number | undefined;
}

const never = new AbortController().signal;
setMaxListeners(0, never); // one signal for many guests

/** How much longer guests stand still than the array and two round trips need. */
export async function benchWindow(): Promise<BenchResult> {
  const cells: Cell[] = [];
  for (const [vms, repetitions] of REPETITIONS) {
    const lab = await startRemoteLab({ kind: 'bench', vms, disksPerVm: 1, rttMs: RTT_MS, guests: 'linux' });
    try {
      cells.push(...(await measureVms(lab, vms, repetitions)));
    } finally {
      await lab.close();
    }
  }
  return resultOf(cells);
}

async function measureVms(lab: RemoteLab, vms: number, repetitions: readonly number[]): Promise<readonly Cell[]> {
  const names = Array.from({ length: vms }, (_, index) => vmName(index));
  const { ports, spec } = openPorts(lab.configFile, 'bench', names);
  const cells: Cell[] = [];
  try {
    const draft = await draftPlan(ports, spec, never);
    const opened: Opened = { ports, spec, draft };
    await repetition(lab, opened); // the first one loads and compiles
    for (const [index, arrayMs] of ARRAY_MS.entries()) {
      await lab.setEstablishMs(arrayMs);
      const overheadsMs: number[] = [];
      const windows: Measured[] = [];
      for (let count = repetitions[index] ?? 1; count > 0; count -= 1) {
        const measured = await repetition(lab, opened);
        windows.push(measured);
        overheadsMs.push(measured.windowMs - measured.answerMs - 2 * RTT_MS);
      }
      const naiveMs = arrayMs * vms > LONGEST_NAIVE_MS ? undefined : await naiveOnce(opened);
      cells.push({ vms, arrayMs, overheadsMs, windows, naiveMs });
    }
  } finally {
    await closePorts(ports);
  }
  return cells;
}

/** One window; `answerMs` is the time of the establish as the array's server saw it. */
interface Measured {
  readonly windowMs: number;
  readonly answerMs: number;
  readonly freezeMs: number;
  readonly thawMs: number;
  /** Processor time of this process and of the lab's in the window. */
  readonly ownCpuMs: number;
  readonly labCpuMs: number;
}

/** Opens guests, holds one window as the product does, and removes the snapshot again. */
async function repetition(lab: RemoteLab, opened: Opened): Promise<Measured> {
  const run = await newRun(opened);
  await runStep(run, guestsStep, never);
  await lab.seen();
  const cpu = new WindowCpu();
  for (const [vm, guest] of run.openGuests) run.openGuests.set(vm, cpu.watch(guest));
  const capture = await runStep(run, captureStep, never);
  const { establishMs, inWindow, windowCpuMs: labCpuMs } = await lab.seen();
  const [answerMs, ...others] = establishMs;
  if (answerMs === undefined || others.length > 0 || inWindow?.array !== 1 || inWindow.vcenter !== 0)
    throw new Error(`the window was not one array call: ${JSON.stringify({ establishMs, inWindow })}`);
  requireHeld(capture);
  await throwAway(run);
  const { lengthMs: windowMs, freezeMs, thawMs } = capture;
  return { windowMs, answerMs, freezeMs, thawMs, ownCpuMs: cpu.ms, labCpuMs };
}

/** A window that did not hold writes is no measurement. */
function requireHeld({ vms }: CaptureResult): void {
  const lost = vms.find(({ grade }) => grade !== 'filesystem');
  if (lost) throw new Error(`a window of the bench has grade ${lost.grade}: ${lost.reasons.join('; ')}`);
}

async function naiveOnce(opened: Opened): Promise<number> {
  const run = await newRun(opened);
  await runStep(run, guestsStep, never);
  try {
    return await naiveWindow(run);
  } finally {
    await run.journal.append({ kind: 'intent', data: { step: 'capture' } });
    await throwAway(run);
  }
}

const median = (windows: readonly Measured[], of: keyof Measured): number =>
  percentile(
    windows.map((window) => window[of]),
    0.5,
  );

function resultOf(cells: readonly Cell[]): BenchResult {
  const all = cells.flatMap(({ overheadsMs }) => overheadsMs);
  const p50 = percentile(all, 0.5);
  const p99 = percentile(all, 0.99);
  return {
    bench: 'window',
    conditions: { 'injected round trip ms': RTT_MS, windows: all.length },
    rows: cells.map(({ vms, arrayMs, overheadsMs, windows, naiveMs }) => ({
      VMs: vms,
      'array s': arrayMs / 1000,
      windows: windows.length,
      'window p50 ms': Math.round(median(windows, 'windowMs')),
      'freeze p50 ms': rounded(median(windows, 'freezeMs')),
      'thaw p50 ms': rounded(median(windows, 'thawMs')),
      'own CPU p50 ms': Math.round(median(windows, 'ownCpuMs')),
      'lab CPU p50 ms': Math.round(median(windows, 'labCpuMs')),
      'overhead p50 ms': rounded(percentile(overheadsMs, 0.5)),
      'overhead max ms': rounded(Math.max(...overheadsMs)),
      'naive window ms': naiveMs === undefined ? 'not run' : Math.round(naiveMs),
      ratio: naiveMs === undefined ? '' : rounded(naiveMs / median(windows, 'windowMs')),
    })),
    goals: [
      {
        name: 'overhead p50',
        limit: `${P50_LIMIT_MS} ms`,
        measured: `${rounded(p50)} ms`,
        met: p50 <= P50_LIMIT_MS,
      },
      {
        name: 'overhead p99',
        limit: `${P99_LIMIT_MS} ms`,
        measured: `${rounded(p99)} ms`,
        met: p99 <= P99_LIMIT_MS,
      },
    ],
    notes: [
      'overhead = window - time of the establish as the array saw it (its round trip included) - 2 round trips (freeze, thaw)',
      'naive: one guest after the other, one snapshot a device, thaw after all; not run where it would hold guests for more ' +
        `than ${LONGEST_NAIVE_MS / 1000} s of array time`,
    ],
  };
}

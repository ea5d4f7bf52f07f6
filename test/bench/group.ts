import { setMaxListeners } from 'node:events';
import { closePorts } from '../../src/cli/compose.ts';
import { draftPlan } from '../../src/job/plan-draft.ts';
import type { CaptureResult } from '../../src/job/results.ts';
import { runStep } from '../../src/job/step.ts';
import { captureStep } from '../../src/job/steps/capture.ts';
import { guestsStep } from '../../src/job/steps/guests.ts';
import { vmName } from './estate.ts';
import { startRemoteLab } from './lab-client.ts';
import { openPorts } from './ports.ts';
import type { BenchResult } from './result.ts';
import { percentile, rounded } from './statistics.ts';
import { newRun, throwAway } from './window-run.ts';

const GUESTS = 20;
const RTT_MS = [1, 5, 20];
const ARRAY_MS = 500;
const REPETITIONS = 5;
const SPARE_MS = 100;

const never = new AbortController().signal;
setMaxListeners(0, never); // one signal for many guests

interface Group {
  /** From the first guest that stood still to the last one. */
  readonly skewMs: number;
  /** From the first guest that wrote again to the last one. */
  readonly endSkewMs: number;
  readonly grades: ReadonlyMap<string, number>;
}

/** Ten Windows and ten Linux guests in one snapshot: how far apart they come to a hold. */
export async function benchGroup(): Promise<BenchResult> {
  const rows: { readonly rttMs: number; readonly groups: readonly Group[] }[] = [];
  for (const rttMs of RTT_MS) rows.push({ rttMs, groups: await groupsAt(rttMs) });
  const worst = rows.map(({ rttMs, groups }) => ({
    rttMs,
    skewMs: Math.max(...groups.map(({ skewMs }) => skewMs)),
  }));
  return {
    bench: 'group',
    conditions: { guests: GUESTS, 'of them Windows': GUESTS / 2, 'array ms': ARRAY_MS, windows: REPETITIONS },
    rows: rows.map(({ rttMs, groups }) => ({
      'injected round trip ms': rttMs,
      'skew p50 ms': rounded(
        percentile(
          groups.map(({ skewMs }) => skewMs),
          0.5,
        ),
      ),
      'skew max ms': rounded(Math.max(...groups.map(({ skewMs }) => skewMs))),
      'skew of the end max ms': rounded(Math.max(...groups.map(({ endSkewMs }) => endSkewMs))),
      grades: [...(groups.at(-1)?.grades ?? [])].map(([grade, count]) => `${count} ${grade}`).join(', '),
    })),
    goals: worst.map(({ rttMs, skewMs }) => ({
      name: `skew at a round trip of ${rttMs} ms`,
      limit: `${2 * rttMs + SPARE_MS} ms`,
      measured: `${rounded(skewMs)} ms`,
      met: skewMs <= 2 * rttMs + SPARE_MS,
    })),
    notes: ['guests of the lab flush nothing: what a real guest needs for that comes on top'],
  };
}

async function groupsAt(rttMs: number): Promise<readonly Group[]> {
  const lab = await startRemoteLab({ kind: 'bench', vms: GUESTS, disksPerVm: 1, rttMs, guests: 'mixed' });
  const names = Array.from({ length: GUESTS }, (_, index) => vmName(index));
  const { ports, spec } = openPorts(lab.configFile, 'bench', names);
  try {
    await lab.setEstablishMs(ARRAY_MS);
    const draft = await draftPlan(ports, spec, never);
    const groups: Group[] = [];
    for (let count = 0; count <= REPETITIONS; count += 1) {
      const run = await newRun({ ports, spec, draft });
      await runStep(run, guestsStep, never);
      await lab.seen();
      const { vms } = await runStep(run, captureStep, never);
      const { stoodStill } = await lab.seen();
      await throwAway(run);
      if (stoodStill.length !== GUESTS) throw new Error(`${stoodStill.length} of ${GUESTS} guests stood still`);
      groups.push(groupOf(stoodStill, vms));
    }
    return groups.slice(1); // the first one loads and compiles
  } finally {
    await closePorts(ports);
    await lab.close();
  }
}

function groupOf(
  stoodStill: readonly { readonly fromMs: number; readonly toMs: number }[],
  vms: CaptureResult['vms'],
): Group {
  const spread = (moments: readonly number[]) => Math.max(...moments) - Math.min(...moments);
  const grades = new Map<string, number>();
  for (const { grade } of vms) grades.set(grade, (grades.get(grade) ?? 0) + 1);
  return {
    skewMs: spread(stoodStill.map(({ fromMs }) => fromMs)),
    endSkewMs: spread(stoodStill.map(({ toMs }) => toMs)),
    grades,
  };
}

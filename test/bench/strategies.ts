import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { closePorts } from '../../src/cli/compose.ts';
import { type Grade, isLower } from '../../src/job/grade.ts';
import type { JobSpec } from '../../src/job/job-spec.ts';
import { draftPlan } from '../../src/job/plan-draft.ts';
import { runStep } from '../../src/job/step.ts';
import { captureStep } from '../../src/job/steps/capture.ts';
import { guestsStep } from '../../src/job/steps/guests.ts';
import { DATABASE_VM, LINUX_VM } from '../../src/lab/estate.ts';
import { ARRAY_ID } from '../../src/lab/estate-array.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import type { LabEvent } from '../../src/lab/world/events.ts';
import { openPorts } from './ports.ts';
import type { BenchResult } from './result.ts';
import { rounded } from './statistics.ts';
import { newRun, throwAway } from './window-run.ts';

const ARRAY_MS = [100, 1000, 3000, 6000, 8500, 9500, 12_000];
const never = new AbortController().signal;

interface Strategy {
  readonly name: string;
  readonly vm: string;
  /** Settings of the Windows guest, and of its way in. */
  readonly guest?: { readonly strategy?: string; readonly winrm?: object };
  readonly spec: Partial<JobSpec>;
}

const ANY_GRADE = { grade: 'crash', onLowerGrade: 'degrade' } as const;
const STRATEGIES: readonly Strategy[] = [
  { name: 'vss-provider, commit', vm: DATABASE_VM, guest: { winrm: { hold: 'commit' } }, spec: ANY_GRADE },
  {
    name: 'vss-provider, precommit',
    vm: DATABASE_VM,
    guest: { winrm: { hold: 'precommit', holdSeconds: 55 } },
    spec: ANY_GRADE,
  },
  {
    name: 'vss-diskshadow, files',
    vm: DATABASE_VM,
    guest: { strategy: 'vss-diskshadow' },
    spec: { ...ANY_GRADE, files: { onUnreadable: 'note' } },
  },
  { name: 'vss-diskshadow, images', vm: DATABASE_VM, guest: { strategy: 'vss-diskshadow' }, spec: ANY_GRADE },
  { name: 'linux-fsfreeze', vm: LINUX_VM, spec: ANY_GRADE },
  { name: 'none', vm: DATABASE_VM, spec: { ...ANY_GRADE, freeze: 'none' } },
];

interface Window {
  readonly strategy: string;
  readonly arrayMs: number;
  /** How long the guest stood still, by the lab; undefined: it was never held. */
  readonly stillMs: number | undefined;
  readonly grade: Grade | 'no snapshot';
  /** The best grade that is true by what the lab saw; undefined without snapshot. */
  readonly truth: Grade | undefined;
}

/** Each strategy with arrays of every speed: how long a guest stands still, and whether its grade is ever better than the truth. */
export async function benchStrategies(): Promise<BenchResult> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'snaphook-strategies-'));
  const lab = await startLab({ directory, estate: { disks: 2, cylinders: 6 } });
  const windows: Window[] = [];
  try {
    for (const strategy of STRATEGIES)
      for (const arrayMs of ARRAY_MS) windows.push(await windowOf(lab, strategy, arrayMs));
  } finally {
    await lab.close();
    rmSync(directory, { recursive: true, force: true });
  }
  const isOver = ({ grade, truth }: Window) => grade !== 'no snapshot' && truth !== undefined && isLower(truth, grade);
  const over = windows.filter(isOver).length;
  return {
    bench: 'strategies',
    conditions: { 'array s': ARRAY_MS.map((ms) => ms / 1000).join(', '), windows: windows.length },
    rows: windows.map(({ strategy, arrayMs, stillMs, grade, truth }) => ({
      strategy,
      'array s': arrayMs / 1000,
      'stood still s': stillMs === undefined ? '' : rounded(stillMs / 1000),
      grade,
      truth: truth ?? '',
    })),
    goals: [{ name: 'windows graded better than they were', limit: '0', measured: String(over), met: over === 0 }],
    notes: [
      'truth: what held at the instant of the establish by the events of the lab, which the product does not see',
      'no snapshot: the array was given up, so that the run would fail',
    ],
  };
}

async function windowOf(lab: Lab, { name, vm, guest, spec: wish }: Strategy, arrayMs: number): Promise<Window> {
  const array = lab.unisphere.array(ARRAY_ID);
  array.knobs = { ...array.knobs, establishMs: arrayMs };
  const { ports, spec } = openPorts(configured(lab, guest), vm === LINUX_VM ? 'linux' : 'nightly', [vm]);
  const before = lab.events.events.length;
  const seen = () => lab.events.events.slice(before);
  try {
    const all = { ...spec, ...wish };
    const run = await newRun({ ports, spec: all, draft: await draftPlan(ports, all, never) });
    try {
      await runStep(run, guestsStep, never);
      const { vms } = await runStep(run, captureStep, never);
      await throwAway(run);
      const truth = truthOf(seen(), name);
      return { strategy: name, arrayMs, stillMs: stillOf(seen()), grade: vms[0]?.grade ?? 'unknown', truth };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      await throwAway(run);
      return { strategy: name, arrayMs, stillMs: stillOf(seen()), grade: 'no snapshot', truth: undefined };
    }
  } finally {
    await closePorts(ports);
  }
}

function configured(lab: Lab, guest: Strategy['guest']): string {
  const config = parse(readFileSync(lab.configFile, 'utf8'));
  const [windows] = config.guests;
  if (guest?.strategy) windows.strategy = guest.strategy;
  Object.assign(windows.winrm, guest?.winrm);
  const file = path.join(lab.directory, 'strategy.yaml');
  writeFileSync(file, stringify(config));
  return file;
}

/** First moment of one of these effects, and first of those that end it. */
function between(events: readonly LabEvent[], from: RegExp, to: RegExp): { fromMs: number; toMs: number } | undefined {
  const effects = events.filter(({ system, kind }) => system === 'guest' && kind === 'effect');
  const start = effects.findLast(({ operation }) => from.test(operation));
  const end = start && effects.find(({ operation, seq }) => to.test(operation) && seq > start.seq);
  return start && end && { fromMs: start.atMs, toMs: end.atMs };
}

const held = (events: readonly LabEvent[]) =>
  between(events, /^HoldWrites$/, /^ReleaseWrites$/) ?? between(events, /^Freeze$/, /^Thaw$/);
const quiet = (events: readonly LabEvent[]) =>
  between(events, /^Freeze$/, /^(Thaw|snapshot set failed|AbortBackup)$/) ?? between(events, /^Quiesce$/, /^Resume$/);

function stillOf(events: readonly LabEvent[]): number | undefined {
  const interval = quiet(events);
  return interval && interval.toMs - interval.fromMs;
}

function truthOf(events: readonly LabEvent[], strategy: string): Grade {
  const establish = events.find(({ system, operation }) => system === 'array' && operation === 'establish');
  const covers = (interval: { fromMs: number; toMs: number } | undefined) =>
    establish !== undefined &&
    interval !== undefined &&
    interval.fromMs <= establish.atMs &&
    establish.atMs <= interval.toMs;
  if (strategy === 'vss-diskshadow, files')
    return covers(between(events, /^shadow copies made$/, /^shadow copies removed$/)) ? 'application' : 'crash';
  if (strategy === 'vss-diskshadow, images') return 'crash';
  // Applications that were flushed and frozen are consistent, whatever other programs write.
  if (covers(quiet(events)) && (covers(held(events)) || strategy === 'vss-provider, precommit')) return 'application';
  return covers(held(events)) ? 'filesystem' : 'crash';
}

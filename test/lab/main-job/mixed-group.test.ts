import { setMaxListeners } from 'node:events';
import { closePorts, composePorts, jobSpec } from '../../../src/cli/compose.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { draftPlan } from '../../../src/job/plan-draft.ts';
import { runStep } from '../../../src/job/step.ts';
import { captureStep } from '../../../src/job/steps/capture.ts';
import { guestsStep } from '../../../src/job/steps/guests.ts';
import type { LabEvent } from '../../../src/lab/world/events.ts';
import { startBenchSite } from '../../bench/bench-site.ts';
import { vmName } from '../../bench/estate.ts';
import { newRun, throwAway } from '../../bench/window-run.ts';

const GUESTS = 20;
const never = new AbortController().signal;
setMaxListeners(0, never); // one signal for many guests

test('ten Windows and ten Linux guests stand still together for one snapshot of all their disks', async () => {
  const site = await startBenchSite({ vms: GUESTS, disksPerVm: 1, rttMs: 0, guests: 'mixed' });
  const config = loadConfig(site.configFile);
  const reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined };
  const ports = composePorts(config, reporter);
  try {
    const vms = Array.from({ length: GUESTS }, (_, index) => vmName(index));
    const spec = jobSpec(config, 'bench', { vms });
    const run = await newRun({ ports, spec, draft: await draftPlan(ports, spec, never) });
    await runStep(run, guestsStep, never);
    const capture = await runStep(run, captureStep, never);

    const grades = capture.vms.map(({ grade }) => grade);
    expect(grades.filter((grade) => grade === 'application')).toHaveLength(GUESTS / 2);
    expect(grades.filter((grade) => grade === 'filesystem')).toHaveLength(GUESTS / 2);
    const snapshots = capture.vms.flatMap(({ evidence }) => evidence.snapshots);
    expect(new Set(snapshots.map(({ source }) => source)).size).toBe(GUESTS);
    expect(new Set(snapshots.map(({ name, snapId }) => `${name} ${snapId}`)).size).toBe(1);
    expectOrder(site.events.events);
    await throwAway(run);
  } finally {
    await closePorts(ports);
    await site.close();
  }
});

/** All of them held before the one establish was asked for, and none let go before it was answered. */
function expectOrder(events: readonly LabEvent[]): void {
  const guests = (operations: readonly string[]) =>
    events.filter(
      ({ system, kind, operation }) => system === 'guest' && kind === 'effect' && operations.includes(operation),
    );
  const held = guests(['HoldWrites', 'Freeze']);
  const letGo = guests(['ReleaseWrites', 'Thaw']);
  expect(new Set(held.map(({ object }) => object)).size).toBe(GUESTS);
  const establishes = (kind: LabEvent['kind']) =>
    events.filter(
      (event) => event.system === 'array' && event.kind === kind && /^POST private\/snapshot/.test(event.operation),
    );
  const [asked, ...more] = establishes('request');
  const [answered] = establishes('answer');
  expect(more).toEqual([]);
  expect(Math.max(...held.map(({ seq }) => seq))).toBeLessThan(asked?.seq ?? 0);
  expect(Math.min(...letGo.map(({ seq }) => seq))).toBeGreaterThan(answered?.seq ?? Number.POSITIVE_INFINITY);
}

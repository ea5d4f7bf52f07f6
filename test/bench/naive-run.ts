import type { JobSpec } from '../../src/job/job-spec.ts';
import { newRunId } from '../../src/job/names.ts';
import { draftPlan } from '../../src/job/plan-draft.ts';
import { completePlan, NOTHING_RESERVED } from '../../src/job/planner.ts';
import type { JobPorts } from '../../src/job/ports.ts';
import { benchContext } from './ports.ts';

const never = new AbortController().signal;

/** A whole run that takes one device after the other: looks at it, snapshots, links, and takes it all away again. */
export async function naiveRun(ports: JobPorts, spec: JobSpec, linksDefined: () => Promise<void>): Promise<void> {
  const runId = newRunId(ports.clock.now(), ports.randomText());
  const draft = await draftPlan(ports, spec, never);
  const plan = completePlan(draft, { runId, spec, context: benchContext(spec.name) }, NOTHING_RESERVED);
  const array = ports.arrays.find(({ id }) => id === plan.arrayId);
  if (!array) throw new Error('the plan names an array that is not there');
  const name = plan.snapshotName;
  const guests = plan.vms.map((vm) => ports.guests.open({ name: vm.name, address: vm.address }));
  try {
    for (const { device } of plan.devices) await array.inspect([device], never);
    for (const [index, guest] of guests.entries()) {
      const diskUuids = plan.vms[index]?.disks.flatMap(({ guestDiskUuid }) => guestDiskUuid ?? []) ?? [];
      await guest.prepare({ runId, diskUuids, onSession: async () => undefined }, never);
      await guest.quiet({ freezeWithinMs: 60_000 }, never);
    }
    try {
      for (const guest of guests) await guest.freeze(never);
      for (const { device } of plan.devices) {
        await array.establish({ name, devices: [device], timeToLiveHours: spec.timeToLiveHours }, never);
      }
    } finally {
      for (const guest of guests) await guest.thaw(never);
    }
    const pairs = plan.devices.map(({ device, target }) => ({ source: device, target }));
    const snapshots = new Map<string, number | undefined>();
    for (const { source } of pairs) {
      const [snapshot] = await array.findSnapshots({ name, devices: [source] }, never);
      snapshots.set(source, snapshot?.snapId);
    }
    for (const pair of pairs) await array.link({ name, snapId: snapshots.get(pair.source), pairs: [pair] }, never);
    await linksDefined();
    for (const pair of pairs) {
      const snapId = snapshots.get(pair.source);
      await array.unlink({ name, snapId, pairs: [pair], force: false }, never);
      await array.terminate({ name, snapId, devices: [pair.source] }, never);
    }
  } finally {
    for (const guest of guests) await guest.close();
  }
}

import { post } from '../../../src/job/post.ts';
import { jobSpec } from './job-spec.ts';
import { ManualClock } from './manual-clock.ts';
import { QUIET, WAITING_RUN } from './worlds/quiet-world.ts';
import { jobs, PRESENT } from './worlds/run-of-world.ts';
import { World } from './worlds/world.ts';

/** A run that waits for its post hook, whose link somebody has removed just now; its first `staleLooks` inspections still show it. */
function unlinkedRun(staleLooks: number) {
  const { site } = new World({ ...QUIET, runs: [{ ...WAITING_RUN, job: 1 }] });
  const [array] = site.arrays.filter(({ snapshots }) => snapshots.length > 0);
  const [snapshot] = array?.snapshots ?? [];
  const [target] = snapshot?.targets ?? [];
  if (!array || !snapshot || !target) throw new Error('the run has a link');
  snapshot.targets.clear();
  const inspect = array.inspect.bind(array);
  let looks = 0;
  array.inspect = async (devices) => {
    looks += 1;
    const states = await inspect(devices);
    return looks > staleLooks ? states : states.map((state) => state && { ...state, linkSource: snapshot.source });
  };
  const clock = new ManualClock();
  const sleeps: number[] = [];
  const sleep = (durationMs: number, signal?: AbortSignal) => {
    sleeps.push(durationMs);
    return site.ports.clock.sleep(durationMs, signal);
  };
  return {
    ports: { ...site.ports, clock: Object.assign(clock, { sleep }) },
    sleeps,
    isPresented: () => array.devices.get(target)?.groups.has(PRESENT),
  };
}

test('a target that still shows the link of its own run is asked again before it is taken for one of a stranger', async () => {
  const { ports, sleeps, isPresented } = unlinkedRun(1);
  const spec = jobSpec(jobs[1]);

  await post(ports, spec);

  expect(sleeps).toContain(spec.limits.settleMs);
  expect(isPresented()).toBe(false);
});

test('one that shows such a link for longer is linked anew, and left alone', async () => {
  const { ports, isPresented } = unlinkedRun(100);

  await post(ports, jobSpec(jobs[1]));

  expect(isPresented()).toBe(true);
});

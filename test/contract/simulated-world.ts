import { FaultSource } from '../chaos/faults.ts';
import { HookProcess } from '../chaos/hook-process.ts';
import { Random } from '../chaos/random.ts';
import { followRealTime, Timeline } from '../chaos/timeline.ts';

const running: (() => void)[] = [];

/** To be called after each test: a timeline that runs on would keep jest waiting. */
export function stopSimulatedWorlds(): void {
  for (const stop of running.splice(0)) stop();
}

/** A process and a timeline that runs with the machine's time, without faults: for the contracts of the ports. */
export function simulatedWorld() {
  const timeline = new Timeline();
  const random = new Random(1);
  const faults = new FaultSource(random, 0);
  const world = { timeline, faults, clockErrorMs: 0, longestJumpMs: 0, trace: () => undefined };
  running.push(followRealTime(timeline));
  return { timeline, random, process: new HookProcess('p1', world) };
}

import { arrayId, deviceId } from '../../../src/ports/identity.ts';
import type { Unisphere } from '../../../src/powermax/client.ts';
import { followJob } from '../../../src/powermax/jobs.ts';
import { classify } from '../../../src/powermax/messages.ts';
import { OwnEffects } from '../../../src/powermax/own-effects.ts';
import type { Reply } from '../../../src/powermax/reply.ts';
import { createSnapVx } from '../../../src/powermax/snapvx.ts';
import type { SnapVxWire } from '../../../src/powermax/snapvx-wire.ts';
import { jumpingClock } from './jumping-clock.ts';

const SECOND = 1000;
const DURATIONS_MS = [
  10,
  35,
  50,
  100,
  150,
  300,
  1 * SECOND,
  3 * SECOND,
  10 * SECOND,
  28_600,
  120 * SECOND,
  600 * SECOND,
];
/** Ten looks in the first 200 ms, then one for each tenth more: 600 s are 200 ms grown 84 times by a tenth. */
const mostLooks = (durationMs: number) => 12 + Math.max(0, Math.log(durationMs / 200) / Math.log(1.1));
const bound = (durationMs: number) => durationMs + Math.max(20, durationMs * 0.1);

const { signal } = new AbortController();
const [source, target] = [deviceId('00010'), deviceId('00100')];
const done: Reply = { kind: 'done', body: undefined, serviceMs: undefined };

/** Each is something that ends by itself after a while: resolves when it was noticed, and tells how often it looked. */
const WAITS: Readonly<Record<string, (durationMs: number) => Promise<{ atMs: number; looks: number }>>> = {
  'the end of a job': async (durationMs) => {
    const clock = jumpingClock();
    let looks = 0;
    const read = async (): Promise<Reply> => {
      looks += 1;
      const status = clock.monotonicMs() >= durationMs ? 'SUCCEEDED' : 'RUNNING';
      return { kind: 'done', body: { jobId: '1', status }, serviceMs: undefined };
    };
    await followJob('1', { clock, read }, signal);
    return { atMs: clock.monotonicMs(), looks };
  },

  'a target that is being defined': async (durationMs) => {
    const { clock, run, looks } = oneLink((nowMs) => ({ linked: true, defined: nowMs >= durationMs }), 0);
    await run((snapVx) => snapVx.unlink({ name: 'x', snapId: 7 }, [{ source, target }], false, signal));
    return { atMs: clock.monotonicMs(), looks: looks() };
  },

  'a link that Unisphere shows late': async (durationMs) => {
    const lagMs = durationMs * 2;
    const { clock, run, looks } = oneLink((nowMs) => ({ linked: nowMs >= durationMs, defined: false }), lagMs);
    await run((snapVx) => snapVx.link({ name: 'x', snapId: 7 }, [{ source, target }], signal));
    return { atMs: clock.monotonicMs(), looks: looks() };
  },
};

/** An interface of SnapVX with one snapshot and one link, whose state depends on the time. */
function oneLink(stateAt: (nowMs: number) => { linked: boolean; defined: boolean }, lagMs: number) {
  const clock = jumpingClock();
  let looks = 0;
  const refusedUndefined: Reply = {
    kind: 'refused',
    refusal: classify({ status: 500, body: { message: 'the target is not fully defined' }, raw: '' }, 'write'),
  };
  const wire: SnapVxWire = {
    lagMs,
    pairsByPosition: lagMs > 0,
    create: async () => done,
    link: async () => done,
    unlink: async () => (stateAt(clock.monotonicMs()).defined ? done : refusedUndefined),
    terminate: async () => done,
    namesBySource: async () => [],
    async find() {
      looks += 1;
      const { linked, defined } = stateAt(clock.monotonicMs());
      const linkedTargets = linked ? [{ target, defined }] : [];
      return [{ name: 'x', snapId: 7, source, createdAtMs: undefined, linkedTargets }];
    },
  };
  const refuse = (): never => {
    throw new Error('nothing else is asked of the server');
  };
  const unisphere: Unisphere = {
    arrayId: arrayId('000197900046'),
    clock,
    version: refuse,
    recall: refuse,
    askVersion: refuse,
    read: refuse,
    write: refuse,
    discard: refuse,
  };
  const snapVx = createSnapVx({
    unisphere,
    wire,
    effects: new OwnEffects(),
    generation: async () => 'V3',
    busyPauseMs: 1,
    modelLagMs: 0,
  });
  return { clock, looks: () => looks, run: (work: (one: typeof snapVx) => Promise<void>) => work(snapVx) };
}

describe.each(Object.keys(WAITS))('%s', (name) => {
  test.each(DURATIONS_MS)(
    'after %i ms is noticed at most 20 ms or a tenth too late, with few looks',
    async (durationMs) => {
      const { atMs, looks } = (await WAITS[name]?.(durationMs)) ?? { atMs: Number.NaN, looks: Number.NaN };

      expect(atMs).toBeGreaterThanOrEqual(durationMs);
      expect(atMs).toBeLessThanOrEqual(bound(durationMs) + 1);
      expect(looks).toBeLessThanOrEqual(mostLooks(durationMs) + 3);
    },
  );
});

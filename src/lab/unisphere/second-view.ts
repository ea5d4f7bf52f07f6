import type { Pace } from '../world/pace.ts';
import type { ArrayConfig } from './array-config.ts';
import { ConfigIndex } from './config-index.ts';
import type { LabArray } from './lab-array.ts';
import { type LaggingModel, ModelLag } from './model-lag.ts';

interface ServerLag {
  readonly of: LaggingModel['of'];
  /** Simulated. */
  readonly lagMs: number;
}

/**
 * The array as one of two Unisphere servers sees it: groups, members, flags and lists follow a while after they were changed through
 * the other one. What is changed here is shown here at once, and everything before it; but for flags and lists of snapshots, which
 * the first server shows late also where it made the change itself, if the array's knobs say so.
 */
export function behindOther(array: LabArray, pace: Pace, { of, lagMs }: ServerLag): LabArray {
  const config = new ModelLag<ArrayConfig>(pace, lagMs);
  const model: LaggingModel =
    of === 'first'
      ? { of, flags: array.lag, snapshots: array.snapshotLag, config, lagMs: pace.scaledMs(lagMs) }
      : { of, flags: new ModelLag(pace, lagMs), snapshots: new ModelLag(pace, lagMs), config, lagMs: undefined };
  array.followers.push(model);
  const shownConfig = () => config.shown('config', array.config);
  const change: LabArray['change'] = (run) => {
    const result = array.change(run);
    config.catchUp();
    return result;
  };
  const own: Readonly<Record<PropertyKey, () => unknown>> = {
    lag: () => model.flags,
    snapshotLag: () => model.snapshots,
    seenBy: () => model,
    config: shownConfig,
    index: () => new ConfigIndex(shownConfig()),
    change: () => change,
  };
  return new Proxy(array, {
    get(target, key) {
      const special = Object.hasOwn(own, key) ? own[key] : undefined;
      if (special) return special();
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  });
}

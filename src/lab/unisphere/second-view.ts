import type { Pace } from '../world/pace.ts';
import { ConfigIndex } from './config-index.ts';
import type { LabArray } from './lab-array.ts';
import { type LaggingModel, ModelLag } from './model-lag.ts';

/**
 * The array as another Unisphere server sees it: groups, members, flags and lists follow a while after they were changed through
 * the first one. What is changed here is shown here at once, and everything before it. Device-list reads ask the array
 * and do not lag.
 */
export function behindOther(array: LabArray, pace: Pace, lagMs: number): LabArray {
  const model: LaggingModel = {
    flags: new ModelLag(pace, lagMs),
    snapshots: new ModelLag(pace, lagMs),
    config: new ModelLag(pace, lagMs),
  };
  array.followers.push(model);
  const config = () => model.config.shown('config', array.config);
  const change: LabArray['change'] = (run) => {
    const result = array.change(run);
    model.config.catchUp();
    return result;
  };
  const own: Readonly<Record<PropertyKey, () => unknown>> = {
    lag: () => model.flags,
    snapshotLag: () => model.snapshots,
    seenBy: () => model,
    config,
    index: () => new ConfigIndex(config()),
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

import type { SnapshotInfo } from '../devices/store-contract.ts';
import type { Pace } from '../world/pace.ts';
import type { ArrayConfig } from './array-config.ts';

/**
 * Unisphere's object model follows the array with a delay: for a while after a change it still shows the old value
 * (`snapvx_source`, `snapvx_target`, `linked`, the snapshots of a volume). A refresh makes it catch up.
 */
export class ModelLag<T> {
  readonly #lagMs: number;
  readonly #changes = new Map<string, { untilMs: number; before: T }[]>();
  #sweptAtMs = performance.now();

  constructor(pace: Pace, objectModelLagMs: number) {
    this.#lagMs = pace.scaledMs(objectModelLagMs);
  }

  /** Values with a change that was not forgotten yet. */
  get size(): number {
    return this.#changes.size;
  }

  /** To be called before the change, with the value of then. `lagMs`: real milliseconds, where this change is shown later or earlier than others. */
  note(key: string, before: T, lagMs: number = this.#lagMs): void {
    if (lagMs <= 0) return;
    this.#sweep();
    const changes = this.#changes.get(key) ?? [];
    changes.push({ untilMs: performance.now() + lagMs, before });
    this.#changes.set(key, changes);
  }

  /** What the model shows of a value that in truth is `now`. */
  shown(key: string, now: T): T {
    const [oldest] = this.#recent(key);
    return oldest ? oldest.before : now;
  }

  catchUp(): void {
    this.#changes.clear();
  }

  /** The changes of the value the model does not show yet; older ones are forgotten. */
  #recent(key: string): readonly { readonly before: T }[] {
    const changes = this.#changes.get(key) ?? [];
    const nowMs = performance.now();
    const recent = changes.filter((change) => change.untilMs > nowMs);
    if (recent.length === 0) this.#changes.delete(key);
    else if (recent.length < changes.length) this.#changes.set(key, recent);
    return recent;
  }

  /** Nobody may ever ask again for a value that changed: once per lag all of them are looked through. */
  #sweep(): void {
    if (performance.now() - this.#sweptAtMs < this.#lagMs) return;
    this.#sweptAtMs = performance.now();
    for (const key of [...this.#changes.keys()]) this.#recent(key);
  }
}

/** What one of several servers knows of an array's changes that were made through another. */
export interface LaggingModel {
  readonly of: 'first' | 'second';
  readonly flags: ModelLag<boolean>;
  readonly snapshots: ModelLag<readonly SnapshotInfo[]>;
  readonly config: ModelLag<ArrayConfig>;
  /** Real milliseconds; undefined: that of each of the three. */
  readonly lagMs: number | undefined;
}

import type { Pace } from '../world/pace.ts';

/**
 * Unisphere's object model follows the array with a delay: for a while after a change it still shows the old value
 * (`snapvx_source`, `snapvx_target`, `linked`). A refresh makes it catch up.
 */
export class ModelLag {
  readonly #lagMs: number;
  readonly #changes = new Map<string, { atMs: number; before: boolean }[]>();

  constructor(pace: Pace, objectModelLagMs: number) {
    this.#lagMs = pace.scaledMs(objectModelLagMs);
  }

  /** To be called before the change, with the value of then. */
  note(key: string, before: boolean): void {
    if (this.#lagMs <= 0) return;
    const changes = this.#changes.get(key) ?? [];
    changes.push({ atMs: performance.now(), before });
    this.#changes.set(key, changes);
  }

  /** What the model shows of a value that in truth is `now`. */
  shown(key: string, now: boolean): boolean {
    const changes = this.#changes.get(key);
    if (!changes) return now;
    const sinceMs = performance.now() - this.#lagMs;
    const recent = changes.filter((change) => change.atMs > sinceMs);
    if (recent.length === 0) this.#changes.delete(key);
    else this.#changes.set(key, recent);
    return recent[0]?.before ?? now;
  }

  catchUp(): void {
    this.#changes.clear();
  }
}

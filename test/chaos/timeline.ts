interface Event {
  readonly atMs: number;
  /** Events of one moment happen in the order in which they were planned. */
  readonly seq: number;
  readonly work: () => void;
  cancelled: boolean;
}

/** Virtual time: stands still while anything can go on, then jumps to the next event. Milliseconds since the beginning. */
export class Timeline {
  #nowMs = 0;
  #seq = 0;
  readonly #heap: Event[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Plans work; the function it returns cancels it. */
  after(delayMs: number, work: () => void): () => void {
    const event: Event = { atMs: this.#nowMs + Math.max(0, delayMs), seq: this.#seq, work, cancelled: false };
    this.#seq += 1;
    this.#push(event);
    return () => {
      event.cancelled = true;
    };
  }

  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve);
    });
  }

  /** Lets events happen until it is so; `false` when the time is over or nothing is planned any more. */
  async runUntil(isSo: () => boolean, limitMs: number): Promise<boolean> {
    const untilMs = this.#nowMs + limitMs;
    await settled();
    while (!isSo()) {
      const event = this.#heap[0];
      if (!event || event.atMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return false;
      }
      this.#pop();
      if (event.cancelled) continue;
      this.#nowMs = Math.max(this.#nowMs, event.atMs);
      event.work();
      await settled();
    }
    return true;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(event, heap[parent])) break;
      heap[index] = heap[parent] ?? event;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const right = heap[child + 1];
      if (right && isBefore(right, heap[child])) child += 1;
      const candidate = heap[child];
      if (!candidate || !isBefore(candidate, last)) break;
      heap[index] = candidate;
      index = child;
    }
    heap[index] = last;
  }
}

const isBefore = (one: Event, other: Event | undefined): boolean =>
  other === undefined || one.atMs < other.atMs || (one.atMs === other.atMs && one.seq < other.seq);

/** Resolves when every promise that can go on has done so: the microtask queue is emptied before an immediate runs. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Lets a timeline follow the machine's time, for suites that wait for real. Returns what stops it. */
export function followRealTime(timeline: Timeline): () => void {
  const startedMs = performance.now();
  let busy = false;
  const timer = setInterval(async () => {
    if (busy) return;
    busy = true;
    await timeline.runUntil(() => false, performance.now() - startedMs - timeline.nowMs);
    busy = false;
  }, 1);
  return () => clearInterval(timer);
}

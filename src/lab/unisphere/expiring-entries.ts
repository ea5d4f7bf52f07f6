interface Entry<T> {
  readonly value: T;
  readonly expiresAtMs: number;
}

/** What a server keeps for a client that may never come back: every entry has an end, and there are never too many. */
export class ExpiringEntries<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #limit: number;

  /** Beyond `limit` entries the oldest gives way. */
  constructor(limit = 1000) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  keep(id: string, value: T, expiresAtMs: number): void {
    const nowMs = Date.now();
    for (const [other, entry] of this.#entries) if (nowMs >= entry.expiresAtMs) this.#entries.delete(other);
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined && this.size >= this.#limit) this.#entries.delete(oldest);
    this.#entries.set(id, { value, expiresAtMs });
  }

  find(id: string): T | undefined {
    const entry = this.#entries.get(id);
    return entry && Date.now() < entry.expiresAtMs ? entry.value : undefined;
  }

  remove(id: string): void {
    this.#entries.delete(id);
  }
}

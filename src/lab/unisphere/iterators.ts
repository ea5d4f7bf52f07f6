import { randomUUID } from 'node:crypto';
import type { Pace } from '../world/pace.ts';
import { ExpiringEntries } from './expiring-entries.ts';
import { malformed, Refusal } from './messages.ts';

/** Rows per page of the classic volume lists. */
const PAGE_SIZE = 1000;
/** Not published; after a few minutes reading fails, which clients answer with `expiration_time_mins`. */
const DEFAULT_LIFE_MINUTES = 5;

/** The volume lists a client may still page through. */
export class Iterators {
  readonly #open = new ExpiringEntries<readonly unknown[]>();
  readonly #pace: Pace;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /** The first page. `from` and `to` count from 1, both inclusive. */
  start(rows: readonly unknown[], lifeMinutes = DEFAULT_LIFE_MINUTES): unknown {
    const id = `${randomUUID()}_0`;
    const expiresAtMs = Date.now() + this.#pace.scaledMs(lifeMinutes * 60_000);
    this.#open.keep(id, rows, expiresAtMs);
    return {
      resultList: {
        result: rows.slice(0, PAGE_SIZE),
        from: rows.length === 0 ? 0 : 1,
        to: Math.min(PAGE_SIZE, rows.length),
      },
      id,
      count: rows.length,
      expirationTime: Math.round(expiresAtMs),
      maxPageSize: PAGE_SIZE,
    };
  }

  page(id: string, from: number, to: number): unknown {
    const rows = this.#find(id);
    if (!(from >= 1 && from <= to)) throw malformed(`The range from ${from} to ${to} is not valid`);
    if (from > rows.length) throw malformed(`The iterator holds ${rows.length} results only`);
    const last = Math.min(to, from + PAGE_SIZE - 1, rows.length);
    return { result: rows.slice(from - 1, last), from, to: last };
  }

  remove(id: string): void {
    this.#find(id);
    this.#open.remove(id);
  }

  #find(id: string): readonly unknown[] {
    const rows = this.#open.find(id);
    if (rows) return rows;
    throw new Refusal(404, `Iterator [${id}] cannot be found or has expired`);
  }
}

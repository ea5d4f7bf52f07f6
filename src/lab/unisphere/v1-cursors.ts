import { randomUUID } from 'node:crypto';
import type { Pace } from '../world/pace.ts';
import { ExpiringEntries } from './expiring-entries.ts';
import { malformed } from './messages.ts';

const DEFAULT_LIFE_SECONDS = 300;

interface Rest {
  readonly rows: readonly unknown[];
  readonly total: number;
}

/** The rest of an enhanced list, kept for the client that comes back with its token. */
export class ListCursors {
  readonly #open = new ExpiringEntries<Rest>();
  readonly #pace: Pace;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  keep(rows: readonly unknown[], total: number, lifeSeconds = DEFAULT_LIFE_SECONDS): string {
    const token = randomUUID();
    this.#open.keep(token, { rows, total }, Date.now() + this.#pace.scaledMs(lifeSeconds * 1000));
    return token;
  }

  /** A token is good for one page. */
  take(token: string): Rest {
    const rest = this.#open.find(token);
    this.#open.remove(token);
    if (!rest) throw malformed('The resume token is not valid or has expired');
    return rest;
  }
}

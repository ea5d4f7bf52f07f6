import { randomUUID } from 'node:crypto';
import type { Pace } from '../world/pace.ts';
import { malformed } from './messages.ts';

const DEFAULT_LIFE_SECONDS = 300;

/** The rest of an enhanced list, kept for the client that comes back with its token. */
export class ListCursors {
  readonly #open = new Map<
    string,
    { readonly rows: readonly unknown[]; readonly total: number; expiresAtMs: number }
  >();
  readonly #pace: Pace;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  keep(rows: readonly unknown[], total: number, lifeSeconds = DEFAULT_LIFE_SECONDS): string {
    const token = randomUUID();
    this.#open.set(token, { rows, total, expiresAtMs: Date.now() + this.#pace.scaledMs(lifeSeconds * 1000) });
    return token;
  }

  /** A token is good for one page. */
  take(token: string): { readonly rows: readonly unknown[]; readonly total: number } {
    const list = this.#open.get(token);
    this.#open.delete(token);
    if (!list || Date.now() >= list.expiresAtMs) throw malformed('The resume token is not valid or has expired');
    return list;
  }
}

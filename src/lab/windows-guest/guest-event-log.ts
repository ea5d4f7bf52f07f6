import type { HelperLogEntry } from '../../guest/windows/vss-helper-protocol.ts';

/** More than these the helper does not tell. */
const TOLD_ENTRIES = 20;

/** What VSS and Volsnap write into the guest's event logs. */
export class GuestEventLog {
  readonly #entries: (HelperLogEntry & { readonly atMs: number })[] = [];

  note(entry: Omit<HelperLogEntry, 'at'>): void {
    const now = new Date();
    this.#entries.push({ ...entry, at: now.toISOString(), atMs: now.getTime() });
  }

  /** The newest of what was noted since then, oldest first. */
  since(time: Date): readonly HelperLogEntry[] {
    return this.#entries
      .filter(({ atMs }) => atMs >= time.getTime())
      .slice(-TOLD_ENTRIES)
      .map(({ source, id, level, at, text }) => ({ source, id, level, at, text }));
  }
}

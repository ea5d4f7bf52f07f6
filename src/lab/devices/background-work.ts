import type { Link } from './device-record.ts';
import { isCopied } from './link-progress.ts';
import { removeExpired } from './snapshot-lifetime.ts';
import { commit, keyOf, nowMs, recordOf, type StoreState } from './store-state.ts';
import { snapshotHasData, takeOver } from './track-data.ts';

const SLICE_INTERVAL_MS = 10;
/** Data one slice copies at most: 8 MiB, a few milliseconds. */
const SLICE_DATA_TRACKS = 64;
const LONGEST_TIMER_MS = 3_600_000;

/**
 * What the array does by itself: copying links in copy mode, and expiry. Timers never keep the process alive. Copying
 * goes in small slices, so that the lab's servers stay responsive.
 */
export class BackgroundWork {
  readonly #state: StoreState;
  readonly #copying: Link[] = [];
  #copyTimer: NodeJS.Timeout | undefined;
  #expiryTimer: NodeJS.Timeout | undefined;
  #lastSliceMs = 0;

  constructor(state: StoreState) {
    this.#state = state;
  }

  /** Looks for new work; to be called after every change. */
  refresh(): void {
    this.#copying.length = 0;
    for (const { link } of this.#state.devices.values()) {
      if (link?.copy && !isCopied(link)) this.#copying.push(link);
    }
    if (this.#copying.length > 0) this.#armCopyTimer();
    this.#armExpiryTimer();
  }

  stop(): void {
    clearTimeout(this.#copyTimer);
    clearTimeout(this.#expiryTimer);
    this.#copyTimer = undefined;
    this.#copying.length = 0;
  }

  #armCopyTimer(): void {
    if (this.#copyTimer) return;
    this.#lastSliceMs = performance.now();
    this.#copyTimer = setTimeout(() => this.#copySlice(), SLICE_INTERVAL_MS).unref();
  }

  #copySlice(): void {
    this.#copyTimer = undefined;
    const elapsedMs = performance.now() - this.#lastSliceMs;
    const { pace, copyTracksPerSecond } = this.#state.options;
    const simulatedMs = pace.factor > 0 ? elapsedMs / pace.factor : Number.POSITIVE_INFINITY;
    const dueTracks = Math.max(1, Math.round((simulatedMs / 1000) * copyTracksPerSecond));
    let dataTracks = 0;
    const advanced: { link: Link; copiedTracks: number }[] = [];
    for (const link of this.#copying) {
      let track = link.copiedTracks;
      const end = Math.min(link.snapshot.sizeTracks, track + dueTracks);
      for (; track < end && dataTracks < SLICE_DATA_TRACKS; track++) {
        if (copyTrack(link, track)) dataTracks++;
      }
      if (track === link.copiedTracks) break;
      advanced.push({ link, copiedTracks: track });
    }
    saveCopied(this.#state, advanced);
    // The links that came first go last in the next slice.
    this.#copying.push(...this.#copying.splice(0, advanced.length));
    const unfinished = this.#copying.filter((link) => !isCopied(link));
    this.#copying.splice(0, this.#copying.length, ...unfinished);
    if (unfinished.length > 0) this.#armCopyTimer();
  }

  #armExpiryTimer(): void {
    clearTimeout(this.#expiryTimer);
    removeExpired(this.#state);
    const { nextExpiryMs } = this.#state;
    if (nextExpiryMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.min(LONGEST_TIMER_MS, Math.max(1, nextExpiryMs - nowMs(this.#state)));
    this.#expiryTimer = setTimeout(() => this.#armExpiryTimer(), delayMs).unref();
  }
}

function saveCopied(state: StoreState, advanced: readonly { link: Link; copiedTracks: number }[]): void {
  const records = advanced.map(({ link, copiedTracks }) => [
    keyOf.link(link),
    recordOf.link({ ...link, copiedTracks }),
  ]);
  commit(state, { set: Object.fromEntries(records) });
  for (const { link, copiedTracks } of advanced) link.copiedTracks = copiedTracks;
}

/** Whether data was copied: a track that is the target's own already, or empty, costs nothing. */
function copyTrack(link: Link, track: number): boolean {
  const { target, snapshot } = link;
  if (link.materialised || target.own.has(track)) return false;
  const hasData = snapshotHasData(snapshot, track);
  takeOver(target, track);
  return hasData;
}

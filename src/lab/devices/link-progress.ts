import type { Link } from './device-record.ts';
import type { LinkInfo, LinkState } from './store-contract.ts';
import { nowMs, type StoreState } from './store-state.ts';
import { hostWroteSince } from './track-data.ts';

/** V3 fills the target's track table in the background; V4 never does. */
export function isDefined(state: StoreState, link: Link): boolean {
  return state.options.generation === 'V3' && definedShare(state, link) >= 1;
}

export const isCopied = ({ copiedTracks, snapshot }: Link): boolean => copiedTracks >= snapshot.sizeTracks;

export function linkInfo(state: StoreState, link: Link): LinkInfo {
  const { generation } = state.options;
  const defined = isDefined(state, link);
  return {
    target: link.target.id,
    copy: link.copy,
    linkedAt: new Date(link.linkedAtMs),
    defined,
    backgroundDefineInProgress: generation === 'V3' && !defined,
    definedPercent: generation === 'V3' ? Math.floor(100 * Math.min(1, definedShare(state, link))) : 0,
    percentageCopied: Math.floor((100 * link.copiedTracks) / link.snapshot.sizeTracks),
    state: linkState(link),
    modified: link.modified || (link.materialised && hostWroteSince(link.target, link.materialisedMtimeMs)),
  };
}

function linkState(link: Link): LinkState {
  if (isCopied(link)) return 'Copied';
  return link.copy ? 'CopyInProg' : 'Linked';
}

function definedShare(state: StoreState, link: Link): number {
  if (isCopied(link)) return 1;
  const { defineMs, defineTracksPerSecond } = state.options;
  const simulatedMs = defineMs + (link.snapshot.sizeTracks / defineTracksPerSecond) * 1000;
  if (simulatedMs === Number.POSITIVE_INFINITY) return 0;
  const durationMs = state.options.pace.scaledMs(simulatedMs);
  return durationMs <= 0 ? 1 : (nowMs(state) - link.linkedAtMs) / durationMs;
}

import { statSync } from 'node:fs';
import type { Device, Link, Snapshot } from './device-record.ts';
import { isCopied, isDefined } from './link-progress.ts';
import { snapshotOf } from './snapshot-selection.ts';
import { type LinkRequest, StoreError, type StoreFailure, type UnlinkRequest } from './store-contract.ts';
import { commit, deviceOf, keyOf, nowMs, recordOf, type StoreState, sizeBytesOf, tracksOf } from './store-state.ts';
import { adoptHostWrites, isAllocated, overwriteRawTrack, preserveAll, preserveTrack, takeOver } from './track-data.ts';

interface Pair {
  readonly snapshot: Snapshot;
  readonly target: Device;
}

/** Starts every track that showed data after a target was unlinked before it was fully copied; zeros follow. */
const undefinedContent = Buffer.alloc(4096, 'UNDEFINED: this device was unlinked from its snapshot. ');

export function link(state: StoreState, request: LinkRequest): void {
  const pairs = pairsOf(state, request);
  for (const pair of pairs) {
    checkFits(pair);
    if (pair.target.link?.snapshot === pair.snapshot) throw refusal('already-linked', pair, 'is linked to it already');
    if (pair.target.link) throw refusal('already-target', pair, 'is the target of another snapshot');
  }
  checkTargetLimit(state, pairs);
  for (const { target } of pairs) preserveAll(target);
  for (const { target } of pairs) empty(target);
  pointTo(state, pairs, request.copy);
  report(state, 'link', request, { copy: request.copy });
}

/** Points linked targets to this snapshot of the same source, or refreshes them from the one they show. */
export function relink(state: StoreState, request: LinkRequest): void {
  const pairs = pairsOf(state, request);
  for (const pair of pairs) {
    checkFits(pair);
    if (pair.target.link?.snapshot.source !== pair.snapshot.source) {
      throw refusal('not-linked', pair, 'is not linked to a snapshot of this source');
    }
  }
  for (const { target } of pairs) preserveAll(target);
  // A host file that is being replaced is no longer the truth, should the process die now.
  const stale = pairs.flatMap(({ target }) => (target.link?.materialised ? [target.link] : []));
  for (const { target } of stale) target.own.clear();
  saveLinks(state, stale, { materialised: false });
  for (const { target } of pairs) empty(target);
  pointTo(state, pairs, request.copy);
  report(state, 'relink', request, { copy: request.copy });
}

export function setCopyMode(state: StoreState, request: LinkRequest): void {
  const pairs = pairsOf(state, request);
  const links = pairs.map(linkOfPair);
  for (const [at, { copy }] of links.entries()) {
    const pair = pairs[at];
    if (pair && copy === request.copy) throw refusal('already-in-mode', pair, 'is in this mode already');
  }
  saveLinks(state, links, { copy: request.copy });
  report(state, 'set-copy-mode', request, { copy: request.copy });
}

/**
 * Frees the targets. V3 refuses while a target is undefined or still being copied, but for `symforce`. A target that was
 * not fully copied holds undefined content afterwards, and shows it: nothing is left of a track that showed data, and it
 * begins with a pattern.
 */
export function unlink(state: StoreState, request: UnlinkRequest): void {
  const pairs = pairsOf(state, request);
  for (const pair of pairs) {
    const current = linkOfPair(pair);
    if (state.options.generation !== 'V3' || request.symforce || isCopied(current)) continue;
    if (current.copy) throw refusal('copy-in-progress', pair, 'is still being copied');
    if (!isDefined(state, current)) throw refusal('target-undefined', pair, 'is not fully defined');
  }
  const links = pairs.map(linkOfPair);
  for (const current of links) if (!isCopied(current)) spoil(current.target);
  commit(state, { drop: links.map(keyOf.link) });
  for (const { target, snapshot } of links) {
    target.link = undefined;
    snapshot.targets.delete(target);
    target.own.clear();
  }
  state.nextExpiryMs = 0;
  report(state, 'unlink', request, { symforce: request.symforce });
}

/**
 * Hosts read the device's own file and cannot be asked to look into snapshots, so a linked target that a host sees gets
 * the point-in-time content written to its file. Nothing else changes: it is still a nocopy link.
 */
export function materialise(state: StoreState, current: Link): void {
  if (current.materialised) return;
  const { target, snapshot } = current;
  for (let track = 0; track < snapshot.sizeTracks; track++) {
    if (!target.own.has(track) && (isAllocated(target, track) || target.used.has(track))) takeOver(target, track);
  }
  const { mtimeMs } = statSync(target.rawPath);
  target.searchedAtMtimeMs = mtimeMs;
  saveLinks(state, [current], { materialised: true, materialisedMtimeMs: mtimeMs });
  target.own.clear();
}

export function saveLinks(
  state: StoreState,
  links: readonly Link[],
  change: Partial<Omit<Link, 'target' | 'snapshot'>>,
): void {
  if (links.length === 0) return;
  const records = links.map((current) => [keyOf.link(current), recordOf.link({ ...current, ...change })] as const);
  commit(state, { set: Object.fromEntries(records) });
  for (const current of links) Object.assign(current, change);
}

/** Empties the target's own file: what it shows from now on comes from the snapshot. */
function empty(target: Device): void {
  target.files.truncate(target.rawPath, 0);
  target.files.truncate(target.rawPath, sizeBytesOf(target));
  target.own.clear();
  target.used.clear();
}

function pointTo(state: StoreState, pairs: readonly Pair[], copy: boolean): void {
  const linkedAtMs = nowMs(state);
  const links = pairs.map(
    ({ snapshot, target }): Link => ({
      target,
      snapshot,
      copy,
      linkedAtMs,
      copiedTracks: 0,
      modified: false,
      materialised: false,
      materialisedMtimeMs: 0,
    }),
  );
  saveLinks(state, links, {});
  for (const current of links) {
    current.target.link?.snapshot.targets.delete(current.target);
    current.target.link = current;
    current.snapshot.targets.add(current.target);
  }
  state.nextExpiryMs = 0;
  for (const current of links) if (current.target.hostVisible) materialise(state, current);
}

function spoil(target: Device): void {
  adoptHostWrites(target);
  const tracks = tracksOf(target);
  const shown: number[] = [];
  for (let track = 0; track < tracks; track++) {
    if (!isAllocated(target, track)) continue;
    preserveTrack(target, track);
    shown.push(track);
  }
  empty(target);
  for (const track of shown) overwriteRawTrack(target, track, undefinedContent);
}

function pairsOf(state: StoreState, request: Omit<UnlinkRequest, 'symforce'>): readonly Pair[] {
  if (request.pairs.length === 0) throw new StoreError('no-devices', 'no pair of devices was named');
  const seen = new Set<string>();
  return request.pairs.map(({ source, target }) => {
    const snapshot = snapshotOf(deviceOf(state, source), request.name, request.select);
    const pair = { snapshot, target: deviceOf(state, target) };
    if (seen.has(target)) throw refusal('device-twice', pair, 'was named twice');
    seen.add(target);
    return pair;
  });
}

function linkOfPair(pair: Pair): Link {
  const current = pair.target.link;
  if (current?.snapshot !== pair.snapshot) throw refusal('not-linked', pair, 'is not linked to it');
  return current;
}

function checkFits(pair: Pair): void {
  const { snapshot, target } = pair;
  const { source } = snapshot;
  if (source === target) throw refusal('self-link', pair, 'is the source itself');
  if (source.emulation !== target.emulation) throw refusal('emulation-mismatch', pair, 'has another emulation');
  if (tracksOf(target) < snapshot.sizeTracks) throw refusal('target-too-small', pair, 'is smaller than the source');
}

function checkTargetLimit(state: StoreState, pairs: readonly Pair[]): void {
  const limit = state.options.maxTargetsPerSource;
  for (const pair of pairs) {
    const { source } = pair.snapshot;
    const linked = source.snapshots.reduce((sum, { targets }) => sum + targets.size, 0);
    const added = pairs.filter(({ snapshot }) => snapshot.source === source).length;
    if (linked + added > limit)
      throw refusal('max-targets', pair, `would be one more than the ${limit} a source can have`);
  }
}

function report(
  state: StoreState,
  operation: string,
  { name, select, pairs }: Omit<UnlinkRequest, 'symforce'>,
  detail: Readonly<Record<string, unknown>>,
): void {
  state.events.add('array', 'effect', operation, name, { pairs, ...select, ...detail });
}

function refusal(reason: StoreFailure, { snapshot, target }: Pair, why: string): StoreError {
  const { source, name } = snapshot;
  const message = `target "${target.id}" for snapshot "${name}" of device "${source.id}" ${why}`;
  return new StoreError(reason, message, { device: source.id, snapshot: name, target: target.id });
}

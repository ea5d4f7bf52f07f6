import type { LinkInfo, SnapshotInfo } from '../devices/store-contract.ts';
import { okAnswer } from './answers.ts';
import type { LabArray } from './lab-array.ts';
import { parseFlag } from './lenient-fields.ts';
import { malformed, neitherSourceNorTarget, snapshotNotFound } from './messages.ts';
import { hoursToLive } from './private-volumes.ts';
import { hasSnapIds } from './releases.ts';
import { arrayOf, type Handler, param, type RestCall } from './rest-call.ts';
import { checkGenerations, isShownLinked, isShownRestored, shownGeneration, shownStates } from './snapvx-session.ts';
import { deviceOf } from './volumes.ts';
import { snapshotDate } from './wire-dates.ts';

const TRACK_BYTES = 131072;
/** The API version from which the target's side tells the snapshot's name and generation; never its snap id. */
const TARGET_SIDE_NAMES_FROM = 100;
/** The API version up to which a device without sessions is refused instead of answered with empty lists. */
const EMPTY_IS_REFUSED_UP_TO = 92;

const stateOf = (array: LabArray, snapshot: SnapshotInfo): string =>
  shownStates(array, snapshot).at(-1) ?? 'Established';

function linkRow(array: LabArray, snapshot: SnapshotInfo, link: LinkInfo): Record<string, unknown> {
  return {
    targetDevice: link.target,
    timestamp: snapshotDate(link.linkedAt),
    state: link.state,
    trackSize: TRACK_BYTES,
    tracks: snapshot.sizeTracks,
    percentageCopied: link.percentageCopied,
    linked: true,
    restored: isShownRestored(array, snapshot),
    defined: link.defined,
    copy: link.copy,
    destage: false,
    modified: link.modified,
    linkSourceName: snapshot.source,
    snapshot_name: snapshot.name,
    generation: shownGeneration(array, snapshot.generation),
  };
}

/** A restore session shows as a link of the source to itself: what the Cinder driver waits for. */
const restoreRow = (array: LabArray, snapshot: SnapshotInfo): Record<string, unknown> => ({
  targetDevice: snapshot.source,
  timestamp: snapshotDate(snapshot.createdAt),
  state: array.knobs.restoresHeld ? 'RestInProg' : 'Restored',
  trackSize: TRACK_BYTES,
  tracks: snapshot.sizeTracks,
  percentageCopied: array.knobs.restoresHeld ? 50 : 100,
  linked: false,
  restored: isShownRestored(array, snapshot),
  defined: true,
  copy: true,
  destage: false,
  modified: false,
  linkSourceName: snapshot.source,
  snapshot_name: snapshot.name,
  generation: shownGeneration(array, snapshot.generation),
});

function sourceRow(array: LabArray, snapshot: SnapshotInfo): Record<string, unknown> {
  const snapId = hasSnapIds(array.microcode) ? snapshot.snapId : undefined;
  const rows = snapshot.links.map((link) => linkRow(array, snapshot, link));
  if (snapshot.state.includes('Restored')) rows.push(restoreRow(array, snapshot));
  return {
    snapshotName: snapshot.name,
    generation: shownGeneration(array, snapshot.generation),
    snap_id: snapId,
    timestamp: snapshotDate(snapshot.createdAt),
    state: stateOf(array, snapshot),
    protectionExpireTime: snapshot.secureUntil?.getTime() ?? 0,
    gcm: false,
    icdp: false,
    secured: snapshot.secured,
    isRestored: isShownRestored(array, snapshot),
    ttl: hoursToLive(snapshot),
    expired: snapshot.expired,
    linkedDevices: rows.length > 0 ? rows.map((row) => ({ ...row, snap_id: snapId })) : undefined,
  };
}

/** The snapshots of a source as device-list reads show them. */
const shownOf = (array: LabArray, id: string): readonly SnapshotInfo[] =>
  array.deviceListLag.snapshots.shown(id, array.store.snapshots(id));

/** This device as target; at most one row. */
function targetRows(array: LabArray, device: string, apiVersion: number): readonly Record<string, unknown>[] {
  const link = array.deviceListLag.links.shown(device, array.store.linkOf(device));
  const snapshot = link && shownOf(array, link.source).find((one) => one.snapId === link.snapId);
  if (!link || !snapshot) return [];
  const { snapshot_name, generation, ...row } = linkRow(array, snapshot, link.info);
  return [apiVersion >= TARGET_SIDE_NAMES_FROM ? { ...row, snapshot_name, generation } : row];
}

/** `GET .../volume/{device}/snapshot` */
export const getSessions: Handler = (call) => {
  const array = arrayOf(call);
  const { id } = deviceOf(array, param(call, 'volume'));
  const snapshotSrcs = shownOf(array, id).map((snapshot) => sourceRow(array, snapshot));
  const snapshotLnks = targetRows(array, id, call.apiVersion);
  if (snapshotSrcs.length + snapshotLnks.length === 0 && call.apiVersion <= EMPTY_IS_REFUSED_UP_TO)
    throw neitherSourceNorTarget();
  return okAnswer({ deviceName: id, snapshotSrcs, snapshotLnks });
};

function named(call: RestCall): { array: LabArray; id: string; name: string; snapshots: readonly SnapshotInfo[] } {
  const array = arrayOf(call);
  const { id } = deviceOf(array, param(call, 'volume'));
  const name = param(call, 'snapshot');
  const snapshots = shownOf(array, id).filter((snapshot) => snapshot.name === name);
  if (snapshots.length === 0) throw snapshotNotFound(name, id);
  return { array, id, name, snapshots };
}

/** `GET .../volume/{device}/snapshot/{name}` */
export const getNamedSnapshot: Handler = (call) => {
  const { array, id, name, snapshots } = named(call);
  return okAnswer({
    deviceName: id,
    snapshotName: name,
    snapshotSrc: snapshots.map((snapshot) => sourceRow(array, snapshot)),
    snapshotLnk: targetRows(array, id, call.apiVersion),
  });
};

/** `GET .../volume/{device}/snapshot/{name}/generation` */
export const getGenerations: Handler = (call) => {
  checkGenerations(arrayOf(call));
  const { array, id, name, snapshots } = named(call);
  return okAnswer({
    deviceName: id,
    snapshotName: name,
    generation: snapshots.map((snapshot) => snapshot.generation).sort((one, other) => one - other),
    snapshotSrc: snapshots.map((snapshot) => sourceRow(array, snapshot)),
    snapshotLnk: targetRows(array, id, call.apiVersion),
  });
};

/** `GET .../volume/{device}/snapshot/{name}/generation/{n}` */
export const getGeneration: Handler = (call) => {
  checkGenerations(arrayOf(call));
  const { array, id, name, snapshots } = named(call);
  const generation = Number(param(call, 'generation'));
  if (!Number.isInteger(generation)) throw malformed('The generation is not a number');
  const snapshot = snapshots.find((one) => one.generation === generation);
  if (!snapshot) throw snapshotNotFound(name, id);
  return okAnswer({
    deviceName: id,
    snapshotName: name,
    generation,
    snapshotSrc: sourceRow(array, snapshot),
    snapshotLnk: targetRows(array, id, call.apiVersion),
  });
};

/** `GET .../volume?includeDetails=true&snapshotName=&inSG=`: every device with snapshots. */
export const listDevicesWithSnapshots: Handler = (call) => {
  const array = arrayOf(call);
  const wantedName = call.query.get('snapshotName');
  const inGroup = call.query.get('inSG');
  const isRdf = call.query.get('isRdf');
  const rows = array.store
    .devices()
    .map(({ id }) => ({
      id,
      snapshots: shownOf(array, id).filter((one) => wantedName === null || one.name === wantedName),
    }))
    .filter(({ id, snapshots }) => {
      if (snapshots.length === 0) return false;
      if (isRdf !== null && parseFlag(isRdf, 'isRdf')) return false;
      return inGroup === null || array.index.groupsOf(id).length > 0 === parseFlag(inGroup, 'inSG');
    });
  const includeDetails = parseFlag(call.query.get('includeDetails'), 'includeDetails');
  return okAnswer({
    name: rows.map(({ id }) => id),
    device: includeDetails
      ? rows.map(({ id, snapshots }) => ({
          symmetrixId: array.id,
          name: id,
          snapshot: snapshots.map((snapshot) => ({
            name: `${id}-SRC-${snapshot.name}-${snapshot.generation}`,
            generation: shownGeneration(array, snapshot.generation),
            linked: isShownLinked(array, snapshot),
            restored: isShownRestored(array, snapshot),
            timestamp: snapshotDate(snapshot.createdAt),
            state: stateOf(array, snapshot),
          })),
          rdfgNumbers: [],
        }))
      : undefined,
  });
};

import type { LinkPair } from '../devices/store-contract.ts';
import { okAnswer } from './answers.ts';
import { findNamed } from './array-config.ts';
import { camelCaseDetails, findSet, type GroupSnapshot, groupOf } from './group-snapshots.ts';
import type { LabArray } from './lab-array.ts';
import { blockOf, type Fields, flagOf, requiredText, textOf } from './lenient-fields.ts';
import { malformed, noLinkTarget } from './messages.ts';
import { newVolumes } from './new-volumes.ts';
import { ownEntry } from './own-names.ts';
import { membersOf } from './presentation.ts';
import { controlledArrayOf, type Handler, perform } from './rest-call.ts';
import { setOfPath } from './snapvx-groups.ts';
import { checkSnapVx, lifetimeMs, noteModel, pairDevices } from './snapvx-session.ts';
import { addGroup } from './storage-group-config.ts';
import { guardStore } from './store-refusals.ts';

/** An action and where its parameters are: `snapid` form, `generation` form. */
const BLOCKS: Readonly<Record<string, readonly string[]>> = {
  link: ['link'],
  relink: ['relink'],
  unlink: ['unlink'],
  setmode: ['set_mode', 'setMode'],
  rename: ['rename'],
  settimetolive: ['time_to_live', 'timeToLive', 'expire'],
  setsecure: ['secure', 'expire'],
  restore: ['restore'],
  persist: ['persist'],
};

/** `PUT .../storagegroup/{sg}/snapshot/{name}/snapid/{n}` and `.../generation/{n}` */
export const modifyGroupSnapshot: Handler = (call) => {
  const array = controlledArrayOf(call);
  const set = setOfPath(call);
  const action = requiredText(call.body, 'action');
  const keys = ownEntry(BLOCKS, action.toLowerCase());
  if (!keys) throw malformed(`The action ${action} is not valid`);
  const block = keys.map((key) => blockOf(call.body, key)).find((one) => one !== undefined) ?? {};
  const effect = effectOf(array, set, action.toLowerCase(), block);
  const sources = set.rows.map((row) => row.source);
  const targets = set.rows.flatMap((row) => row.links.map((link) => link.target));
  return perform(call, {
    array,
    name: `${action} snapshot ${set.name} of ${set.group.id}`,
    problem: 'modifying the snapshot generation resource',
    devices: [...new Set([...sources, ...targets])],
    masking: false,
    run: () => {
      checkSnapVx(array, sources);
      noteModel(array, [...sources, ...targets]);
      const name = guardStore(array, effect) ?? set.name;
      const now = findSet(array, groupOf(array, set.group.id), name, { snapid: String(set.snapId) });
      return {
        answer: okAnswer(camelCaseDetails(array, now)),
        tasks: [`${action} snapshot [${set.name}] of Storage Group [${set.group.id}]`],
      };
    },
  });
};

/** The effect; returns the snapshot's name when that changed. */
function effectOf(array: LabArray, set: GroupSnapshot, action: string, block: Fields): () => string | undefined {
  const { store } = array;
  const { name } = set;
  const select = { snapId: set.snapId };
  const devices = set.rows.map((row) => row.source);
  const done = (run: () => void) => () => {
    run();
    return undefined;
  };
  switch (action) {
    case 'link': {
      const group = targetGroup(block);
      const [exact, copy] = [flagOf(block, 'exact'), flagOf(block, 'copy')];
      return done(() => store.link({ name, select, pairs: pairsToLink(array, devices, group, exact), copy }));
    }
    case 'relink': {
      const group = targetGroup(block);
      const copy = flagOf(block, 'copy');
      return done(() => store.relink({ name, select, pairs: linkedIn(array, devices, group), copy }));
    }
    case 'unlink': {
      const group = targetGroup(block);
      const symforce = flagOf(block, 'symforce');
      return done(() => store.unlink({ name, select, pairs: linkedIn(array, devices, group, set.snapId), symforce }));
    }
    case 'setmode': {
      const group = targetGroup(block);
      const copy = flagOf(block, 'copy');
      return done(() => store.setCopyMode({ name, select, pairs: linkedIn(array, devices, group, set.snapId), copy }));
    }
    case 'rename': {
      const newName = textOf(block, 'new_snapshot_name') ?? requiredText(block, 'newSnapshotName');
      return () => {
        store.rename({ name, select, devices, newName });
        return newName;
      };
    }
    case 'settimetolive': {
      const ttlMs =
        lifetimeMs(block, 'time_to_live', 'time_in_hours') ?? lifetimeMs(block, 'timeToLive', 'timeInHours');
      return done(() => store.setTimeToLive({ name, select, devices, ...(ttlMs !== undefined && { ttlMs }) }));
    }
    case 'setsecure': {
      const secureMs = lifetimeMs(block, 'secure', 'time_in_hours') ?? lifetimeMs(block, 'secure', 'timeInHours');
      if (secureMs === undefined) throw malformed('The required attribute secure is missing');
      return done(() => store.setSecure({ name, select, devices, secureMs }));
    }
    case 'restore':
      return done(() => store.restore({ name, select, devices }));
    default:
      throw malformed('Only a snapshot taken by a snapshot policy can be made persistent');
  }
}

function targetGroup(block: Fields): string {
  const keys = ['storage_group_name', 'linkStorageGroupName', 'relinkStorageGroupName', 'unlinkStorageGroupName'];
  for (const key of [...keys, 'linkedStorageGroupName']) {
    const name = textOf(block, key);
    if (name !== undefined) return name;
  }
  throw malformed('The required attribute storage_group_name is missing');
}

/** A group that does not exist is made, with a volume for each source. */
function pairsToLink(
  array: LabArray,
  sources: readonly string[],
  groupId: string,
  exact: boolean,
): readonly LinkPair[] {
  if (!findNamed(array.config.storageGroups, groupId)) {
    const targets = newVolumes(
      array,
      sources.map((source) => array.store.device(source)?.cylinders ?? 0),
    );
    array.change((config) => addGroup(array.id, config, { id: groupId }).volumes.push(...targets));
    return pairDevices(array, sources, targets, true);
  }
  const members = membersOf(array.config, groupOf(array, groupId));
  const free = members.filter((id) => !array.device(id)?.isTarget);
  const targets = !exact && free.length >= sources.length ? free : members;
  checkSnapVx(array, targets);
  noteModel(array, targets);
  const [from, to] = exact ? [inGroupOrder(array, sources), inGroupOrder(array, targets)] : [sources, targets];
  return pairDevices(array, from, to.slice(0, from.length), exact);
}

const inGroupOrder = (array: LabArray, members: readonly string[]): readonly string[] =>
  array.knobs.groupOrder === 'added' ? members : [...members].sort();

/** Pairs of these sources with targets in the group; with a snap id only those linked to it. */
function linkedIn(array: LabArray, sources: readonly string[], groupId: string, snapId?: number): readonly LinkPair[] {
  const pairs = membersOf(array.config, groupOf(array, groupId)).flatMap((target) => {
    const link = array.store.linkOf(target);
    if (!link || !sources.includes(link.source)) return [];
    return snapId === undefined || link.snapId === snapId ? [{ source: link.source, target }] : [];
  });
  if (pairs.length === 0) throw noLinkTarget();
  return pairs;
}

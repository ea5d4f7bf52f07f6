import { createdAnswer, noContentAnswer, okAnswer } from './answers.ts';
import {
  camelCaseDetails,
  checkSnapIds,
  findSet,
  type GroupSnapshot,
  groupOf,
  replicationSummary,
  setsNamed,
  snakeCaseDetails,
  snapshotsOfGroup,
} from './group-snapshots.ts';
import { flagOf, numberOf, parseFlag, requiredText, textOf } from './lenient-fields.ts';
import { malformed, membershipChanged, noSnapshotNamed } from './messages.ts';
import { membersOf } from './presentation.ts';
import { arrayOf, controlledArrayOf, type Handler, param, perform, type RestCall } from './rest-call.ts';
import { checkGenerations, establish, lifetimeMs, noteModel } from './snapvx-session.ts';
import { guardStore } from './store-refusals.ts';

const PROBLEM = 'deleting the snapshot generation resources';

/** `GET .../storagegroup?hasSnapshots=true&is_link_target=` */
export const listReplicationGroups: Handler = (call) => {
  const array = arrayOf(call);
  const has = (name: string, value: boolean): boolean => {
    const wanted = call.query.get(name);
    return wanted === null || parseFlag(wanted, name) === value;
  };
  const groups = array.config.storageGroups.filter(
    (group) =>
      has('hasSnapshots', snapshotsOfGroup(array, group).length > 0) &&
      has(
        'is_link_target',
        membersOf(array.config, group).some((id) => array.device(id)?.isTarget),
      ) &&
      has('hasSrdf', false) &&
      has('has_clones', false),
  );
  return okAnswer({ name: groups.map((group) => group.id) });
};

export const getReplicationGroup: Handler = (call) => {
  const array = arrayOf(call);
  return okAnswer(replicationSummary(array, groupOf(array, param(call, 'group'))));
};

export const listGroupSnapshots: Handler = (call) => {
  const array = arrayOf(call);
  const rows = snapshotsOfGroup(array, groupOf(array, param(call, 'group')));
  const names = [...new Set(rows.map((row) => row.name))];
  if (call.apiVersion < 100) {
    if (names.length === 0) throw noSnapshotNamed();
    return okAnswer({ name: names });
  }
  return okAnswer({
    name: names,
    snapshot_names_and_counts: names.map((name) => {
      const own = rows.filter((row) => row.name === name);
      return {
        name,
        snapshot_count: new Set(own.map((row) => row.snapId)).size,
        newest_timestamp_utc: Math.max(...own.map((row) => row.createdAt.getTime())),
      };
    }),
  });
};

const sets = (call: RestCall): readonly GroupSnapshot[] => {
  const array = arrayOf(call);
  return setsNamed(array, groupOf(array, param(call, 'group')), param(call, 'snapshot'));
};

export const getGroupSnapshot: Handler = (call) =>
  okAnswer({ name: param(call, 'snapshot'), generationCount: sets(call).length });

export const listGroupGenerations: Handler = (call) => {
  checkGenerations(arrayOf(call));
  return okAnswer({ generations: sets(call).map((set) => set.generation) });
};

export const listGroupSnapIds: Handler = (call) => {
  checkSnapIds(arrayOf(call));
  return okAnswer({ snapids: sets(call).map((set) => set.snapId) });
};

export const getGroupMapping: Handler = (call) => {
  checkSnapIds(arrayOf(call));
  return okAnswer({
    snapshot_name: param(call, 'snapshot'),
    query_timestamp_utc: Date.now(),
    mappings: sets(call).map((set) => ({
      generation: set.generation,
      snapid: set.snapId,
      snapshot_timestamp_utc: set.rows[0]?.createdAt.getTime(),
    })),
  });
};

/** The set of `snapid/{n}` or `generation/{n}` in the path. */
export function setOfPath(call: RestCall): GroupSnapshot {
  const array = arrayOf(call);
  const { snapid, generation } = call.params;
  if (snapid === undefined) checkGenerations(array);
  else checkSnapIds(array);
  return findSet(array, groupOf(array, param(call, 'group')), param(call, 'snapshot'), {
    ...(snapid !== undefined && { snapid }),
    ...(generation !== undefined && { generation }),
  });
}

export const getGroupSnapshotDetails: Handler = (call) => {
  const set = setOfPath(call);
  return okAnswer(
    call.params.snapid === undefined ? camelCaseDetails(arrayOf(call), set) : snakeCaseDetails(arrayOf(call), set),
  );
};

export const createGroupSnapshot: Handler = (call) => {
  const array = controlledArrayOf(call);
  const name = requiredText(call.body, 'snapshotName');
  const group = groupOf(array, param(call, 'group'));
  const ttlMs = lifetimeMs(call.body, 'timeToLive', 'timeInHours');
  const secureMs = lifetimeMs(call.body, 'secure', 'timeInHours');
  const devices = membersOf(array.config, group);
  return perform(call, {
    array,
    name: `Create snapshot ${name} of ${group.id}`,
    problem: 'creating the snapshot resource',
    devices,
    masking: false,
    beforeMs: array.knobs.establishMs,
    afterMs: array.knobs.afterEstablishMs,
    run: () => {
      const { snapId } = establish(array, { name, devices, ttlMs, secureMs });
      const set = findSet(array, group, name, { snapid: String(snapId) });
      return {
        answer: createdAnswer(call.apiVersion < 100 ? camelCaseDetails(array, set) : snakeCaseDetails(array, set)),
        tasks: [`Create snapshot [${name}] of Storage Group [${group.id}]`],
        links: [{ key: 'SNAPSHOT_CREATED', uri: [`storagegroup/${group.id}/snapshot/${name}/snapid/${snapId}`] }],
      };
    },
  });
};

/** A member that joined since has no such snapshot: refused, unless forced. */
function terminateSet(call: RestCall, set: GroupSnapshot, force: boolean): void {
  const array = arrayOf(call);
  if (!force && set.rows.length < membersOf(array.config, set.group).length) throw membershipChanged();
  const devices = set.rows.map((row) => row.source);
  noteModel(array, devices);
  guardStore(array, () => array.store.terminate({ name: set.name, select: { snapId: set.snapId }, devices }));
}

export const terminateGroupSnapshot: Handler = (call) => {
  const array = controlledArrayOf(call);
  const set = setOfPath(call);
  return perform(call, {
    array,
    name: `Terminate snapshot ${set.name} of ${set.group.id}`,
    problem: PROBLEM,
    devices: set.rows.map((row) => row.source),
    masking: false,
    run: () => {
      terminateSet(call, set, parseFlag(call.query.get('force'), 'force'));
      return { answer: noContentAnswer, tasks: [`Terminate snapshot [${set.name}]`] };
    },
  });
};

/** `DELETE .../snapshot`: several snapshots of one name; parameters in the body or in the query. */
export const terminateGroupSnapshots: Handler = (call) => {
  const array = controlledArrayOf(call);
  const group = groupOf(array, param(call, 'group'));
  const fields = { ...Object.fromEntries(call.query), ...call.body };
  const name = requiredText(fields, 'snapshot_name');
  const all = setsNamed(array, group, name);
  const doomed = chosenSets(all, fields);
  return perform(call, {
    array,
    name: `Terminate snapshots ${name} of ${group.id}`,
    problem: PROBLEM,
    devices: [...new Set(doomed.flatMap((set) => set.rows.map((row) => row.source)))],
    masking: false,
    run: () => {
      for (const set of doomed) terminateSet(call, set, flagOf(fields, 'force'));
      return { answer: noContentAnswer, tasks: doomed.map((set) => `Terminate snapshot [${name}] [${set.snapId}]`) };
    },
  });
};

function chosenSets(
  all: readonly GroupSnapshot[],
  fields: Readonly<Record<string, unknown>>,
): readonly GroupSnapshot[] {
  if (flagOf(fields, 'terminate_all_snapshots')) return all;
  const keep = numberOf(fields, 'keep_count');
  if (keep !== undefined) return all.slice(keep);
  const newest = textOf(fields, 'snapset_id_and_older');
  if (newest !== undefined) return all.filter((set) => set.snapId <= Number(newest));
  throw malformed('One of terminate_all_snapshots, keep_count and snapset_id_and_older is required');
}

import { createdAnswer, noContentAnswer, okAnswer } from './answers.ts';
import { type StorageGroup, sameName } from './array-config.ts';
import { groupOf } from './group-snapshots.ts';
import type { LabArray } from './lab-array.ts';
import { blocksOf, type Fields, flagOf, requiredText, textOf } from './lenient-fields.ts';
import { alreadyExists, Refusal } from './messages.ts';
import { arrayOf, controlledArrayOf, type Handler, param, perform } from './rest-call.ts';
import { storageGroupBody } from './storage-group-answers.ts';
import { addGroup, attachVolumes, checkName, groupIn, type NewGroup } from './storage-group-config.ts';
import { groupMatches } from './storage-group-filters.ts';
import { parseWantedVolumes, provideVolumes } from './volume-requests.ts';

export const listStorageGroups: Handler = (call) => {
  const array = arrayOf(call);
  const ids = array.config.storageGroups.filter((group) => groupMatches(array, group, call)).map((group) => group.id);
  return okAnswer({ storageGroupId: ids });
};

export const getStorageGroup: Handler = (call) => {
  const array = arrayOf(call);
  return okAnswer(storageGroupBody(array, groupOf(array, param(call, 'group')), call.apiVersion));
};

const isNone = (text: string | undefined): boolean => text === undefined || text.toLowerCase() === 'none';

/** `srpId: "none"` and service level `none` leave the group out of FAST. */
function parseNewGroup(id: string, srp: string | undefined, level: Fields | undefined): NewGroup {
  const serviceLevel = level && textOf(level, 'sloId');
  const workload = level && textOf(level, 'workloadSelection');
  return {
    id,
    ...(srp !== undefined && !isNone(srp) && { srp }),
    ...(serviceLevel !== undefined && !isNone(serviceLevel) && { serviceLevel }),
    ...(workload !== undefined && !isNone(workload) && { workload }),
    compression: level !== undefined && !isNone(srp) && !flagOf(level, 'noCompression'),
  };
}

export const createStorageGroup: Handler = (call) => {
  const array = controlledArrayOf(call);
  const id = requiredText(call.body, 'storageGroupId');
  checkName(id);
  if (array.config.storageGroups.some((group) => sameName(group.id, id))) throw alreadyExists('storage group');
  const levels = blocksOf(call.body, 'sloBasedStorageGroupParam');
  const group = parseNewGroup(id, textOf(call.body, 'srpId'), levels[0]);
  const wanted = levels.flatMap(parseWantedVolumes);
  return perform(call, {
    array,
    name: `Create Storage Group ${id}`,
    problem: 'creating the storage group resource',
    devices: [],
    masking: false,
    run: () => {
      const provided = provideVolumes(array, wanted, false);
      array.change((config) => {
        addGroup(array.id, config, group);
        attachVolumes(array, config, id, provided.created);
        for (const [device, identifier] of provided.identifiers) {
          if (identifier !== undefined) config.devices[device] = { ...config.devices[device], identifier };
        }
      });
      return {
        answer: createdAnswer(storageGroupBody(array, groupOf(array, id), call.apiVersion)),
        tasks: [
          `Create Storage Group [${id}]`,
          ...(provided.created.length > 0 ? [`Creating new Volumes for ${id} : [${provided.created.join(', ')}]`] : []),
        ],
        resourceLink: `storagegroup/${id}`,
      };
    },
  });
};

/** Refused while the group is in a masking view or has a parent; its volumes stay. */
export const deleteStorageGroup: Handler = (call) => {
  const array = controlledArrayOf(call);
  const { id } = groupOf(array, param(call, 'group'));
  return perform(call, {
    array,
    name: `Delete Storage Group ${id}`,
    problem: 'deleting the storage group resource',
    devices: [],
    masking: false,
    run: () => {
      refuseGroupDelete(array, groupIn(array.config, id, array.id));
      array.change((config) => {
        config.storageGroups = config.storageGroups.filter((group) => !sameName(group.id, id));
      });
      return { answer: noContentAnswer, tasks: [`Delete Storage Group [${id}]`] };
    },
  });
};

function refuseGroupDelete(array: LabArray, group: StorageGroup): void {
  if (array.index.viewsOfGroup(group).length > 0)
    throw new Refusal(500, 'The storage group cannot be deleted because it is in use by a masking view');
  if (array.index.parentsOf(group).length > 0)
    throw new Refusal(500, 'The storage group cannot be deleted because it is a child of another storage group');
}

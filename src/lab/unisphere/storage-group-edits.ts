import { okAnswer } from './answers.ts';
import { findNamed, type StorageGroup, sameName } from './array-config.ts';
import { groupOf } from './group-snapshots.ts';
import type { LabArray } from './lab-array.ts';
import { blockOf, type Fields, flagOf, requiredText, textsOf } from './lenient-fields.ts';
import { alreadyExists, malformed, Refusal } from './messages.ts';
import { controlledArrayOf, type Handler, param, perform } from './rest-call.ts';
import { noteModel } from './snapvx-session.ts';
import { storageGroupBody } from './storage-group-answers.ts';
import {
  attachVolumes,
  checkMaskedOnce,
  checkName,
  checkRoom,
  detachVolumes,
  groupIn,
  isMasked,
} from './storage-group-config.ts';
import { guardStore } from './store-refusals.ts';
import { parseWantedVolumes, provideVolumes } from './volume-requests.ts';

interface Edit {
  readonly devices: readonly string[];
  /** Does it; returns the task descriptions. */
  readonly run: () => readonly string[];
  /** The group's name afterwards. */
  readonly renamedTo?: string;
}

/** `PUT .../storagegroup/{sg}`: one action of `editStorageGroupActionParam`. */
export const editStorageGroup: Handler = (call) => {
  const array = controlledArrayOf(call);
  const group = groupOf(array, param(call, 'group'));
  const action = blockOf(call.body, 'editStorageGroupActionParam');
  if (!action) throw malformed('The required attribute editStorageGroupActionParam is missing');
  const edit = editOf(array, group, action);
  const id = edit.renamedTo ?? group.id;
  return perform(call, {
    array,
    name: `Modify Storage Group ${group.id}`,
    problem: 'modifying the storage group resource',
    devices: edit.devices,
    masking: isMasked(array, group),
    run: () => {
      const tasks = edit.run();
      return {
        answer: okAnswer(storageGroupBody(array, groupOf(array, id), call.apiVersion)),
        tasks,
        resourceLink: `storagegroup/${id}`,
      };
    },
  });
};

const upper = (ids: readonly string[]): readonly string[] => ids.map((id) => id.toUpperCase());

function requiredIds(fields: Fields): readonly string[] {
  const ids = upper(textsOf(fields, 'volumeId'));
  if (ids.length === 0) throw malformed('The required attribute volumeId is missing');
  return ids;
}

function editOf(array: LabArray, group: StorageGroup, action: Fields): Edit {
  const expand = blockOf(action, 'expandStorageGroupParam');
  const existing = expand && blockOf(expand, 'addSpecificVolumeParam');
  if (existing) return addExisting(array, group, requiredIds(existing));
  const added = expand && blockOf(expand, 'addVolumeParam');
  if (added) return addNew(array, group, added);
  const children = expand && blockOf(expand, 'addExistingStorageGroupParam');
  if (children) return addChildren(array, group, textsOf(children, 'storageGroupId'));
  const removed = blockOf(action, 'removeVolumeParam');
  if (removed) return remove(array, group, requiredIds(removed), flagOf(removed, 'terminate_snapshots'));
  const moved = blockOf(action, 'moveVolumeToStorageGroupParam');
  if (moved) return move(array, group, requiredIds(moved), requiredText(moved, 'storageGroupId'));
  const orphaned = blockOf(action, 'removeStorageGroupParam');
  if (orphaned) return removeChildren(array, group, textsOf(orphaned, 'storageGroupId'));
  const renamed = blockOf(action, 'renameStorageGroupParam');
  if (renamed) return rename(array, group, requiredText(renamed, 'new_storage_Group_name'));
  throw malformed('No known action in editStorageGroupActionParam');
}

const addExisting = (array: LabArray, group: StorageGroup, devices: readonly string[]): Edit => ({
  devices,
  run: () => {
    array.change((config) => attachVolumes(array, config, group.id, devices));
    return [`Add Volumes to Storage Group [${group.id}] : [${devices.join(', ')}]`];
  },
});

/**
 * `create_new_volumes` that is not true is best effort: devices of the right size that exist and belong to nobody are
 * handed over before new ones are made, with whatever they hold.
 */
function addNew(array: LabArray, group: StorageGroup, fields: Fields): Edit {
  const wanted = parseWantedVolumes(fields);
  const reuse = !flagOf(fields, 'create_new_volumes');
  return {
    devices: [],
    run: () => {
      const count = wanted.reduce((total, one) => total + one.count, 0);
      checkRoom(groupIn(array.config, group.id, array.id), count);
      const provided = provideVolumes(array, wanted, reuse);
      array.change((config) => {
        attachVolumes(array, config, group.id, [...provided.reused, ...provided.created]);
        for (const [device, identifier] of provided.identifiers)
          if (identifier !== undefined) config.devices[device] = { ...config.devices[device], identifier };
      });
      return [
        ...(provided.reused.length > 0
          ? [`Populating Storage Group(s) with volumes : [${provided.reused.join(', ')}]`]
          : []),
        ...(provided.created.length > 0
          ? [`Creating new Volumes for ${group.id} : [${provided.created.join(', ')}]`]
          : []),
      ];
    },
  };
}

const remove = (array: LabArray, group: StorageGroup, devices: readonly string[], terminate: boolean): Edit => ({
  devices,
  run: () => {
    array.change((config) => detachVolumes(array, config, group.id, devices));
    if (terminate) for (const id of devices) terminateAll(array, id);
    return [`Remove Volumes from Storage Group [${group.id}] : [${devices.join(', ')}]`];
  },
});

function terminateAll(array: LabArray, device: string): void {
  noteModel(array, [device]);
  for (const { name, snapId } of array.store.snapshots(device))
    guardStore(array, () => array.store.terminate({ name, select: { snapId }, devices: [device] }));
}

const move = (array: LabArray, group: StorageGroup, devices: readonly string[], target: string): Edit => ({
  devices,
  run: () => {
    array.change((config) => {
      detachVolumes(array, config, group.id, devices);
      attachVolumes(array, config, target, devices);
    });
    return [`Move Volumes from Storage Group [${group.id}] to [${target}] : [${devices.join(', ')}]`];
  },
});

const addChildren = (array: LabArray, group: StorageGroup, children: readonly string[]): Edit => ({
  devices: [],
  run: () => {
    array.change((config) => {
      const parent = groupIn(config, group.id, array.id);
      if (parent.volumes.length > 0) throw new Refusal(500, 'A storage group with volumes cannot have children');
      for (const name of children) {
        const child = groupIn(config, name, array.id);
        if (child.children.length > 0 || child === parent)
          throw new Refusal(500, 'The storage group cannot be a child');
        if (parent.children.some((one) => sameName(one, name))) throw alreadyExists('child storage group');
        parent.children.push(child.id);
        checkMaskedOnce(config, child.volumes);
      }
    });
    return [`Add Storage Groups [${children.join(', ')}] to [${group.id}]`];
  },
});

const removeChildren = (array: LabArray, group: StorageGroup, children: readonly string[]): Edit => ({
  devices: [],
  run: () => {
    array.change((config) => {
      const parent = groupIn(config, group.id, array.id);
      for (const name of children)
        if (!parent.children.some((one) => sameName(one, name)))
          throw new Refusal(500, 'The storage group is not a child of this storage group');
      parent.children = parent.children.filter((one) => !children.some((name) => sameName(name, one)));
    });
    return [`Remove Storage Groups [${children.join(', ')}] from [${group.id}]`];
  },
});

const rename = (array: LabArray, group: StorageGroup, name: string): Edit => ({
  devices: [],
  renamedTo: name,
  run: () => {
    checkName(name);
    array.change((config) => {
      const taken = findNamed(config.storageGroups, name);
      const renamed = groupIn(config, group.id, array.id);
      if (taken && taken !== renamed) throw alreadyExists('storage group');
      for (const other of config.storageGroups)
        other.children = other.children.map((child) => (sameName(child, group.id) ? name : child));
      for (const view of config.maskingViews) if (sameName(view.storageGroup, group.id)) view.storageGroup = name;
      renamed.id = name;
    });
    return [`Rename Storage Group [${group.id}] to [${name}]`];
  },
});

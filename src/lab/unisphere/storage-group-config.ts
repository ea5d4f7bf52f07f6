import { type ArrayConfig, findNamed, type StorageGroup, sameName } from './array-config.ts';
import { arrayUniqueGuid } from './device-identity.ts';
import type { LabArray } from './lab-array.ts';
import { alreadyExists, groupFull, malformed, maskedElsewhere, notFound, Refusal, twoFastGroups } from './messages.ts';
import { hostsOfView, membersOf } from './presentation.ts';

const MAX_DEVICES = 4096;
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const GROUP_GUID_FAMILY = 0x01;

export interface NewGroup {
  readonly id: string;
  readonly srp?: string;
  readonly serviceLevel?: string;
  readonly workload?: string;
  readonly compression?: boolean;
}

export function checkName(name: string): void {
  if (!NAME.test(name)) throw malformed(`The name ${name} is not valid`);
}

export function addGroup(arrayId: string, config: ArrayConfig, group: NewGroup): StorageGroup {
  checkName(group.id);
  if (findNamed(config.storageGroups, group.id)) throw alreadyExists('storage group');
  config.serial += 1;
  const uuid = arrayUniqueGuid(arrayId, GROUP_GUID_FAMILY, config.serial);
  const added: StorageGroup = { compression: false, ...group, uuid, volumes: [], children: [] };
  config.storageGroups.push(added);
  return added;
}

export function groupIn(config: ArrayConfig, id: string, arrayId: string): StorageGroup {
  const group = findNamed(config.storageGroups, id);
  if (!group) throw notFound('Storage Group', id, arrayId);
  return group;
}

const usesFast = (group: StorageGroup): boolean => group.srp !== undefined || group.serviceLevel !== undefined;

export function checkRoom(group: StorageGroup, count: number): void {
  if (group.children.length > 0) throw new Refusal(500, 'Devices cannot be added to a parent storage group');
  if (group.volumes.length + count > MAX_DEVICES) throw groupFull();
}

/** Everything an array checks before devices enter a group; all of them enter or none. */
export function attachVolumes(array: LabArray, config: ArrayConfig, groupId: string, devices: readonly string[]): void {
  const group = groupIn(config, groupId, array.id);
  checkRoom(group, devices.length);
  if (new Set(devices).size < devices.length) throw malformed('A volume is named twice');
  for (const id of devices) {
    if (!array.device(id)) throw notFound('Volume', id, array.id);
    if (array.index.vvolOf(id)) throw new Refusal(500, 'A virtual volume cannot be a member of a storage group');
    if (group.volumes.includes(id)) throw new Refusal(500, 'The device is already a member of the storage group');
    const others = config.storageGroups.filter((other) => other !== group && other.volumes.includes(id));
    if (usesFast(group) && others.some(usesFast)) throw twoFastGroups();
  }
  group.volumes.push(...devices);
  checkMaskedOnce(config, devices);
}

/** What both of the vendor's drivers work around: the group of a masking view is not left empty. */
export function detachVolumes(array: LabArray, config: ArrayConfig, groupId: string, devices: readonly string[]): void {
  const group = groupIn(config, groupId, array.id);
  for (const id of devices) {
    if (!array.device(id)) throw notFound('Volume', id, array.id);
    if (!group.volumes.includes(id)) throw new Refusal(500, 'The device is not a member of the storage group');
  }
  group.volumes = group.volumes.filter((id) => !devices.includes(id));
  for (const view of config.maskingViews) {
    const masked = findNamed(config.storageGroups, view.storageGroup);
    if (!masked || !(masked === group || masked.children.some((child) => sameName(child, group.id)))) continue;
    if (membersOf(config, masked).length === 0)
      throw new Refusal(500, 'The last device of a storage group in a masking view cannot be removed');
  }
}

/** A host may see a device through one view only. */
export function checkMaskedOnce(config: ArrayConfig, devices: readonly string[]): void {
  const wanted = new Set(devices);
  const seen = new Set<string>();
  for (const view of config.maskingViews) {
    const group = findNamed(config.storageGroups, view.storageGroup);
    if (!group) continue;
    for (const device of membersOf(config, group)) {
      if (!wanted.has(device)) continue;
      for (const host of hostsOfView(config, view)) {
        const key = `${host.toLowerCase()} ${device}`;
        if (seen.has(key)) throw maskedElsewhere();
        seen.add(key);
      }
    }
  }
}

/** Whether a change of this group changes what hosts see. */
export const isMasked = (array: LabArray, group: StorageGroup): boolean =>
  [group, ...array.index.parentsOf(group)].some((one) => array.index.viewsOfGroup(one).length > 0);

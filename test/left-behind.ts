import { readdirSync } from 'node:fs';
import path from 'node:path';
import { PROXY_VM } from '../src/lab/estate.ts';
import type { Lab } from '../src/lab/lab.ts';

/** What a user would call left behind, on every system of the lab and on this machine. Empty folders that belong to the installation do not count. */
export function leftBehind(lab: Lab): readonly string[] {
  const left: string[] = [];
  for (const device of lab.store.devices()) {
    for (const { name } of lab.store.snapshots(device.id)) left.push(`snapshot ${name} on ${device.id}`);
    if (device.isTarget) left.push(`link on ${device.id}`);
  }
  for (const member of lab.changedMembers()) left.push(`storage group member ${member}`);
  for (const vm of [lab.guestName, lab.linuxGuestName, PROXY_VM]) {
    const { disks, consolidationNeeded } = lab.vcenter.vm(vm);
    for (const snapshot of lab.vcenter.snapshotsOf(vm)) left.push(`snapshot ${snapshot} of VM ${vm}`);
    if (consolidationNeeded || disks.some(({ backing }) => 'parent' in backing))
      left.push(`unmerged disks of VM ${vm}`);
    if (disks.some(({ diskMode }) => diskMode === 'independent_nonpersistent')) left.push(`added disk on VM ${vm}`);
  }
  for (const node of readdirSync(path.join(lab.directory, 'proxy', 'by-id'))) {
    if (node.startsWith('wwn-0x6000c29')) left.push(`device ${node}`);
  }
  if (lab.isFrozen()) left.push('frozen guest');
  if (lab.linuxGuest.sessionCount() > 0) left.push('session in the Linux guest');
  for (const { id } of lab.guest.shadows.all()) left.push(`shadow copy ${id}`);
  for (const file of lab.guest.files.paths())
    if (/\\snaphook-[^\\]+\\/.test(file)) left.push(`file ${file} in the guest`);
  for (const file of filesInMemory(lab)) left.push(inLinuxGuest(file));
  if (lab.guestShells() > 0) left.push(GUEST_SHELL);
  if (lab.guest.quietSets() > 0) left.push('quiet applications in the guest');
  if (lab.guest.parkedBackups() > 0) left.push('parked full backup');
  if (lab.vcenterSessions() > 0) left.push(VCENTER_SESSION);
  for (const folder of ['export', 'state/locks', 'state/runs/open']) {
    for (const entry of entriesBelow(path.join(lab.directory, folder))) left.push(`${folder}/${entry}`);
  }
  return left;
}

const GUEST_SHELL = 'guest shell';
const VCENTER_SESSION = 'vCenter session';

const filesInMemory = ({ linuxGuest }: Lab): readonly string[] => linuxGuest.agent.files.below('/dev/shm');
const inLinuxGuest = (file: string): string => `file ${file} in the Linux guest`;

/** Of sessions by guest operations that were interrupted before anybody knew the name: these stay (docs/guest-operations.md). */
export function emptyFolders(lab: Lab): readonly string[] {
  const files = filesInMemory(lab);
  const isFolder = (file: string) => /^\/dev\/shm\/snaphook-[^/]+$/.test(file);
  const isEmpty = (file: string) => !files.some((other) => other.startsWith(`${file}/`));
  return files.filter((file) => isFolder(file) && isEmpty(file)).map(inLinuxGuest);
}

/** What a user would call left behind without what ends by itself, or stays, when a process was killed. */
export function leftByKilled(lab: Lab): readonly string[] {
  const excused = [GUEST_SHELL, VCENTER_SESSION, ...emptyFolders(lab)];
  return leftBehind(lab).filter((left) => !excused.includes(left));
}

function entriesBelow(folder: string): readonly string[] {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile() || !folder.endsWith('export')).map(({ name }) => name);
  } catch {
    return [];
  }
}

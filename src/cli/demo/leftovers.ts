import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { Lab } from '../../lab/lab.ts';

/** Everything that exists now and did not exist before the run: on the array, in vCenter, in the guest, on the proxy. */
export function leftovers(lab: Lab): readonly string[] {
  const left: string[] = [];
  for (const device of lab.store.devices()) {
    for (const { name } of lab.store.snapshots(device.id)) left.push(`snapshot ${name} on device ${device.id}`);
    if (device.isTarget) left.push(`link on target ${device.id}`);
  }
  if (lab.vcenterSessions() > 0) left.push(`${lab.vcenterSessions()} vCenter session(s)`);
  if (lab.linuxGuest.sessionCount() > 0) left.push(`session(s) in guest ${lab.linuxGuestName}`);
  if (lab.guestShells() > 0) left.push(`${lab.guestShells()} shell(s) in guest ${lab.guestName}`);
  if (lab.isFrozen()) left.push(`guest ${lab.guestName} is still frozen`);
  for (const member of lab.changedMembers()) left.push(`storage group member ${member}`);
  for (const file of filesBelow(path.join(lab.directory, 'export'))) left.push(`file ${file}`);
  for (const file of filesBelow(path.join(lab.directory, 'state', 'runs', 'open'))) left.push(`open run ${file}`);
  for (const file of filesBelow(path.join(lab.directory, 'state', 'locks'))) left.push(`lock ${file}`);
  return left;
}

function filesBelow(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() || entry.name.endsWith('.lock'))
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

import type { VirtualDisk, VmRecord } from '../ports/hypervisor.ts';

/** Something of a VM or of one of its disks that who restores from the images should know. */
export interface VmNote {
  readonly code:
    | 'snapshots'
    | 'on-snapshot'
    | 'independent'
    | 'nonpersistent'
    | 'io-filter'
    | 'host-cache'
    | 'encrypted'
    | 'shared'
    | 'raw-device'
    | 'consolidation-needed'
    | 'tools-not-running'
    | 'suspended'
    | 'fault-tolerant'
    | 'task-at-work';
  /** `warning`: images or grade may be less than one expects. */
  readonly severity: 'info' | 'warning';
  /** Device key of the disk it is about; undefined for the VM. */
  readonly disk: number | undefined;
  readonly text: string;
}

/** Everything about the VM that is unusual and does not keep it from being captured. */
export function notesOf(vm: VmRecord, now: Date): readonly VmNote[] {
  return [...vmNotes(vm, now), ...vm.disks.flatMap((disk) => diskNotes(vm, disk))];
}

function vmNotes({ name, poweredOn, condition }: VmRecord, now: Date): readonly VmNote[] {
  const notes: VmNote[] = [];
  const add = (code: VmNote['code'], severity: VmNote['severity'], what: string) =>
    notes.push({ code, severity, disk: undefined, text: `VM "${name}" ${what}` });
  const { snapshots, tasks } = condition;
  if (snapshots.length > 0) {
    const list = snapshots.map((snapshot) => `"${snapshot.name}" (${ageOf(snapshot.createdAtMs, now)})`).join(', ');
    add('snapshots', 'warning', `has ${snapshots.length} VM snapshot(s) already: ${list}`);
  }
  for (const { kind, atWork } of tasks) if (atWork) add('task-at-work', 'warning', `is being worked on: "${kind}"`);
  if (condition.consolidationNeeded) add('consolidation-needed', 'warning', 'needs its disks consolidated');
  if (condition.suspended) add('suspended', 'warning', 'is suspended: its memory is not captured');
  if (condition.faultTolerant)
    add('fault-tolerant', 'warning', 'is fault tolerant: only the disks of its primary are captured');
  if (condition.encrypted)
    add(
      'encrypted',
      'warning',
      'is encrypted: without its key its configuration and the settings of its firmware cannot be read',
    );
  if (poweredOn && !condition.toolsRunning) add('tools-not-running', 'info', 'shows no running VMware Tools');
  return notes;
}

function diskNotes({ name: vm }: VmRecord, disk: VirtualDisk): readonly VmNote[] {
  const notes: VmNote[] = [];
  const add = (code: VmNote['code'], severity: VmNote['severity'], what: string) =>
    notes.push({ code, severity, disk: disk.key, text: `disk "${disk.label}" of VM "${vm}" ${what}` });
  const { condition, diskMode, backing } = disk;
  if (disk.onSnapshot)
    add('on-snapshot', 'warning', 'runs on a VM snapshot: its image holds the current state, without the chain');
  if (disk.sharedByWriters) add('shared', 'warning', 'is shared with other VMs that are not frozen');
  if (diskMode === 'independent_nonpersistent' || diskMode === 'nonpersistent' || diskMode === 'append') {
    add('nonpersistent', 'warning', `is ${diskMode}: what the guest wrote since its start is not in the image`);
  } else if (diskMode.startsWith('independent'))
    add('independent', 'info', 'is independent: VM snapshots leave it out, this run captures it');
  for (const filter of condition.filters) add('io-filter', 'warning', `passes IO filter "${filter}"`);
  if (condition.hostCache === 'write-back') add('host-cache', 'warning', 'is cached on its host, writes included');
  if (condition.hostCache === 'write-through') add('host-cache', 'info', 'has a read cache on its host');
  if (condition.encrypted) add('encrypted', 'warning', 'is encrypted: without its key its image cannot be read');
  if (backing.kind === 'rdm' && backing.compatibilityMode === 'physical')
    add('raw-device', 'info', 'is a physical raw device: VM snapshots and changed block tracking leave it out');
  return notes;
}

/** Its newest writes may be on the ESXi host and not on the array, or in an order of their own. */
export const mayHoldWritesBack = ({ condition }: VirtualDisk): boolean =>
  condition.filters.length > 0 || condition.hostCache === 'write-back';

const HOUR_MS = 3_600_000;

function ageOf(createdAtMs: number | undefined, now: Date): string {
  if (createdAtMs === undefined) return 'of unknown age';
  const hours = Math.floor((now.getTime() - createdAtMs) / HOUR_MS);
  if (hours < 1) return 'less than an hour old';
  return hours < 48 ? `${hours} hours old` : `${Math.floor(hours / 24)} days old`;
}

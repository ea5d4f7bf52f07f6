import type { ErrorRecord } from '../ports/errors.ts';
import type { RunId } from '../ports/identity.ts';
import type { DeviceInventory, StorageArray } from '../ports/storage-array.ts';
import { FOUND_JOB, type FoundSnapshot, type FoundVm } from './found-snapshot.ts';
import { identitiesOf } from './identity.ts';
import { RunJournal } from './journal.ts';
import { OWN_NAME_PREFIX } from './names.ts';
import type { JobPorts } from './ports.ts';
import { orProblem } from './problems.ts';
import { closeRun } from './run-record.ts';
import { type UntoldSnapshot, untoldSnapshots } from './untold-snapshots.ts';
import { selectVms } from './vms.ts';

export interface RebuiltSnapshot extends FoundSnapshot {
  readonly runId: RunId;
}

export interface Rebuilt {
  readonly snapshots: readonly RebuiltSnapshot[];
  readonly problems: readonly ErrorRecord[];
}

/**
 * Finds the kept snapshots that the arrays have and no journal tells of, and which VMs are on their devices now; with `apply` gives
 * each a journal again. Grade, label, job, and how long it was to be kept nobody can tell.
 */
export async function rebuildCatalog(
  ports: JobPorts,
  { apply }: { readonly apply: boolean },
  signal: AbortSignal,
): Promise<Rebuilt> {
  const problems: ErrorRecord[] = [];
  const snapshots: RebuiltSnapshot[] = [];
  for (const array of ports.arrays) {
    const untold = await orProblem<readonly UntoldSnapshot[]>(problems, [], signal, async () =>
      untoldSnapshots(ports, array, await array.listSnapshots({ namePrefix: OWN_NAME_PREFIX }, signal), signal),
    );
    if (untold.length === 0) continue;
    const vms = await orProblem<readonly FoundVm[]>(problems, [], signal, () => vmsOn(ports, array, signal));
    for (const { runId, found } of untold) {
      const own = new Set(found.devices);
      const snapshot = { ...found, vms: vms.flatMap((vm) => partOn(vm, own)) };
      if (apply) await orProblem(problems, undefined, signal, () => remember(ports, runId, snapshot));
      snapshots.push({ runId, ...snapshot });
    }
  }
  return { snapshots, problems };
}

/** Every VM with a disk on a device of the array. A name that leads to no device, or to several, proves nothing. */
async function vmsOn(ports: JobPorts, array: StorageArray, signal: AbortSignal): Promise<readonly FoundVm[]> {
  const everyVm = { vms: [{ by: 'pattern', pattern: '*' } as const], exclude: [], onNoMatch: 'skip' } as const;
  const { vms, warnings } = await selectVms(ports.hypervisor, everyVm, signal);
  for (const warning of warnings) ports.reporter.warn(warning);
  const identities = [...new Set(vms.flatMap(({ disks }) => disks.flatMap(identitiesOf)))];
  const { sources } = await array.inventory({ identities, pool: '' }, signal);
  const deviceOf = new Map(identities.map((identity, index) => [identity, onlyOne(sources[index])]));
  return vms.map(({ name, instanceUuid, disks }) => ({
    name,
    instanceUuid,
    disks: disks.map((disk) => ({
      label: disk.label,
      devices: identitiesOf(disk).flatMap((identity) => deviceOf.get(identity)?.id ?? []),
    })),
  }));
}

const onlyOne = (devices: DeviceInventory['sources'][number] = []) => (devices.length === 1 ? devices[0] : undefined);

/** The disks of the VM that are on these devices; none: not this VM. */
function partOn({ name, instanceUuid, disks }: FoundVm, own: ReadonlySet<string>): readonly FoundVm[] {
  const captured = disks.flatMap(({ label, devices }) => {
    const on = devices.filter((device) => own.has(device));
    return on.length > 0 ? [{ label, devices: on }] : [];
  });
  return captured.length > 0 ? [{ name, instanceUuid, disks: captured }] : [];
}

async function remember(ports: JobPorts, runId: RunId, found: FoundSnapshot): Promise<void> {
  const context = {
    job: FOUND_JOB,
    integration: 'catalog rebuild',
    instance: undefined,
    productRunId: undefined,
    level: undefined,
  };
  const journal = await RunJournal.load(await ports.journals.create({ runId, job: FOUND_JOB }), ports.clock);
  await journal.opened(context);
  await journal.append({ kind: 'found', data: found });
  await closeRun(ports, journal, runId, 'kept');
}

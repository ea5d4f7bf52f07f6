import { type ErrorRecord, toErrorRecord } from '../ports/errors.ts';
import type { ArrayId, DeviceId, InstanceUuid, Wwn } from '../ports/identity.ts';
import type { Grade } from './grade.ts';
import type { Outcome } from './journal-records.ts';
import { readJournal } from './open-plans.ts';
import { capturedOf, type Plan } from './plan.ts';
import type { JobPorts } from './ports.ts';
import type { RunState } from './run-state.ts';
import { type RunStanding, standingOf } from './status.ts';
import { snapshotResultOf } from './step-results.ts';

export interface CatalogDevice {
  readonly device: DeviceId;
  /** Undefined where the journal does not tell. */
  readonly wwn: Wwn | undefined;
  /** That shows, or showed, its point in time; undefined for a kept snapshot. */
  readonly target: DeviceId | undefined;
}

export interface CatalogVm {
  readonly name: string;
  readonly instanceUuid: InstanceUuid;
  readonly grade: Grade;
  readonly reasons: readonly string[];
  readonly disks: readonly { readonly label: string; readonly devices: readonly CatalogDevice[] }[];
}

/** What a run captured: VM, disk, device and snapshot, as its journal says. */
export interface CatalogEntry {
  readonly runId: string;
  readonly job: string;
  readonly state: RunStanding;
  readonly outcome: Outcome | undefined;
  readonly label: string | undefined;
  readonly openedAt: string | undefined;
  readonly capturedAt: string | undefined;
  /** Undefined while there is no plan. */
  readonly snapshot:
    | { readonly array: ArrayId; readonly name: string; readonly snapId: number | undefined; readonly route: string }
    | undefined;
  readonly vms: readonly CatalogVm[];
}

/** The entries of this machine's journals: what is open, what is kept, and the newest closed runs. Asks nobody else. */
export async function catalogEntries(
  ports: Pick<JobPorts, 'journals' | 'clock'>,
  closedLimit: number,
): Promise<{ readonly entries: readonly CatalogEntry[]; readonly problems: readonly ErrorRecord[] }> {
  const { journals } = ports;
  const runs = [
    ...(await journals.openRuns()),
    ...(await journals.keptRuns()),
    ...(await journals.closedRuns(closedLimit)),
  ];
  const entries: CatalogEntry[] = [];
  const problems: ErrorRecord[] = [];
  for (const { runId, job } of runs) {
    try {
      const { state } = await readJournal(ports, runId);
      // A restore captures nothing.
      if (!state.restore) entries.push(entryOf(runId, job, state));
    } catch (error) {
      problems.push(toErrorRecord(error));
    }
  }
  return { entries, problems };
}

/** The entry of one run, also of one that ended long ago. Errors: `E_JOURNAL`. */
export async function catalogEntry(ports: Pick<JobPorts, 'journals' | 'clock'>, runId: string): Promise<CatalogEntry> {
  const { state } = await readJournal(ports, runId);
  return entryOf(runId, state.context?.job ?? 'unknown', state);
}

function entryOf(runId: string, job: string, state: RunState): CatalogEntry {
  const { plan, found } = state;
  return {
    runId,
    job,
    state: standingOf(state),
    outcome: state.outcome,
    label: state.label ?? plan?.spec.keep?.label,
    openedAt: state.openedAt?.toISOString(),
    capturedAt: found?.createdAt ?? plan?.borrowed?.takenAt ?? state.capturedAt?.toISOString(),
    snapshot: snapshotOf(state),
    vms: plan
      ? vmsOf(plan, state)
      : (found?.vms ?? []).map(({ name, instanceUuid, disks }) => ({
          ...{ name, instanceUuid, grade: 'unknown' as const, reasons: ['its first journal is lost'] },
          disks: disks.map(({ label, devices }) => ({
            label,
            devices: devices.map((device) => ({ device, wwn: undefined, target: undefined })),
          })),
        })),
  };
}

function snapshotOf(state: RunState): CatalogEntry['snapshot'] {
  const { plan, found } = state;
  if (found) return { array: found.array, name: found.name, snapId: found.snapId, route: 'snapvx' };
  if (!plan) return undefined;
  return {
    array: plan.arrayId,
    name: plan.snapshotName,
    snapId: snapshotResultOf(state)?.snapId,
    route: plan.route.name,
  };
}

function vmsOf(plan: Plan, state: RunState): readonly CatalogVm[] {
  const capture = snapshotResultOf(state);
  const targets = new Map(plan.devices.map(({ device, target }) => [device, target]));
  const wwns = new Map(capturedOf(plan).map(({ device, wwn }) => [device, wwn]));
  return plan.vms.map(({ name, instanceUuid, disks }) => {
    const captured = capture?.vms.find(({ vm }) => vm === instanceUuid);
    return {
      name,
      instanceUuid,
      grade: captured?.grade ?? 'unknown',
      reasons: captured?.reasons ?? ['nothing was captured'],
      disks: disks.map(({ label, devices }) => ({
        label,
        devices: devices.map((device) => ({ device, wwn: wwns.get(device), target: targets.get(device) })),
      })),
    };
  });
}

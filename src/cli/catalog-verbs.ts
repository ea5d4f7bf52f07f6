import path from 'node:path';
import { loadConfig } from '../config/load.ts';
import { type CatalogEntry, catalogEntries, catalogEntry } from '../job/catalog.ts';
import { rebuildCatalog } from '../job/rebuild.ts';
import { systemClock } from '../platform/clock.ts';
import { createFileJournals } from '../platform/file-journals.ts';
import type { Reporter } from '../ports/reporter.ts';
import { withPorts } from './compose.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { jsonDocument } from './render/json.ts';
import { exitCodeOf, problemText } from './render/problems.ts';
import { table } from './render/text.ts';
import { runIdOf } from './run-id.ts';

const journalsOf = (configFile: string) => ({
  journals: createFileJournals(path.join(loadConfig(configFile).stateDirectory, 'runs')),
  clock: systemClock,
});

export interface CatalogFilter {
  readonly vm: string | undefined;
  readonly device: string | undefined;
  readonly closed: number;
}

/** One row for each VM of each run. Reads this machine's journals alone. */
export async function catalogListVerb(configFile: string, { vm, device, closed }: CatalogFilter): Promise<VerbResult> {
  const { entries, problems } = await catalogEntries(journalsOf(configFile), closed);
  const chosen = entries.filter(
    ({ vms }) =>
      (vm === undefined || vms.some(({ name, instanceUuid }) => name === vm || instanceUuid === vm)) &&
      (device === undefined || vms.some(({ disks }) => disks.some(({ devices }) => devices.some(isNamed(device))))),
  );
  const rows = chosen.flatMap((entry) =>
    entry.vms.length === 0 ? [rowOf(entry)] : entry.vms.map((one) => rowOf(entry, one)),
  );
  const text = rows.length === 0 ? 'the catalog is empty\n' : table([LIST_HEAD, ...rows]);
  return {
    document: jsonDocument('catalog-list', { ok: problems.length === 0, entries: chosen, problems }),
    text: text + problems.map(problemText).join(''),
    exitCode: exitCodeOf(problems),
  };
}

const isNamed =
  (text: string) =>
  ({ device, wwn }: CatalogEntry['vms'][number]['disks'][number]['devices'][number]): boolean =>
    device === text.toUpperCase() || wwn === text.toLowerCase();

const LIST_HEAD = ['run', 'job', 'state', 'VM', 'grade', 'captured', 'array', 'snapshot', 'devices'];

const rowOf = (entry: CatalogEntry, vm?: CatalogEntry['vms'][number]): readonly string[] => [
  entry.runId,
  entry.job,
  entry.state === 'closed' ? (entry.outcome ?? '') : entry.state,
  vm?.name ?? 'unknown',
  vm?.grade ?? 'unknown',
  entry.capturedAt ?? '',
  entry.snapshot?.array ?? '',
  entry.snapshot?.name ?? '',
  (vm?.disks ?? []).flatMap(({ devices }) => devices.map(({ device }) => device)).join(', '),
];

/** Everything the journal of one run says of VM, disk, device and snapshot. */
export async function catalogShowVerb(configFile: string, run: string): Promise<VerbResult> {
  const entry = await catalogEntry(journalsOf(configFile), runIdOf(run));
  const { snapshot } = entry;
  const rows = entry.vms.flatMap((vm) =>
    vm.disks.flatMap(({ label, devices }) =>
      devices.map(({ device, wwn, target }) => [vm.name, label, device, wwn ?? 'unknown', target ?? '']),
    ),
  );
  const text = [
    `run ${entry.runId} of job "${entry.job}": ${entry.outcome ?? entry.state}${entry.label === undefined ? '' : `, "${entry.label}"`}\n`,
    snapshot
      ? `snapshot ${snapshot.name}, id ${snapshot.snapId ?? 'none'}, array ${snapshot.array}, route ${snapshot.route}, captured ${entry.capturedAt ?? 'never'}\n`
      : 'it never came to a plan\n',
    ...entry.vms.map(({ name, grade, reasons }) => `VM ${name}: ${[grade, ...reasons].join('; ')}\n`),
    rows.length === 0 ? '' : table([['VM', 'disk', 'device', 'WWN', 'target'], ...rows]),
  ].join('');
  return { document: jsonDocument('catalog-show', { ok: true, entry }), text, exitCode: EXIT.ok };
}

/** Kept snapshots that only the arrays know any more; with `apply` each gets a journal again. */
export async function catalogRebuildVerb(
  { configFile, apply }: { readonly configFile: string; readonly apply: boolean },
  reporter: Reporter,
  signal: AbortSignal,
): Promise<VerbResult> {
  const { snapshots, problems } = await withPorts(loadConfig(configFile), reporter, (ports) =>
    rebuildCatalog(ports, { apply }, signal),
  );
  const rows = snapshots.map(({ runId, createdAt, array, devices, vms }) => [
    runId,
    createdAt,
    array,
    devices.join(', '),
    vms.map(({ name }) => name).join(', ') || 'unknown',
  ]);
  const nothing = 'every kept snapshot on the arrays has its journal\n';
  const hint = apply || rows.length === 0 ? '' : 'Nothing was written. `--apply` gives each a journal again.\n';
  return {
    document: jsonDocument('catalog-rebuild', { ok: problems.length === 0, applied: apply, snapshots, problems }),
    text: [
      rows.length > 0 || problems.length > 0 ? '' : nothing,
      rows.length === 0 ? '' : table([['run', 'taken', 'array', 'devices', 'VMs on them now'], ...rows]),
      ...problems.map(problemText),
      hint,
    ].join(''),
    exitCode: exitCodeOf(problems),
  };
}

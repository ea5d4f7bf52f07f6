import { loadConfig } from '../config/load.ts';
import { type Deletion, deleteKept, renameKept } from '../job/kept-changes.ts';
import { type ListedSnapshot, listKept } from '../job/kept-snapshots.ts';
import { pruneKept } from '../job/prune.ts';
import type { Reporter } from '../ports/reporter.ts';
import { jobSpec, withPorts } from './compose.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { jsonDocument } from './render/json.ts';
import { exitCodeOf, problemText } from './render/problems.ts';
import { table } from './render/text.ts';
import { runIdOf } from './run-id.ts';
import { checkLabel } from './snapshot-create-verb.ts';

interface Call {
  readonly configFile: string;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** Kept snapshots, each looked for on its array. */
export async function snapshotListVerb(
  call: Call,
  { job, vm }: { readonly job: string | undefined; readonly vm: string | undefined },
): Promise<VerbResult> {
  const { snapshots, problems } = await withPorts(loadConfig(call.configFile), call.reporter, (ports) =>
    listKept(ports, call.signal),
  );
  const chosen = snapshots.filter(
    (one) =>
      (job === undefined || one.job === job) &&
      (vm === undefined || one.vms.some(({ name, instanceUuid }) => name === vm || instanceUuid === vm)),
  );
  const lines = chosen.length === 0 ? 'no kept snapshots\n' : table([LIST_HEAD, ...chosen.map(listRow)]);
  return {
    document: jsonDocument('snapshot-list', { ok: problems.length === 0, snapshots: chosen, problems }),
    text: lines + problems.map(problemText).join(''),
    exitCode: exitCodeOf(problems),
  };
}

const LIST_HEAD = ['run', 'label', 'job', 'VMs', 'grade', 'taken', 'expires', 'devices', 'snap id', 'state'];

const listRow = (one: ListedSnapshot): readonly string[] => [
  one.runId,
  one.label ?? '',
  one.job ?? 'unknown',
  one.vms.map(({ name }) => name).join(', ') || 'unknown',
  [...new Set(one.vms.map(({ grade }) => grade))].join(', ') || 'unknown',
  one.takenAt.toISOString(),
  one.expiresAt?.toISOString() ?? 'unknown',
  String(one.devices.length),
  one.snapId === undefined ? '' : String(one.snapId),
  one.state === 'linked' ? `linked to ${one.linkedTargets.join(', ')}` : one.state,
];

export async function snapshotRenameVerb(
  call: Call,
  { run, label }: { readonly run: string; readonly label: string },
): Promise<VerbResult> {
  const runId = runIdOf(run);
  checkLabel(label);
  await withPorts(loadConfig(call.configFile), call.reporter, (ports) => renameKept(ports, runId, label, call.signal));
  return {
    document: jsonDocument('snapshot-rename', { ok: true, runId, label }),
    text: `snapshot ${runId} is called "${label}"\n`,
    exitCode: EXIT.ok,
  };
}

export async function snapshotDeleteVerb(
  call: Call,
  { runs, apply }: { readonly runs: readonly string[]; readonly apply: boolean },
): Promise<VerbResult> {
  const ids = runs.map(runIdOf);
  const deletions = await withPorts(loadConfig(call.configFile), call.reporter, (ports) =>
    deleteKept(ports, ids, { apply }, call.signal),
  );
  const errors = deletions.flatMap(({ error }) => error ?? []);
  return {
    document: jsonDocument('snapshot-delete', { ok: errors.length === 0, applied: apply, deletions }),
    text: deletions.map(deletionText).join('') + hint(apply, deletions),
    exitCode: exitCodeOf(errors),
  };
}

export async function snapshotPruneVerb(
  call: Call,
  { job, apply }: { readonly job: string; readonly apply: boolean },
): Promise<VerbResult> {
  const config = loadConfig(call.configFile);
  const spec = jobSpec(config, job);
  const { overdue, deletions, problems } = await withPorts(config, call.reporter, (ports) =>
    pruneKept(ports, { spec, apply }, call.signal),
  );
  const why = new Map<string, string>(overdue.map(({ snapshot, because }) => [snapshot.runId, because]));
  const errors = [...problems, ...deletions.flatMap(({ error }) => error ?? [])];
  const told = deletions.map((deletion) => ({ ...deletion, because: why.get(deletion.runId) }));
  const lines = told.map((one) => deletionText(one).replace(/\n$/, `: ${one.because}\n`));
  return {
    document: jsonDocument('snapshot-prune', {
      ok: errors.length === 0,
      job,
      applied: apply,
      deletions: told,
      problems,
    }),
    text: `${lines.join('') || 'no snapshot is over its time\n'}${problems.map(problemText).join('')}${hint(apply, deletions)}`,
    exitCode: exitCodeOf(errors),
  };
}

function deletionText({ runId, did, state, error }: Deletion): string {
  if (error) return `snapshot ${runId} was left alone; ${problemText(error)}`;
  const was = state === 'gone' ? ', which the array does not have any more' : '';
  return did === 'deleted' ? `snapshot ${runId}${was} was deleted\n` : `snapshot ${runId}${was} would be deleted\n`;
}

const hint = (apply: boolean, deletions: readonly Deletion[]): string =>
  apply || !deletions.some(({ did }) => did === 'found') ? '' : 'Nothing was changed. `--apply` deletes.\n';

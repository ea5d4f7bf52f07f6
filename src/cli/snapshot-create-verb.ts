import { loadConfig } from '../config/load.ts';
import { collateralOf, warningsOf } from '../job/collateral.ts';
import type { JobSpec, Keep } from '../job/job-spec.ts';
import { type KeepResult, keepSnapshot } from '../job/keep.ts';
import { type PruneResult, pruneKept } from '../job/prune.ts';
import { SnaphookError, toErrorRecord } from '../ports/errors.ts';
import type { Reporter } from '../ports/reporter.ts';
import { closePorts, composePorts, jobSpec } from './compose.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { capturedVms, windowOf } from './render/captured-vms.ts';
import { jsonDocument } from './render/json.ts';
import { millisecondsText, table } from './render/text.ts';

export interface SnapshotCreateRequest {
  readonly configFile: string;
  readonly job: string;
  readonly vms: readonly string[];
  readonly label: string | undefined;
  readonly keepDays: number | undefined;
}

/** Makes a snapshot that is kept, and then ends those of the same VMs whose time is over. */
export async function snapshotCreateVerb(
  request: SnapshotCreateRequest,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<VerbResult> {
  const config = loadConfig(request.configFile);
  const spec = jobSpec(config, request.job, { vms: request.vms });
  const keep = keepOf(spec, request);
  const ports = composePorts(config, reporter);
  const context = {
    job: request.job,
    integration: 'snapshot create',
    instance: undefined,
    productRunId: undefined,
    level: undefined,
  };
  try {
    const result = await keepSnapshot(ports, spec, keep, context, signal);
    // The snapshot is made, whatever becomes of the older ones: what went wrong with them is told, and tried again the next time.
    const pruning = await pruneKept(ports, { spec, sameVmsAs: result.runId, apply: true }, signal).catch(
      (error: unknown): PruneResult => ({ overdue: [], deletions: [], problems: [toErrorRecord(error)] }),
    );
    const errors = [...pruning.problems, ...pruning.deletions.flatMap(({ error }) => error ?? [])];
    for (const { message } of errors) reporter.warn('retention could not be carried out', { because: message });
    return {
      document: documentOf(result, keep, pruning),
      text: textOf(result, keep, pruning),
      exitCode: result.degraded ? EXIT.degraded : EXIT.ok,
    };
  } finally {
    await closePorts(ports);
  }
}

function keepOf({ name, retention }: JobSpec, { label, keepDays }: SnapshotCreateRequest): Keep {
  if (label !== undefined) checkLabel(label);
  if (keepDays === undefined && retention) return { label, days: retention.days, rule: 'job' };
  if (keepDays === undefined) {
    throw new SnaphookError('E_USAGE', `nothing says how long a snapshot of job "${name}" is kept`, {
      hint: 'Give `--keep-days N`, or set `retention: { days: N }` for the job. A snapshot without an end is never made.',
    });
  }
  checkKeepDays(keepDays);
  return { label, days: keepDays, rule: 'own' };
}

/** @throws SnaphookError `E_USAGE` for what is no whole number of days. */
export function checkKeepDays(keepDays: number): void {
  if (Number.isInteger(keepDays) && keepDays >= 1) return;
  throw new SnaphookError('E_USAGE', '"--keep-days" is not a whole number of days', {
    hint: 'Such as `--keep-days 14`.',
  });
}

/** @throws SnaphookError `E_USAGE` for a label that would not fit a line. */
export function checkLabel(label: string): void {
  if (/^[^\p{C}]{1,100}$/u.test(label) && label.trim() === label) return;
  throw new SnaphookError('E_USAGE', `"${label}" is no label`, {
    hint: 'A label has 1 to 100 printable characters and neither begins nor ends with a space.',
  });
}

function documentOf({ runId, plan, capture, degraded }: KeepResult, keep: Keep, pruning: PruneResult) {
  return jsonDocument('snapshot-create', {
    ok: true,
    runId,
    job: plan.spec.name,
    label: keep.label,
    degraded,
    vms: capturedVms(plan, capture),
    snapshot: {
      array: plan.arrayId,
      name: plan.snapshotName,
      snapId: capture.snapId,
      devices: plan.kept?.devices.map(({ device }) => device),
    },
    keep: { days: keep.days, rule: keep.rule, timeToLiveHours: plan.spec.timeToLiveHours },
    window: windowOf(capture),
    deleted: pruning.deletions,
    retentionProblems: pruning.problems,
    collateral: collateralOf(plan, capture),
    warnings: warningsOf(plan, capture),
  });
}

function textOf({ runId, plan, capture }: KeepResult, keep: Keep, { overdue, deletions }: PruneResult): string {
  const devices = plan.kept?.devices.length ?? 0;
  const vms = capturedVms(plan, capture).map(({ name, grade, reasons }) => [name, grade, reasons.join('; ')]);
  const gone = deletions.filter(({ did }) => did === 'deleted').map((deletion) => deletion.runId);
  return [
    `snapshot ${runId}${keep.label === undefined ? '' : ` "${keep.label}"`} of job "${plan.spec.name}" is kept for ${keep.days} days\n`,
    table([['VM', 'grade', ''], ...vms]),
    `${plan.snapshotName} on array ${plan.arrayId}: ${devices} device(s), one point in time; the array removes it after ${plan.spec.timeToLiveHours} h\n`,
    `freeze window ${millisecondsText(capture.lengthMs)}, of which the array took ${millisecondsText(capture.arrayMs)}\n`,
    ...overdue
      .filter(({ snapshot }) => gone.some((id) => id === snapshot.runId))
      .map(({ snapshot, because }) => `snapshot ${snapshot.runId} was deleted: ${because}\n`),
  ].join('');
}

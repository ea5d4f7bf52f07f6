import { loadConfig } from '../config/load.ts';
import type { KeptWish } from '../job/job-spec.ts';
import { keepSnapshot } from '../job/keep.ts';
import { keepOfCurrentState, revertVms, specOfCurrentState } from '../job/revert.ts';
import { planRevert, type RevertDraft } from '../job/revert-plan.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { RunId } from '../ports/identity.ts';
import type { Reporter } from '../ports/reporter.ts';
import { withPorts } from './compose.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { jsonDocument } from './render/json.ts';
import { table } from './render/text.ts';
import { runIdOf } from './run-id.ts';
import { checkKeepDays } from './snapshot-create-verb.ts';

interface Call {
  readonly configFile: string;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

export interface RevertRequest {
  readonly vms: readonly string[];
  /** Run id of the kept snapshot. */
  readonly snapshot: string;
  readonly apply: boolean;
  readonly keepCurrent: boolean;
  readonly keepDays: number | undefined;
}

interface Applied {
  readonly runId: RunId;
  /** Of the state before, where it was kept. */
  readonly current: RunId | undefined;
  /** Of the look in the job's turn. */
  readonly warnings: readonly string[];
}

/** Looks whether VMs can be set back to a kept snapshot; with `apply` keeps what is there, and sets them back. */
export async function revertVerb(call: Call, request: RevertRequest): Promise<VerbResult> {
  const { keepDays } = request;
  if (keepDays !== undefined) checkKeepDays(keepDays);
  const wish = { snapshotRun: runIdOf(request.snapshot), vms: request.vms };
  const config = loadConfig(call.configFile);
  const draft = await withPorts(config, call.reporter, (ports) => planRevert(ports, wish, call.signal));
  const applied = request.apply ? await apply(call, request, wish, draft) : undefined;
  const warnings = applied?.warnings ?? draft.warnings;
  return {
    document: jsonDocument('revert', {
      ok: true,
      applied: request.apply,
      ...(applied && { runId: applied.runId, currentState: applied.current }),
      snapshot: {
        runId: draft.source.plan.runId,
        label: draft.source.label,
        array: draft.source.plan.arrayId,
        name: draft.source.plan.snapshotName,
        snapId: draft.source.capture.snapId,
        takenAt: draft.source.takenAt,
      },
      vms: draft.vms.map(({ name, instanceUuid, grade }) => ({ name, instanceUuid, grade })),
      devices: draft.devices.map(({ device }) => device),
      warnings,
    }),
    text: textOf({ ...draft, warnings }, request, applied),
    exitCode: EXIT.ok,
  };
}

async function apply(call: Call, request: RevertRequest, wish: KeptWish, draft: RevertDraft): Promise<Applied> {
  const { reporter, signal } = call;
  const config = loadConfig(call.configFile);
  const context = {
    job: draft.source.plan.spec.name,
    integration: 'revert',
    instance: undefined,
    productRunId: undefined,
    level: undefined,
  };
  for (const warning of draft.warnings) reporter.warn(warning);
  // Each in a session of its own, as two commands would.
  const current = request.keepCurrent
    ? await withPorts(config, reporter, async (ports) => {
        const keep = keepOfCurrentState(draft, request.keepDays);
        return (await keepSnapshot(ports, specOfCurrentState(draft), keep, context, signal)).runId;
      })
    : undefined;
  if (current !== undefined) reporter.info('the present state is kept', { snapshot: current });
  try {
    const plan = await withPorts(config, reporter, (ports) => revertVms(ports, wish, draft, context, signal));
    return { runId: plan.runId, current, warnings: plan.warnings };
  } catch (error) {
    throw current === undefined ? error : withCurrentState(error, current);
  }
}

/** Whoever has to repair something must know what there is. */
function withCurrentState(error: unknown, current: RunId): unknown {
  if (!(error instanceof SnaphookError)) return error;
  const { code, message, hint = '', effect, retry } = error;
  const where = `The state before is kept as snapshot ${current}.`;
  return new SnaphookError(code, message, { hint: `${hint} ${where}`.trim(), effect, retry, cause: error });
}

function textOf(draft: RevertDraft, { keepCurrent }: RevertRequest, applied: Applied | undefined): string {
  const { vms, devices, warnings } = draft;
  const { plan: kept, label, takenAt } = draft.source;
  const name = `${kept.runId}${label === undefined ? '' : ` "${label}"`}`;
  const of = `snapshot ${name}, taken ${takenAt?.toISOString() ?? 'at an unknown time'}`;
  const before = keepCurrent
    ? 'What they hold now would be kept as another snapshot first.'
    : 'What they hold now would be lost.';
  return [
    applied
      ? `${vms.length} VM(s) were set back to ${of}\n`
      : `${vms.length} VM(s) would be set back to ${of}. ${before}\n`,
    table([['VM', 'grade of the snapshot'], ...vms.map((vm) => [vm.name, vm.grade])]),
    `${devices.length} device(s) of array ${kept.arrayId}: ${devices.map(({ device }) => device).join(', ')}\n`,
    ...warnings.map((warning) => `warning: ${warning}\n`),
    applied === undefined
      ? 'Nothing was changed; `--apply` does it.\n'
      : applied.current === undefined
        ? 'what they held before was not kept\n'
        : `what they held before is kept as snapshot ${applied.current}: \`snaphook revert\` takes it as well\n`,
  ].join('');
}

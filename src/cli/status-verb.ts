import path from 'node:path';
import { loadConfig } from '../config/load.ts';
import { type RunStatus, status } from '../job/status.ts';
import { createFileJournals } from '../platform/file-journals.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { jsonDocument } from './render/json.ts';
import { table } from './render/text.ts';

export async function statusVerb(configFile: string, closedLimit: number): Promise<VerbResult> {
  const config = loadConfig(configFile);
  const runs = await status({ journals: createFileJournals(path.join(config.stateDirectory, 'runs')) }, closedLimit);
  const rows = runs.map((run) => [
    run.runId,
    run.job,
    stateText(run),
    run.openedAt ?? '',
    run.vms.join(', '),
    run.holding.join(', '),
    run.errors.map(({ code, message }) => `${code}: ${message}`).join('; '),
  ]);
  return {
    document: jsonDocument('status', { ok: true, runs }),
    text:
      runs.length === 0 ? 'no runs\n' : table([['run', 'job', 'state', 'opened', 'VMs', 'holds', 'errors'], ...rows]),
    exitCode: EXIT.ok,
  };
}

function stateText({ state, outcome, phase, readers }: RunStatus): string {
  if (state === 'kept') return state;
  if (readers.length > 0) return `${phase ?? state}, read by ${readers.join(', ')}`;
  return state === 'closed' ? (outcome ?? '') : (phase ?? state);
}

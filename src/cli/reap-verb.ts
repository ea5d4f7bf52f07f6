import { loadConfig } from '../config/load.ts';
import { type ReapedFinding, type ReapRequest, reap } from '../job/reap.ts';
import type { Reporter } from '../ports/reporter.ts';
import { closePorts, composePorts } from './compose.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { jsonDocument } from './render/json.ts';
import { table } from './render/text.ts';

export async function reapVerb(
  request: ReapRequest & { readonly config: string },
  reporter: Reporter,
  signal: AbortSignal,
): Promise<VerbResult> {
  const config = loadConfig(request.config);
  const ports = composePorts(config, reporter);
  try {
    const findings = await reap(ports, request, signal);
    const failed = findings.some(({ did }) => did === 'failed');
    return {
      document: jsonDocument('reap', { ok: !failed, applied: request.apply, findings }),
      text: textOf(findings, request.apply),
      exitCode: failed ? EXIT.leftovers : EXIT.ok,
    };
  } finally {
    await closePorts(ports);
  }
}

function textOf(findings: readonly ReapedFinding[], applied: boolean): string {
  if (findings.length === 0) return 'nothing was left behind\n';
  const rows = findings.map(({ finding, did, error }) => [finding.kind, describe(finding), did, error ?? '']);
  const hint = applied ? '' : 'Nothing was changed. `snaphook reap --apply` removes crashed runs and orphans.\n';
  return table([['found', 'what', 'did', ''], ...rows]) + hint;
}

function describe(finding: ReapedFinding['finding']): string {
  switch (finding.kind) {
    case 'running':
    case 'crashed-run':
    case 'unreadable-run':
      return `run ${finding.runId} of job ${finding.job}`;
    case 'waiting-run':
      return `run ${finding.runId} of job ${finding.job}, handed over ${finding.since}`;
    case 'orphan-snapshot':
    case 'foreign-snapshot':
      return `snapshot ${finding.name} on ${finding.devices.length} device(s) of array ${finding.array}`;
  }
}

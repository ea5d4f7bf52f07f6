import { loadConfig } from '../config/load.ts';
import { type ReapedFinding, remains } from '../job/finding.ts';
import { reap } from '../job/reap.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { Reporter } from '../ports/reporter.ts';
import { closePorts, composePorts } from './compose.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { jsonDocument } from './render/json.ts';
import { table } from './render/text.ts';

const HOUR_MS = 3_600_000;

export interface ReapOptions {
  readonly config: string;
  readonly apply: boolean;
  readonly includeWaiting: boolean;
  /** Hours. */
  readonly olderThan: number;
}

export async function reapVerb(
  { config: configFile, apply, includeWaiting, olderThan }: ReapOptions,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<VerbResult> {
  if (!(olderThan >= 0)) {
    throw new SnaphookError('E_USAGE', '"--older-than" is not a number of hours', {
      hint: 'Such as `--older-than 24`.',
    });
  }
  const ports = composePorts(loadConfig(configFile), reporter);
  try {
    const findings = await reap(ports, { apply, includeWaiting, olderThanMs: olderThan * HOUR_MS }, signal);
    const left = findings.some(remains);
    return {
      document: jsonDocument('reap', { ok: !left, applied: apply, findings }),
      text: textOf(findings, apply),
      exitCode: left ? EXIT.leftovers : EXIT.ok,
    };
  } finally {
    await closePorts(ports);
  }
}

function textOf(findings: readonly ReapedFinding[], applied: boolean): string {
  if (findings.length === 0) return 'nothing was left behind\n';
  const rows = findings.map(({ finding, did, because, error }) => [
    finding.kind,
    describe(finding),
    did,
    error === undefined ? because : `${because}; ${error}`,
  ]);
  const hint = applied ? '' : 'Nothing was changed. `snaphook reap --apply` removes what was found.\n';
  return table([['kind', 'what', 'did', 'because'], ...rows]) + hint;
}

function describe(finding: ReapedFinding['finding']): string {
  switch (finding.kind) {
    case 'running':
    case 'crashed-run':
    case 'unreadable-run':
      return `run ${finding.runId} of job ${finding.job}`;
    case 'waiting-clone':
      return `run ${finding.runId} (${finding.job}), made ${finding.since}`;
    case 'waiting-run':
      return `run ${finding.runId} of job ${finding.job}, handed over ${finding.since}`;
    case 'kept-snapshot':
    case 'orphan-snapshot':
    case 'waiting-snapshot':
    case 'foreign-snapshot':
      return `snapshot ${finding.name} on device ${finding.devices.join(', ')} of array ${finding.array}`;
    case 'orphan-group':
    case 'waiting-group':
    case 'foreign-group':
      return `storage group ${finding.name} of ${finding.devices.length} device(s) on array ${finding.array}`;
    case 'orphan-vm-snapshot':
    case 'waiting-vm-snapshot':
    case 'foreign-vm-snapshot':
      return `snapshot ${finding.name} of VM ${finding.vm}`;
    case 'orphan-export':
    case 'waiting-export':
    case 'foreign-export':
      return `${finding.files.join(', ')} in ${finding.directory}`;
    case 'presented-targets':
      return `device ${finding.devices.join(', ')} in group ${finding.storageGroup} of array ${finding.array}`;
    case 'added-disks':
      return `disk ${finding.files.join(', ')} of proxy VM ${finding.vm}`;
    case 'lost-clone':
      return `VM ${finding.name} (${finding.vm}), clone of run ${finding.runId}`;
    case 'not-looked-at':
      return finding.what;
    case 'stale-lock':
      return `lock ${finding.name}`;
    case 'unborn-journal':
      return `journal ${finding.name}`;
  }
}

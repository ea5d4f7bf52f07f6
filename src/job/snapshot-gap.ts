import { SnaphookError } from '../ports/errors.ts';
import type { JobContext, JobSpec } from './job-spec.ts';

const CURE =
  "let the product compare files with its last backup (its integration's README says how), or hand over images, which are new files each time";

/**
 * A product that finds changed files by a clock counts from the start of its last backup, which is later than the snapshot it read. What
 * a guest changed in between has an older time than that, and none of its incremental backups looks at it again. Images are written after
 * each snapshot and cannot be missed so.
 *
 * Returns what to warn of. Errors: `E_SNAPSHOT_GAP`.
 */
export function snapshotGapWarnings(
  spec: JobSpec,
  { integration, incrementals, level }: JobContext,
): readonly string[] {
  const policy = spec.snapshotGap ?? 'warn';
  if (!spec.files || incrementals !== 'by-time' || level === 'full' || policy === 'accept') return [];
  const backup = level === undefined ? 'a backup of unknown level' : `a backup of level "${level}"`;
  const problem =
    `${backup} by "${integration}" goes by time: files that changed after the snapshot of the backup before, and before that backup ` +
    'began, are missing in it';
  if (policy === 'warn') return [`${problem}; ${CURE}`];
  throw new SnaphookError('E_SNAPSHOT_GAP', `job "${spec.name}" refuses what may miss files: ${problem}`, {
    hint: `Either ${CURE}. \`snapshotGap: warn\` goes on and tells it, \`accept\` is silent.`,
  });
}

import { SnaphookError } from '../ports/errors.ts';
import type { JobSpec } from './job-spec.ts';
import type { Route } from './plan.ts';
import type { SourceDevice } from './sources.ts';

/** What is known not to be readable as files is refused before a guest is touched. Errors: `E_DISK_UNSUPPORTED`, `E_UNREADABLE`. */
export function checkFiles(
  { name, files, keep, clone }: Pick<JobSpec, 'name' | 'files' | 'keep' | 'clone'>,
  { name: route, because }: Route,
  sources: readonly Pick<SourceDevice, 'holds' | 'datastore'>[],
): void {
  if (!files || keep || clone) return;
  if (route === 'managed') {
    throw new SnaphookError(
      'E_DISK_UNSUPPORTED',
      `job "${name}" hands over files, but takes the route "managed", which hands over images only: ${because}`,
      { hint: 'Set `handOver: images` for this job.' },
    );
  }
  const shared = sources.find(({ holds }) => holds === 'datastore');
  if (!shared || files.onUnreadable === 'note') return;
  throw new SnaphookError(
    'E_UNREADABLE',
    `job "${name}" hands over files, but datastore "${shared.datastore ?? ''}" holds disks as files of VMFS, which no proxy can mount`,
    { hint: 'Set `handOver: images` for this job, or leave these disks out of it.' },
  );
}

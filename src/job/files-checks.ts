import { SnaphookError } from '../ports/errors.ts';
import type { JobSpec } from './job-spec.ts';
import type { Route } from './plan.ts';
import type { SourceDevice } from './sources.ts';

type Job = Pick<JobSpec, 'name' | 'files' | 'expose' | 'verify' | 'keep' | 'clone'>;
type Source = Pick<SourceDevice, 'holds' | 'datastore' | 'disks'>;

/**
 * What is known not to be readable as files is refused before a guest is touched, whether it was to be handed over or looked into.
 * Errors: `E_DISK_UNSUPPORTED`, `E_UNREADABLE`, `E_VM_NOT_FOUND`.
 */
export function checkFiles(
  job: Job,
  route: Route,
  sources: readonly Source[],
  mayLack: 'any' | readonly string[],
): void {
  if (job.keep || job.clone) return;
  checkHandedOver(job, route, sources);
  checkVerified(job, route, sources, mayLack);
}

function checkHandedOver(
  { name, files, expose }: Job,
  { name: route, because }: Route,
  sources: readonly Source[],
): void {
  if (expose && route === 'managed') {
    throw new SnaphookError(
      'E_DISK_UNSUPPORTED',
      `job "${name}" exposes disks without a copy, but takes the route "managed", on which nobody would notice a disk that moves while the backup product reads: ${because}`,
      { hint: 'Set `handOver: images` for this job.' },
    );
  }
  if (!files) return;
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

/** A VM that the run was to have and lacks, for a reason that is told elsewhere, is not looked into. */
function checkVerified(
  { name, verify }: Job,
  { name: route, because }: Route,
  sources: readonly Source[],
  mayLack: 'any' | readonly string[],
): void {
  if (!verify) return;
  if (route === 'managed') {
    throw new SnaphookError(
      'E_DISK_UNSUPPORTED',
      `job "${name}" wants disks verified, but takes the route "managed", on which nothing may be written to them: ${because}`,
      { hint: 'Take `verify` out of this job: without a replayed journal a file system tells nothing.' },
    );
  }
  for (const { vm } of [...verify.files, ...verify.applications]) {
    const own = sources.filter(({ disks }) => disks.some(({ vmName }) => vmName === vm));
    if (own.length === 0) {
      if (mayLack === 'any' || mayLack.includes(vm)) continue;
      throw new SnaphookError(
        'E_VM_NOT_FOUND',
        `job "${name}" verifies something of VM "${vm}", which is not in this run`,
        {
          hint: 'Write the name in `verify` as vCenter has it, or select the VM in `vms`.',
        },
      );
    }
    if (own.some(({ holds }) => holds === 'disk')) continue;
    throw new SnaphookError(
      'E_UNREADABLE',
      `job "${name}" verifies something of VM "${vm}", whose disks are files of VMFS, which Linux cannot mount`,
      { hint: 'Take its entries out of `verify`.' },
    );
  }
}

import type { JobSpec } from '../../src/job/job-spec.ts';
import type { BackupResult } from '../../src/job/journal-records.ts';
import type { Lab, LabOptions } from '../../src/lab/lab.ts';
import {
  holdByPlugIn,
  holdByWindowsPlugIn,
  letWritersBeSlow,
  withApplicationBesideVss,
} from '../lab/guest-applications.ts';
import { type ConfigChange, withFullBackups, withGuestOperations, withShadowCopies } from '../lab/lab-config.ts';
import { CALM_SCRIPT_SECONDS, LINUX_LEASE_SECONDS } from './pace.ts';
import type { Area } from './run-step.ts';

export interface AreaJob {
  /** Of the lab's configuration. */
  readonly name: string;
  /** What is different in it, in the configuration as in the job itself. */
  readonly change?: Pick<JobSpec, 'freeze' | 'grade'>;
  readonly lab: Partial<LabOptions>;
  /** What is different in the configuration besides, for all hooks. */
  readonly configure?: ConfigChange;
  readonly arrange?: (lab: Lab) => void;
  /** What the post hooks that meet a fault hear of the backup. */
  readonly said?: BackupResult;
  /** Where a run is so many calls that a busy machine needs longer; default 12 s. */
  readonly deadlineMs?: number;
  /** Where undoing one step is more than a few calls. */
  readonly undoMs?: number;
}

/** An array that takes user snapshots of vVols, which are some of the guests' disks. */
const ACCEPTING = { vvolSnapVx: 'accepted' } as const;
/** Every VM snapshot is one of a few vVols. */
const VVOLS_ONLY = { vvolSnapVx: 'refused', estate: { disksAre: 'vvol' } } as const;

/** `presented`: the proxy sees the targets for the length of a run. What happens on the proxy comes after the thaw: no guest is in it. */
export const JOB_OF: Readonly<Record<Area, AreaJob>> = {
  'windows job': {
    name: 'presented',
    lab: ACCEPTING,
    configure: withApplicationBesideVss,
    arrange: holdByWindowsPlugIn,
  },
  'linux guest': { name: 'linux', lab: ACCEPTING },
  proxy: { name: 'presented', change: { freeze: 'none', grade: 'crash' }, lab: ACCEPTING },
  'storage groups': {
    name: 'presented',
    lab: { estate: { disksAre: 'rdm' }, arrayKnobs: { deviceListSnapVx: 'absent' } },
  },
  'managed route': { name: 'managed', lab: VVOLS_ONLY, undoMs: 6000 },
  'full backup': { name: 'nightly', lab: ACCEPTING, configure: withFullBackups('nightly'), said: 'success' },
  'shadow copies': {
    name: 'nightly',
    lab: ACCEPTING,
    configure: withShadowCopies('nightly'),
    arrange: letWritersBeSlow,
    undoMs: 6000,
    deadlineMs: 30_000,
  },
  'VMware Tools': { name: 'managed-tools', lab: VVOLS_ONLY, undoMs: 6000 },
  'guest operations': {
    name: 'linux',
    lab: ACCEPTING,
    configure: withGuestOperations({ leaseSeconds: LINUX_LEASE_SECONDS, scriptSeconds: CALM_SCRIPT_SECONDS }),
    undoMs: 6000,
  },
  'plug-in': { name: 'linux', lab: ACCEPTING, arrange: holdByPlugIn },
};

/** Scripts or plug-ins speak for the application of its guest, by events in the lab's log. */
export const hasSpokenApplication = (job: AreaJob): boolean => isOfLinux(job) || job === JOB_OF['windows job'];

/** Which of the lab's guests it freezes. */
export const isOfLinux = ({ name }: AreaJob): boolean => name === 'linux';

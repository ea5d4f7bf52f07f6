import type { RunSeed, WorldSeed } from './world-seed.ts';

/** A world of which a test says what happened in it: nobody else is there. */
export const QUIET: Omit<WorldSeed, 'runs'> = {
  strangers: [],
  includeWaiting: true,
  jobAtWork: undefined,
  staleLock: false,
  unborn: false,
  clockSkewSeconds: 0,
};

/** A run that was handed over ten hours ago and waits for its post hook. */
export const WAITING_RUN: RunSeed = {
  array: 0,
  job: 0,
  ageMinutes: 600,
  disks: 1,
  source: 0,
  reached: 6,
  last: 'done',
  journal: 'open',
  handedOver: true,
  oldForm: false,
  keeps: false,
  establishedAfterSeconds: 10,
  reuse: 'free',
};

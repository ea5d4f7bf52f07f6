import { DEFAULT_LIMITS, type JobSpec } from '../../../src/job/job-spec.ts';

/** A job that asks for nothing special, but for what a test says. */
export const jobSpec = (change: Partial<JobSpec> = {}): JobSpec => ({
  name: 'nightly',
  vms: [],
  exclude: [],
  onNoMatch: 'fail',
  freeze: 'none',
  grade: 'crash',
  onLowerGrade: 'fail',
  collateral: 'refuse',
  hostCaches: 'refuse',
  onOpenRun: 'fail',
  route: 'snapvx',
  targetPool: 'pool',
  presentGroup: undefined,
  proxyHost: 'proxy01',
  proxyVm: undefined,
  timeToLiveHours: 48,
  exportDirectory: '/x',
  limits: DEFAULT_LIMITS,
  ...change,
});

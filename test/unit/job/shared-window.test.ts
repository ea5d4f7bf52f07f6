import type { EstablishForecast } from '../../../src/job/establish-forecast.ts';
import { DEFAULT_LIMITS } from '../../../src/job/job-spec.ts';
import { sharedWindowOf, sharedWindowWarning } from '../../../src/job/shared-window.ts';

const SPEC = { limits: DEFAULT_LIMITS };
const WINDOWS = { name: 'sql01', leaseMs: 9000 };
const LINUX = { name: 'pg01', leaseMs: 60_000 };
const COPIES = { name: 'web01', leaseMs: undefined };
const expecting = (expectedMs: number): EstablishForecast => ({
  measured: 1,
  fastestMs: 1,
  slowestMs: 1,
  gaveUp: false,
  expectedMs,
});

test('the guest that lets go first decides for all of a group', () => {
  expect(sharedWindowOf([LINUX, WINDOWS, COPIES], SPEC)).toEqual({ patienceMs: 8000, first: WINDOWS, held: 2 });
  expect(sharedWindowOf([LINUX], SPEC)).toMatchObject({ patienceMs: 58_000 });
  const limits = { ...DEFAULT_LIMITS, establishMs: 12_000 };
  expect(sharedWindowOf([LINUX, WINDOWS], { limits })).toMatchObject({ patienceMs: 12_000 });
});

test('where nothing is held, nobody waits for anybody', () => {
  expect(sharedWindowOf([COPIES], SPEC)).toBeUndefined();
});

test('what a guest that lets go early costs the others is told, with its name, and nothing where it costs nothing', () => {
  const both = sharedWindowOf([LINUX, WINDOWS], SPEC);
  expect(sharedWindowWarning(both, expecting(12_000))).toMatch(/8\.0 s for all 2 guests.*"sql01" lets go after 9\.0 s/);
  expect(sharedWindowWarning(both, expecting(7000))).toBeUndefined();
  expect(sharedWindowWarning(both, undefined)).toBeUndefined();
  expect(sharedWindowWarning(sharedWindowOf([WINDOWS], SPEC), expecting(12_000))).toBeUndefined();
});

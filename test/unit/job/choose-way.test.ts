import { type ChoiceGround, chooseWay } from '../../../src/job/choose-way.ts';
import type { EstablishForecast } from '../../../src/job/establish-forecast.ts';
import type { FreezeWay } from '../../../src/ports/guest.ts';
import type { GuestFacts } from '../../../src/ports/guest-facts.ts';
import { instanceUuid } from '../../../src/ports/identity.ts';

const COMMIT: FreezeWay = { strategy: 'vss-provider', hold: 'commit', leaseMs: 9000 };
const PRECOMMIT: FreezeWay = { strategy: 'vss-provider', hold: 'precommit', leaseMs: 55_000 };
/** As Exchange bears it. */
const SHORT_PRECOMMIT: FreezeWay = { ...PRECOMMIT, leaseMs: 18_000 };
const COPIES: FreezeWay = { strategy: 'vss-diskshadow', leaseMs: undefined };
const LINUX: FreezeWay = { strategy: 'linux-fsfreeze', leaseMs: 10_000 };
const WINDOWS = [COMMIT, PRECOMMIT, COPIES];

const facts = (changes: Partial<GuestFacts> = {}): GuestFacts => ({
  vm: instanceUuid('50000000-0000-4000-8000-000000000001'),
  helper: 'snaphook-vss 0.1.0',
  diskshadow: true,
  exchange: false,
  at: '2026-11-26T01:00:00.000Z',
  ...changes,
});
const expecting = (expectedMs: number): EstablishForecast => ({
  measured: 3,
  fastestMs: 1,
  slowestMs: expectedMs / 1.5,
  gaveUp: false,
  expectedMs,
});
const choose = (ways: readonly FreezeWay[], ground: Partial<ChoiceGround> = {}) =>
  chooseWay('sql01', ways, {
    facts: facts(),
    forecast: expecting(300),
    readsShadowCopies: false,
    needsEveryApplication: false,
    takesApplicationsAlone: true,
    taker: 'array',
    establishMs: undefined,
    ...ground,
  });

test('a fast array: all writes are held', () => {
  expect(choose(WINDOWS)).toMatchObject({ way: COMMIT, warning: undefined });
  expect(choose(WINDOWS, { forecast: expecting(8000) })).toMatchObject({ way: COMMIT, warning: undefined });
});

test('an array that answers within the hold, but later than it is waited for, is too slow for it', () => {
  expect(choose(WINDOWS, { forecast: expecting(8500) })).toMatchObject({ way: PRECOMMIT });
  expect(choose([COMMIT], { forecast: expecting(8500) }).warning).toMatch(
    /8\.5 s.*waited for 8\.0 s.*lets go after 9\.0 s/,
  );
  expect(choose(WINDOWS, { forecast: expecting(8500), establishMs: 8900 })).toMatchObject({ way: COMMIT });
  expect(choose(WINDOWS, { forecast: expecting(5000), establishMs: 4000 }).warning).toMatch(/waited for 4\.0 s/);
});

test('where vCenter takes the point in time, its time for a snapshot of a VM is what counts', () => {
  const { because } = choose(WINDOWS, { taker: 'vCenter', forecast: expecting(300) });
  expect(because).toContain('a snapshot of the VM is expected to need 0.3 s');
  expect(choose(WINDOWS, { taker: 'vCenter', forecast: expecting(12_000) })).toMatchObject({ way: PRECOMMIT });
});

test('nothing known: the helper is taken to be there, and it is said that nobody looked', () => {
  const chosen = choose(WINDOWS, { facts: undefined, forecast: undefined });
  expect(chosen).toMatchObject({ way: COMMIT, warning: undefined });
  expect(chosen.because).toMatch(/nobody has looked into the guest.*never measured/);
});

test('a slow array: shadow copies where files are read out of them, else applications alone are held, and it is said', () => {
  const slow = { forecast: expecting(12_000) };
  expect(choose(WINDOWS, { ...slow, readsShadowCopies: true })).toMatchObject({ way: COPIES, warning: undefined });
  expect(choose(WINDOWS, slow)).toMatchObject({ way: PRECOMMIT, warning: expect.stringContaining('12.0 s') });
});

test('a slow array and a job that needs an application nobody speaks for in shadow copies: applications alone are held, if they can be', () => {
  const unspoken: FreezeWay = { ...COPIES, unspoken: ['postgresql'] };
  const slow = { forecast: expecting(12_000), readsShadowCopies: true };
  const needs = { ...slow, needsEveryApplication: true };
  expect(choose([COMMIT, PRECOMMIT, unspoken], needs)).toMatchObject({ way: PRECOMMIT });
  expect(choose([COMMIT, PRECOMMIT, unspoken], slow)).toMatchObject({ way: unspoken });
  expect(choose([COMMIT, unspoken], needs)).toMatchObject({ way: unspoken });
  expect(choose(WINDOWS, needs)).toMatchObject({ way: COPIES });
});

test('a slow array and a job that wants file systems held: all writes are held, and that it may not be enough is said', () => {
  const slow = { forecast: expecting(12_000), takesApplicationsAlone: false };
  expect(choose(WINDOWS, slow)).toMatchObject({ way: COMMIT, warning: expect.stringContaining('12.0 s') });
});

test('Exchange is held for 18 s at most: a longer hold, which its guest would refuse, is not chosen and told', () => {
  const exchange = { facts: facts({ exchange: true }), forecast: expecting(15_000) };
  expect(choose([COMMIT, SHORT_PRECOMMIT], exchange)).toMatchObject({ way: SHORT_PRECOMMIT });
  expect(choose(WINDOWS, exchange)).toMatchObject({ way: COMMIT, warning: expect.stringContaining('"crash"') });
  expect(choose(WINDOWS, { forecast: expecting(20_000) })).toMatchObject({ way: PRECOMMIT });
  expect(choose([PRECOMMIT], exchange).warning).toMatch(
    /has Exchange, and will refuse a hold of 55\.0 s.*holdSeconds to 18/,
  );
});

test('an array slower than any hold: what is tried is told to be lost probably', () => {
  expect(choose(WINDOWS, { forecast: expecting(60_000) })).toMatchObject({
    way: COMMIT,
    warning: expect.stringContaining('60.0 s'),
  });
});

test('no helper: shadow copies, with a warning where nobody reads them; without these the guest itself is asked', () => {
  const none = { facts: facts({ helper: null }) };
  expect(choose(WINDOWS, { ...none, readsShadowCopies: true })).toMatchObject({ way: COPIES, warning: undefined });
  expect(choose(WINDOWS, none)).toMatchObject({ way: COPIES, warning: expect.stringContaining('no helper') });
  expect(choose(WINDOWS, { facts: facts({ helper: null, diskshadow: false }) })).toMatchObject({
    way: COMMIT,
    warning: expect.stringContaining('found neither the VSS helper nor diskshadow'),
  });
});

test('one way alone is taken as the settings say, with a warning when the array is too slow for it', () => {
  expect(choose([LINUX])).toEqual({ way: LINUX, because: 'as its settings say', warning: undefined });
  expect(choose([LINUX], { forecast: expecting(12_000) })).toMatchObject({
    way: LINUX,
    warning: expect.stringContaining('lets go after 10.0 s'),
  });
  expect(choose([COPIES], { facts: facts({ helper: null }), forecast: expecting(60_000) })).toMatchObject({
    way: COPIES,
    warning: undefined,
  });
});

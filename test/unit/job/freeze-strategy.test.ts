import { freezeOf } from '../../../src/job/freeze-strategy.ts';
import type { FreezeWay, Guests } from '../../../src/ports/guest.ts';
import type { VmRecord } from '../../../src/ports/hypervisor.ts';
import { instanceUuid } from '../../../src/ports/identity.ts';
import { jobSpec } from './job-spec.ts';

const COMMIT: FreezeWay = { strategy: 'vss-provider', hold: 'commit', leaseMs: 9000 };
const PRECOMMIT: FreezeWay = { strategy: 'vss-provider', hold: 'precommit', leaseMs: 18_000 };
const SLOW = { measured: 1, fastestMs: 8000, slowestMs: 8000, gaveUp: false, expectedMs: 12_000 };
/** All that is asked of a VM here. */
const VM = {
  instanceUuid: instanceUuid('50000000-0000-4000-8000-000000000001'),
  name: 'sql01',
  poweredOn: true,
  disks: [],
};

function freeze(ways: readonly FreezeWay[], wish: Parameters<typeof jobSpec>[0], warnings: string[] = []) {
  const guests = { waysFor: () => ways } as unknown as Guests;
  const spec = jobSpec({ freeze: 'auto', ...wish });
  return freezeOf(
    guests,
    VM as unknown as VmRecord,
    spec,
    { facts: new Map(), forecast: SLOW, route: { name: 'snapvx' } },
    warnings,
  );
}

test('a hold of applications alone is refused before anything is frozen where the job takes nothing below filesystem', () => {
  expect(() => freeze([PRECOMMIT], { grade: 'filesystem' })).toThrow(
    expect.objectContaining({ code: 'E_CONFIG', message: expect.stringContaining('precommit') }),
  );
  for (const wish of [{ grade: 'application' }, { grade: 'filesystem', onLowerGrade: 'degrade' }] as const)
    expect(freeze([PRECOMMIT], wish)).toEqual({ freeze: 'vss-provider', hold: 'precommit', leaseMs: 18_000 });
});

test('of both holds, such a job gets the one that holds all writes, however slow the array is', () => {
  expect(freeze([COMMIT, PRECOMMIT], { grade: 'filesystem' })).toMatchObject({ hold: 'commit' });
  expect(freeze([COMMIT, PRECOMMIT], { grade: 'application' })).toMatchObject({ hold: 'precommit' });
});

test('shadow copies are made for jobs that hand over files, which are read out of them, and refused for images of a higher grade', () => {
  const files = { grade: 'application', files: { onUnreadable: 'fail' } } as const;
  const copies: FreezeWay = { strategy: 'vss-diskshadow', leaseMs: undefined };
  expect(freeze([copies], files)).toEqual({ freeze: 'vss-diskshadow' });
  expect(() => freeze([copies], { grade: 'application' })).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
});

test('a job that asks for the application grade is refused, or told, where nobody can speak for a named application', () => {
  const copies: FreezeWay = { strategy: 'vss-diskshadow', leaseMs: undefined, unspoken: ['postgresql'] };
  const files = { files: { onUnreadable: 'fail' } } as const;
  expect(() => freeze([copies], { ...files, grade: 'application' })).toThrow(
    expect.objectContaining({ code: 'E_CONFIG', message: expect.stringContaining('"postgresql"') }),
  );

  const warnings: string[] = [];
  freeze([copies], { ...files, grade: 'application', onLowerGrade: 'degrade' }, warnings);
  expect(warnings).toContainEqual(expect.stringContaining('"postgresql"'));

  const silence: string[] = [];
  freeze([copies], { ...files, grade: 'filesystem' }, silence);
  expect(silence.join()).not.toContain('postgresql');
});

import { ageText, restorePlanText } from '../../../src/cli/render/restore-plan.ts';
import { type RestoreOptions, restoreVerb } from '../../../src/cli/restore-verb.ts';
import type { RestorePlan } from '../../../src/job/restoration.ts';
import type { Reporter } from '../../../src/ports/reporter.ts';
import { failure } from '../../failure.ts';
import { NO_RESTORE_OPTIONS } from '../../restore-options.ts';

const silent: Reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined };
const NOTHING: RestoreOptions = { ...NO_RESTORE_OPTIONS, manifest: '/restored' };
const PLACE = { host: 'esx1', datastore: 'ds1' };
const INTO = { into: 'web01', disk: ['Hard disk 1'] };

test.each<[string, Partial<RestoreOptions>]>([
  ['without a goal', PLACE],
  ['with two goals', { ...PLACE, as: 'new', inPlace: true }],
  ['as a new VM and into another', { ...PLACE, ...INTO, as: 'new' }],
  ['as a new VM without a host', { as: 'new', datastore: 'ds1' }],
  ['in place without a datastore', { inPlace: true, host: 'esx1' }],
  ['in place, in another folder', { ...PLACE, inPlace: true, folder: 'DC1/vm/other' }],
  ['into another VM without a disk', { into: 'web01' }],
  ['into another VM on a host', { ...INTO, host: 'esx1' }],
  ['into another VM with a network', { ...INTO, connectNetwork: true }],
  ['into many VMs', { ...INTO, into: 'like:web*' }],
])('a restore %s is refused before anything is read', async (_what, options) => {
  const call = { configFile: '/there/is/none', reporter: silent, signal: new AbortController().signal };

  expect(await failure(restoreVerb(call, { ...NOTHING, ...options }))).toMatchObject({ code: 'E_USAGE' });
});

test('what an unproven manifest says can neither add lines to a plan nor drive a terminal', () => {
  const evil = 'x\nwarning: none\u001b[2J';
  // Only what is printed of a plan.
  const plan = {
    of: { name: evil, grade: evil },
    backup: { snapshot: evil, takenAt: '2026-01-01T00:00:00.000Z' },
    vm: { name: evil, hardware: { firmware: 'efi', adapters: [] } },
    place: { host: { name: evil }, datastore: { name: evil } },
    disks: [{ label: evil, image: { path: evil, format: 'raw', contentHash: { value: evil } } }],
    warnings: [evil],
  } as unknown as RestorePlan;

  const text = restorePlanText(plan, new Date('2026-01-02T00:00:00Z'));
  expect(text).not.toContain('\u001b');
  expect(text.trimEnd().split('\n')).toHaveLength(6);
});

test.each([
  [59_000, '0 min'],
  [61 * 60_000, '1 h 1 min'],
  [24 * 3_600_000 - 1, '23 h 59 min'],
  [(3 * 24 + 4) * 3_600_000, '3 d 4 h'],
])('an age of %i ms is told as "%s"', (ageMs, text) => {
  expect(ageText(ageMs)).toBe(text);
});

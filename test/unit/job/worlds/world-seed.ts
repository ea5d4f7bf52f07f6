import fc from 'fast-check';

/** Production devices an array of the world has. */
export const SOURCES = 5;

const age = fc.oneof(
  fc.integer({ min: 2, max: 14 }),
  fc.integer({ min: 16, max: 23 * 60 }),
  fc.integer({ min: 25 * 60, max: 5000 }),
);

/** One run of ours: how far it came, what became of its journal, and what its targets are now if it ended long ago. */
const run = fc.record({
  array: fc.nat(1),
  job: fc.nat(1),
  ageMinutes: age,
  disks: fc.integer({ min: 1, max: 2 }),
  source: fc.nat(SOURCES - 1),
  reached: fc.integer({ min: 0, max: 6 }),
  /** The last step: done, or died in it with or without its effect. */
  last: fc.constantFrom('done' as const, 'happened' as const, 'not-happened' as const),
  journal: fc.constantFrom('open' as const, 'lost' as const, 'lost' as const, 'restored' as const, 'closed' as const),
  handedOver: fc.boolean(),
  oldForm: fc.boolean(),
  /** Its snapshot was to be kept. Where its journal is closed, `handedOver` says that it is: it was not deleted since. */
  keeps: fc.boolean(),
  establishedAfterSeconds: fc.integer({ min: 1, max: 200 }),
  reuse: fc.constantFrom(
    'free' as const,
    'stranger' as const,
    'remade' as const,
    'moved' as const,
    'neighbour' as const,
  ),
});

/** Something of somebody else that gets in the way. */
const stranger = fc.record({
  array: fc.nat(1),
  kind: fc.constantFrom(
    'prefix' as const,
    'old-form' as const,
    'other-mark' as const,
    'own-mark-other-time' as const,
    'own-mark-linked-outside' as const,
    'copy-at-another-time' as const,
    'copy-on-another-array' as const,
    'copy-at-once' as const,
    'link-of-ours-to-outside' as const,
    'presented' as const,
    'manifest-of-another' as const,
    'manifest-copied-back' as const,
    'not-a-manifest' as const,
    'files-without-manifest' as const,
    'vm-at-address' as const,
  ),
  source: fc.nat(SOURCES - 1),
  of: fc.nat(9),
  link: fc.constantFrom('none' as const, 'outside' as const, 'pool' as const),
  shiftMinutes: fc.oneof(fc.integer({ min: -3000, max: -30 }), fc.integer({ min: 30, max: 3000 })),
});

export const worldSeed = fc.record({
  runs: fc.array(run, { minLength: 1, maxLength: 4 }),
  strangers: fc.array(stranger, { maxLength: 6 }),
  includeWaiting: fc.boolean(),
  jobAtWork: fc.option(fc.nat(1), { nil: undefined, freq: 4 }),
  staleLock: fc.boolean(),
  unborn: fc.boolean(),
  clockSkewSeconds: fc.integer({ min: -400, max: 400 }),
});
export type WorldSeed = typeof worldSeed extends fc.Arbitrary<infer Seed> ? Seed : never;
export type RunSeed = WorldSeed['runs'][number];
export type StrangerSeed = WorldSeed['strangers'][number];

import fc from 'fast-check';
import type { ReapedFinding } from '../../../src/job/finding.ts';
import { reap } from '../../../src/job/reap.ts';
import { SEED } from '../../seed.ts';
import { factsOf, OLDER_THAN_MS } from './worlds/facts.ts';
import { World } from './worlds/world.ts';
import { type WorldSeed, worldSeed } from './worlds/world-seed.ts';

const WORLDS = 2000;
const LIMIT_MS = 300_000;

test(
  'in any world, reap takes everything of ours that is proven twice and leaves everything else as it is',
  async () => {
    let removed = 0;
    let kept = 0;
    let keptSnapshots = 0;
    const property = fc.asyncProperty(worldSeed, async (seed) => {
      const { before, after, keptOnes, problems } = await reapWorld(seed);
      if (problems.length > 0) throw new Error(problems.join('\n'));
      removed += before - after;
      kept += after;
      keptSnapshots += keptOnes;
    });

    // On failure fast-check prints seed and path: put both into these options to run that world again.
    await fc.assert(property, { numRuns: WORLDS, seed: SEED });

    expect(removed).toBeGreaterThan(WORLDS);
    expect(kept).toBeGreaterThan(WORLDS);
    expect(keptSnapshots).toBeGreaterThan(WORLDS / 10);
  },
  LIMIT_MS,
);

async function reapWorld(
  seed: WorldSeed,
): Promise<{ before: number; after: number; keptOnes: number; problems: readonly string[] }> {
  const world = new World(seed);
  const { site } = world;
  const before = factsOf(site);
  const dump = site.dump().join('\n');
  const problems: string[] = [];
  const run = (apply: boolean) =>
    reap(
      site.ports,
      { apply, includeWaiting: seed.includeWaiting, olderThanMs: OLDER_THAN_MS },
      new AbortController().signal,
    );

  const look = await run(false);
  if (site.dump().join('\n') !== dump) problems.push('the look changed something');
  const applied = await run(true);
  const after = factsOf(site);

  for (const fact of before) {
    if (world.either.has(fact)) continue;
    if (world.ours.has(fact) && after.has(fact)) problems.push(`of ours, left behind: ${fact}`);
    if (!world.ours.has(fact) && !after.has(fact)) problems.push(`not to be removed: ${fact}`);
  }
  for (const fact of after) if (!before.has(fact)) problems.push(`came into being: ${fact}`);
  problems.push(...wronglyTold(world, look, applied));
  for (const address of site.contacted) {
    if (!world.mayContact.has(address)) problems.push(`guest at ${address} was asked, which may be another VM by now`);
  }
  await run(true);
  const again = factsOf(site);
  if (again.size !== after.size) problems.push('a second run changed something');
  return { before: before.size, after: after.size, keptOnes: world.kept.length, problems };
}

function wronglyTold(
  world: World,
  look: readonly ReapedFinding[],
  applied: readonly ReapedFinding[],
): readonly string[] {
  const problems: string[] = [];
  const found = look.filter(({ did }) => did === 'found').map(({ finding }) => JSON.stringify(finding));
  const tried = applied.filter(({ did }) => did === 'removed' || did === 'failed');
  const gone = tried.map(({ finding }) => JSON.stringify(finding));
  if (found.join('\n') !== gone.join('\n')) problems.push(`told before: ${found}\nbut tried: ${gone}`);
  if (applied.some(({ did }) => did === 'found')) problems.push('found, and not tried');
  if (world.either.size === 0 && tried.some(({ did }) => did === 'failed'))
    problems.push('failed in a world without hindrance');
  if ([...look, ...applied].some(({ because }) => because === '')) problems.push('a finding without a reason');
  const isTold = (kind: 'foreign-snapshot' | 'kept-snapshot', { array, name, source }: World['foreign'][number]) =>
    applied.some(
      ({ finding }) =>
        finding.kind === kind &&
        finding.array === array &&
        finding.name === name &&
        finding.devices.some((device) => device === source),
    );
  for (const one of world.foreign) {
    if (!isTold('foreign-snapshot', one))
      problems.push(`not told as foreign: ${one.name} on ${one.source} of ${one.array}`);
  }
  for (const one of world.kept) {
    if (!isTold('kept-snapshot', one)) problems.push(`not told as kept: ${one.name} on ${one.source} of ${one.array}`);
  }
  return problems;
}

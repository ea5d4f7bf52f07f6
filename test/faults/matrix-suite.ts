import { inShard, runMatrix } from './matrix.ts';
import type { CaseResult, Outcome } from './run-case.ts';
import type { Area } from './run-step.ts';
import { summarise, tableOf } from './summary.ts';

const SITES = 5;
/** Calls that wait for output come as often as the guest has something to say; nearly every other step must be met. */
const LEAST_MET = 0.9;

interface Part {
  readonly area: Area;
  readonly shard: number;
  readonly shards: number;
  readonly leastCases: number;
  /** Hook and system of the steps that faults must have met. */
  readonly met: readonly string[];
  readonly outcomes: readonly Outcome[];
}

/** Tests of one part of the matrix. */
export function testPart({ area, shard, shards, leastCases, met, outcomes }: Part): void {
  let results: readonly CaseResult[];
  beforeAll(async () => {
    results = await runMatrix({ area, choose: inShard(area, shard, shards), sites: SITES });
    process.stdout.write(tableOf(summarise(results)));
  });

  test('every run ends in a documented state, and nothing and nobody is left behind', () => {
    expect(summarise(results).problems).toEqual([]);
  });

  test('the steps of both hooks were met by their faults', () => {
    const ofMet = results.filter(({ outcome }) => outcome !== 'not met');

    expect(results.length).toBeGreaterThan(leastCases);
    expect(ofMet.length / results.length).toBeGreaterThan(LEAST_MET);
    expect(new Set(ofMet.map(({ hook, system }) => `${hook} ${system}`))).toEqual(new Set(met));
    expect(new Set(ofMet.map(({ outcome }) => outcome))).toEqual(new Set(outcomes));
  });
}

/** One half of the cases of a job with a Windows guest. */
export const testWindowsHalf = (shard: 0 | 1): void =>
  testPart({
    area: 'windows job',
    shard,
    shards: 2,
    leastCases: 250,
    met: ['pre vcenter', 'pre array', 'pre guest', 'pre disk', 'post array', 'post disk'],
    outcomes: ['ready', 'failed, nothing left', 'left, and told', 'killed'],
  });

/** One half of the cases of a Linux guest over SSH. */
export const testLinuxHalf = (shard: 0 | 1): void =>
  testPart({
    area: 'linux guest',
    shard,
    shards: 2,
    leastCases: 120,
    met: ['pre ssh', 'post ssh'],
    outcomes: ['ready', 'failed, nothing left', 'left, and told', 'killed'],
  });

import { inShard, runMatrix } from './matrix.ts';
import type { CaseResult } from './run-case.ts';
import { summarise, tableOf } from './summary.ts';

const SHARDS = 2;
const SITES = 5;
/** Calls that wait for output come as often as the guest has something to say; nearly every other step must be met. */
const LEAST_MET = 0.9;

/** Tests of one half of the matrix. */
export function testShard(shard: number): void {
  let results: readonly CaseResult[];
  beforeAll(async () => {
    results = await runMatrix({ choose: inShard(shard, SHARDS), sites: SITES });
    process.stdout.write(tableOf(summarise(results)));
  });

  test('every run ends in a documented state, and nothing and nobody is left behind', () => {
    expect(summarise(results).problems).toEqual([]);
  });

  test('the steps of both hooks were met by their faults', () => {
    const met = results.filter(({ outcome }) => outcome !== 'not met');

    expect(results.length).toBeGreaterThan(250);
    expect(met.length / results.length).toBeGreaterThan(LEAST_MET);
    expect(new Set(met.map(({ hook, system }) => `${hook} ${system}`))).toEqual(
      new Set(['pre vcenter', 'pre array', 'pre guest', 'pre disk', 'post array', 'post disk']),
    );
    expect(new Set(met.map(({ outcome }) => outcome))).toEqual(
      new Set(['ready', 'failed, nothing left', 'left, and told', 'killed']),
    );
  });
}

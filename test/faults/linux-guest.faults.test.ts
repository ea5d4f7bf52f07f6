import { testPart } from './matrix-suite.ts';

describe('the fault matrix of a Linux guest over SSH', () =>
  testPart({
    area: 'linux guest',
    shard: 0,
    shards: 1,
    leastCases: 200,
    met: ['pre ssh', 'post ssh'],
    outcomes: ['ready', 'failed, nothing left', 'left, and told', 'killed'],
  }));

import { testPart } from './matrix-suite.ts';

describe('the fault matrix of the proxy', () =>
  testPart({
    area: 'proxy',
    shard: 0,
    shards: 1,
    leastCases: 60,
    met: ['pre proxy', 'post proxy'],
    outcomes: ['ready', 'failed, nothing left', 'left, and told', 'killed'],
  }));

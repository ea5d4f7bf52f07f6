import { ON_PROXY, testPart } from './matrix-suite.ts';

describe('the fault matrix of the proxy', () =>
  testPart({
    area: 'proxy',
    shard: 0,
    shards: 1,
    met: { 'pre proxy': ON_PROXY, 'post proxy': ON_PROXY },
    outcomes: ['ready', 'failed, nothing left', 'left, and told', 'killed'],
  }));

import { ON_CALLS, testPart } from './matrix-suite.ts';

describe('the fault matrix of vCenter on the route managed', () =>
  testPart({
    area: 'managed route',
    shard: 0,
    shards: 1,
    met: { 'pre vcenter': ON_CALLS, 'post vcenter': ON_CALLS },
    outcomes: ['ready', 'left, and told', 'killed'],
  }));

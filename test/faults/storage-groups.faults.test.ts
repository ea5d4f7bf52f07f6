import { ON_CALLS, testPart } from './matrix-suite.ts';

describe('the fault matrix of an array that takes snapshots by storage group', () =>
  testPart({
    area: 'storage groups',
    shard: 0,
    shards: 1,
    met: { 'pre array': ON_CALLS, 'post array': ON_CALLS },
    outcomes: ['ready', 'left, and told', 'killed'],
  }));

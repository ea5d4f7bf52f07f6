import { ON_PROXY, testPart } from './matrix-suite.ts';

describe('the fault matrix of the proxy', () =>
  testPart({
    area: 'proxy',
    shard: 0,
    shards: 1,
    met: { 'pre proxy': ON_PROXY, 'post proxy': ON_PROXY },
    steps: [
      ...['list devices', 'scan host', 'look at device', '--flushbufs', '--getsize64'].map((one) => `pre proxy ${one}`),
      ...['list devices', 'look at device', '--flushbufs'].map((one) => `post proxy ${one}`),
    ],
    outcomes: ['ready', 'failed, nothing left', 'left, and told', 'killed'],
  }));

import { testShard } from './matrix-suite.ts';

describe('the first half of the fault matrix', () => testShard(0));

import { testShard } from './matrix-suite.ts';

describe('the second half of the fault matrix', () => testShard(1));

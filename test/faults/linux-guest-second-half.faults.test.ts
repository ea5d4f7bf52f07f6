import { testLinuxHalf } from './matrix-suite.ts';

describe('the second half of the fault matrix of a Linux guest over SSH', () => testLinuxHalf(1));

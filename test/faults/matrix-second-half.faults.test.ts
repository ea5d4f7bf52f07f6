import { testWindowsHalf } from './matrix-suite.ts';

describe('the second half of the fault matrix of a Windows guest', () => testWindowsHalf(1));

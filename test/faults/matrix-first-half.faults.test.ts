import { testWindowsHalf } from './matrix-suite.ts';

describe('the first half of the fault matrix of a Windows guest', () => testWindowsHalf(0));

import { ON_CALLS, testOtherWay } from './matrix-suite.ts';

describe('the fault matrix of a Linux guest that is reached by guest operations', () =>
  testOtherWay('guest operations', { 'pre vcenter': ON_CALLS }, ['failed, nothing left', 'killed']));

describe('the fault matrix of a Linux guest whose application is held by a plug-in', () =>
  testOtherWay('plug-in', { 'pre ssh': ON_CALLS, 'post ssh': ON_CALLS }, ['failed, nothing left', 'killed']));

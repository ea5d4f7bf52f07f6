import { ON_CALLS, ON_WRITES, testOtherWay } from './matrix-suite.ts';

describe('the fault matrix of a full backup, which waits in its Windows guest for the end', () =>
  testOtherWay('full backup', { 'pre guest': ON_CALLS, 'post guest': ON_CALLS, 'post disk': ON_WRITES }, [
    'left, and told',
    'killed',
  ]));

describe('the fault matrix of shadow copies in a Windows guest', () =>
  testOtherWay('shadow copies', { 'pre guest': ON_CALLS }, ['failed, nothing left', 'killed']));

describe('the fault matrix of a guest that stands still by VMware Tools', () =>
  testOtherWay('VMware Tools', { 'pre vcenter': ON_CALLS, 'post vcenter': ON_CALLS }, ['ready', 'killed']));

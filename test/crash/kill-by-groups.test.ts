import { killPreHookEverywhere, useLab } from './kill-loop.ts';

describe('kill -9 of the pre hook on an array that takes snapshots of storage groups alone, then reap', () => {
  useLab('presented', {
    estate: { disks: 2, cylinders: 6, disksAre: 'rdm' },
    arrayKnobs: { deviceListSnapVx: 'absent' },
  });
  killPreHookEverywhere('reap');
});

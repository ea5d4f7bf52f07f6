import { comesNext, killPreHookEverywhere, useLab } from './kill-loop.ts';

describe('kill -9 of the pre hook, then reap', () => {
  useLab();
  killPreHookEverywhere(comesNext('reap'));
});

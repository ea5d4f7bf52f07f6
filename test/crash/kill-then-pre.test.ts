import { comesNext, killPreHookEverywhere, useLab } from './kill-loop.ts';

describe('kill -9 of the pre hook, then pre again', () => {
  useLab();
  killPreHookEverywhere(comesNext('pre again'));
});

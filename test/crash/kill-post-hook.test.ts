import { comesNext, killPostHookEverywhere, useLab } from './kill-loop.ts';

describe('kill -9 of the post hook, then post again', () => {
  useLab();
  killPostHookEverywhere(comesNext('post'));
});

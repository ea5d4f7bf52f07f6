import { comesNext, killPreHookEverywhere, useLab } from './kill-loop.ts';

describe('kill -9 of the pre hook of a Windows and a Linux guest, then post', () => {
  useLab('mixed');
  killPreHookEverywhere(comesNext('post'));
});

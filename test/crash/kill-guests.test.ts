import {
  holdByPlugIn,
  holdByWindowsPlugIn,
  letWritersBeSlow,
  withApplicationOutsideVss,
} from '../lab/guest-applications.ts';
import { withGuestOperations, withShadowCopies } from '../lab/lab-config.ts';
import { comesNext, killPostHookEverywhere, killPreHookEverywhere, useLab } from './kill-loop.ts';

/** Other ways to make guests stand still; what else their hooks do is in the other suites. */
const SPARSE = 3;

describe('kill -9 of the pre hook that makes shadow copies, then post: none is left in the guest, and no file', () => {
  useLab('presented', { configure: withShadowCopies('presented'), arrange: letWritersBeSlow });
  killPreHookEverywhere(comesNext('post'), SPARSE);
});

describe('kill -9 of the pre hook whose guest stands still by VMware Tools, then pre again: no VM snapshot is left', () => {
  useLab('managed-tools', { lab: { vvolSnapVx: 'refused', estate: { disksAre: 'vvol' } } });
  killPreHookEverywhere(comesNext('pre again'), SPARSE);
});

describe('kill -9 of its post hook, then post again', () => {
  useLab('managed-tools', { lab: { vvolSnapVx: 'refused', estate: { disksAre: 'vvol' } } });
  killPostHookEverywhere(comesNext('post'), [], SPARSE);
});

describe('kill -9 of the pre hook of a guest that is reached by guest operations and held by a plug-in, then reap', () => {
  useLab('linux', { configure: withGuestOperations({ leaseSeconds: 10 }), arrange: holdByPlugIn });
  killPreHookEverywhere(comesNext('reap'), SPARSE);
});

describe('kill -9 of the pre hook of a Windows guest whose application is held by a plug-in, then post: it goes on', () => {
  useLab('presented', { configure: withApplicationOutsideVss, arrange: holdByWindowsPlugIn });
  killPreHookEverywhere(comesNext('post'), SPARSE);
});

import { guestContract } from './guest.ts';
import { startWindowsGuestWorld } from './windows-guest-world.ts';

guestContract("the Windows adapter on the lab's guest, SSH with cmd.exe as DefaultShell,", () =>
  startWindowsGuestWorld('ntlm-http', { ssh: 'cmd' }),
);

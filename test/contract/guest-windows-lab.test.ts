import { guestContract } from './guest.ts';
import { startWindowsGuestWorld } from './windows-guest-world.ts';

guestContract("the Windows adapter on the lab's guest, NTLM sealed over HTTP,", () =>
  startWindowsGuestWorld('ntlm-http'),
);
guestContract("the Windows adapter on the lab's guest, NTLM over HTTPS,", () => startWindowsGuestWorld('ntlm-https'));

import { guestContract } from './guest.ts';
import { startLinuxGuestWorld } from './linux-guest-world.ts';

guestContract("the Linux adapter on the lab's guest, as root by a key with passphrase,", () =>
  startLinuxGuestWorld('encrypted-key'),
);
guestContract("the Linux adapter on the lab's guest, by password as an account with sudo,", () =>
  startLinuxGuestWorld('password', { settings: { username: 'backup', sudo: true } }),
);

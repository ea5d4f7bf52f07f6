import { closeLabs } from '../lab/vcenter/lab-vcenter.ts';
import { guestContract } from './guest.ts';
import { startWindowsToolsWorld } from './windows-tools-world.ts';

afterAll(closeLabs);

guestContract("the Windows adapter on the lab's guest, by guest operations,", () => startWindowsToolsWorld());

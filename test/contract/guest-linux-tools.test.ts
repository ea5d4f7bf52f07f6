import { closeLabs } from '../lab/vcenter/lab-vcenter.ts';
import { guestContract } from './guest.ts';
import { startLinuxToolsWorld } from './linux-tools-world.ts';

afterAll(closeLabs);

guestContract("the Linux adapter on the lab's guest, by guest operations,", () => startLinuxToolsWorld());

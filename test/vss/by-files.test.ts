import { describeHelperByFiles } from '../contract/vss-helper-by-files.ts';
import { WineMachine } from './wine-helper-world.ts';

const machine = new WineMachine();
beforeAll(() => machine.start());
afterAll(() => machine.stop());

describeHelperByFiles('for Windows, under Wine,', async () => ({
  world: machine.world(),
  hold: (name) => machine.hold(name),
  call: (...words) => machine.call(...words),
}));

import { StateDirectory, simulatedJournals } from '../chaos/simulators/state-directory.ts';
import { journalContract } from './journal.ts';
import { simulatedWorld, stopSimulatedWorlds } from './simulated-world.ts';

afterEach(stopSimulatedWorlds);

journalContract('simulated', async () => {
  const { random, process } = simulatedWorld();
  random.latency = () => 1;
  const disk = new StateDirectory();
  const open = () => simulatedJournals(disk, process, random);
  return { store: open(), reopen: open };
});

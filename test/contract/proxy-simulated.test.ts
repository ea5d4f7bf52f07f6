import { simulatedProxy } from '../chaos/simulators/proxy.ts';
import { proxyContract } from './proxy.ts';
import { simulatedWorld, stopSimulatedWorlds } from './simulated-world.ts';

afterEach(stopSimulatedWorlds);

proxyContract('simulated', async () => {
  const { random, process } = simulatedWorld();
  const seen = new Map<string, number>();
  return {
    proxy: simulatedProxy(() => seen, process, random),
    present: (wwn, sizeBytes) => void seen.set(wwn, sizeBytes),
    withdraw: (wwn) => void seen.delete(wwn),
  };
});

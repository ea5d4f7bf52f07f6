import { arrayId, type DeviceId } from '../../src/ports/identity.ts';
import { ArraySystem } from '../chaos/simulators/array-system.ts';
import { simulatedArray } from '../chaos/simulators/storage-array.ts';
import { simulatedWorld, stopSimulatedWorlds } from './simulated-world.ts';
import { type StorageArrayWorld, storageArrayContract } from './storage-array.ts';

afterEach(stopSimulatedWorlds);

const ARRAY = arrayId('000197900046');
const POOL = 'SG-snaphook-pool';

function makeWorld(options: {
  generation: 'V3' | 'V4';
  lagMs: number;
  bulkReads: boolean;
}): () => Promise<StorageArrayWorld> {
  return async () => {
    const { timeline, random, process } = simulatedWorld();
    const system = new ArraySystem(timeline, { ...options, defineMs: 1, maxSnapshotsPerSource: 256, clock: Date.now });
    const sources = [1, 2, 3, 4].map((number) => system.addDevice(number, 4));
    const targets = [1, 2, 3, 4].map((number) => system.addDevice(0x100 + number, 4).id);
    for (const { id } of sources) setText(id, '');
    system.addGroup(POOL, targets, 'stranger');
    system.addGroup('presented', [], 'stranger');
    system.views.push({ id: 'mv-proxy', host: 'proxy01', group: POOL });
    // The contract waits for real; nothing in it depends on how long an answer takes.
    random.latency = () => 1;
    const open = () =>
      simulatedArray({ id: ARRAY, process, system, random, bulkReads: options.bulkReads, tellsSnapIds: true });
    const array = open();
    function setText(id: DeviceId, text: string) {
      const device = system.devices.get(id);
      if (device) device.text = text;
    }
    return {
      array,
      later: open,
      generation: options.generation,
      sources: sources.map(({ id, wwn }) => ({ identity: `naa.${wwn}`, device: id })),
      pool: { storageGroup: POOL, host: 'proxy01', devices: targets },
      emptyGroup: 'presented',
      write: setText,
      read: (id, length) => system.textOf(id).slice(0, length),
      membersOf: (group) => [...(system.group(group)?.keys() ?? [])],
      loseNextAnswer(request) {
        const { faults } = process.world;
        const next = faults.next.bind(faults);
        faults.next = (possible, late) => {
          if (!late) return next(possible, late);
          faults.next = next;
          return { kind: 'lost', effect: 'done' };
        };
        void request;
      },
      close: async () => undefined,
    };
  };
}

for (const generation of ['V3', 'V4'] as const)
  for (const bulkReads of [true, false])
    storageArrayContract(
      `simulated, ${generation}, ${bulkReads ? 'bulk lists' : 'device reads'}`,
      makeWorld({ generation, lagMs: 0, bulkReads }),
    );

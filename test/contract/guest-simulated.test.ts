import { fineScript } from '../chaos/simulators/guest-scripts.ts';
import { type SimulatedMachine, simulatedGuests } from '../chaos/simulators/guests.ts';
import { LinuxMachine } from '../chaos/simulators/linux-machine.ts';
import { WindowsMachine } from '../chaos/simulators/windows-machine.ts';
import { sqlWriter } from '../chaos/simulators/writers.ts';
import { guestContract } from './guest.ts';
import { simulatedWorld, stopSimulatedWorlds } from './simulated-world.ts';

afterEach(stopSimulatedWorlds);

const DISKS = ['6000c29a1b2c3d4e5f60718293a4b5c6', '6000c29b1b2c3d4e5f60718293a4b5c7'];
const HOLD_MS = 400;

type World = ReturnType<typeof simulatedWorld>;

const makeWorld = (makeMachine: (world: World) => SimulatedMachine) => async () => {
  const world = simulatedWorld();
  const { random, process } = world;
  random.latency = () => 1;
  random.between = (least) => least;
  const machine = makeMachine(world);
  let connections = 0;
  return {
    guests: simulatedGuests(process, random, [machine], () => {
      connections += 1;
    }),
    vm: { name: 'db01', address: '127.0.0.1' },
    diskUuids: DISKS,
    holdMs: HOLD_MS,
    secrets: [],
    isFrozen: () => machine.isFrozen,
    sessionCount: () => machine.sessions.size,
    leftoverCount: () => machine.sessions.size,
    connectionCount: () => connections,
    close: async () => undefined,
  };
};

guestContract(
  'the simulated Windows guest',
  makeWorld(
    ({ timeline, random }) =>
      new WindowsMachine(timeline, random, {
        name: 'db01',
        volumeDisks: DISKS,
        leaseMs: HOLD_MS,
        slowShare: 0,
        failShare: 0,
        vetoShare: 0,
        makeWriters: () => [sqlWriter()],
      }),
  ),
);

guestContract(
  'the simulated Linux guest',
  makeWorld(
    ({ timeline, random }) =>
      new LinuxMachine(timeline, random, {
        name: 'db01',
        fileSystems: DISKS.map((disk, index) => ({
          mountPoint: `/disk${index}`,
          diskUuids: [disk],
          isFreezable: true,
        })),
        swapDisks: [],
        leaseMs: HOLD_MS,
        required: ['postgresql'],
        slowShare: 0,
        strangerShare: 0,
        makeScripts: () => [fineScript('postgresql')],
      }),
  ),
);

import { volumesOf } from '../../../../../src/guest/windows/diskshadow/facts.ts';

const PATH = '\\\\?\\Volume{11111111-2222-3333-4444-555555555555}\\';
const DISK = '6000c29000000000000000000000000a';
const volume = {
  DeviceID: PATH,
  Name: 'C:\\',
  FileSystem: 'NTFS',
  SystemVolume: false,
  Capacity: 1_000,
  FreeSpace: 10,
};
const factsOf = (...partitions: readonly object[]) =>
  volumesOf('sql01', {
    volumes: [volume],
    disks: [{ Number: 0, SerialNumber: DISK }],
    partitions: partitions.map((partition) => ({ DiskNumber: 0, AccessPaths: `C:\\|${PATH}`, ...partition })),
  });

test.each([
  ['data in a GPT', { GptType: '{ebd0a0a2-b9e5-4433-87c0-68b6b72699c7}', MbrType: null }, false],
  [
    'the tools of Windows to repair itself, in a GPT',
    { GptType: '{DE94BBA4-06D1-4D40-A16A-BFD50179D6AC}', MbrType: null },
    true,
  ],
  ['data in an MBR', { GptType: null, MbrType: 7 }, false],
  ['the tools of Windows to repair itself, in an MBR', { GptType: '', MbrType: 39 }, true],
])('%s', (_, partition, isRecovery) => {
  expect(factsOf(partition)).toMatchObject([{ diskUuids: [DISK], isRecovery }]);
});

test('a volume that no partition tells of is none to repair Windows with', () => {
  expect(factsOf()).toMatchObject([{ diskUuids: [], isRecovery: false }]);
});

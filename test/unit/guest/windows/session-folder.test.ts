import {
  type GuestOperationsWay,
  makeSessionFolder,
  removeSessionFolder,
} from '../../../../src/guest/windows/guest-operations/way.ts';
import { systemClock } from '../../../../src/platform/clock.ts';

const signal = new AbortController().signal;

/** A guest that answers with this folder, whatever it is asked for. */
function wayTo(made: string) {
  const deleted: string[] = [];
  const uncalled = () => Promise.reject(new Error('not asked for here'));
  const way: GuestOperationsWay = {
    name: 'sql01',
    clock: systemClock,
    login: uncalled,
    operations: {
      login: uncalled,
      makeFolder: async () => made,
      deleteFolder: async (folder) => void deleted.push(folder),
      start: uncalled,
      programs: uncalled,
      programsWith: uncalled,
      terminate: uncalled,
      readLonger: uncalled,
      write: uncalled,
    },
  };
  return { way, deleted };
}

test.each([
  ['C:\\Windows\\TEMP\\\\snaphook-vmware0', 'C:\\Windows\\TEMP\\snaphook-vmware0'],
  ['C:\\Users\\R&D (EU)\\Temp\\snaphook-vmware0', 'C:\\Users\\R&D (EU)\\Temp\\snaphook-vmware0'],
])('folder %s of a session can be removed as it is named', async (made, folder) => {
  const { way, deleted } = wayTo(made);

  expect(await makeSessionFolder(way, signal)).toBe(folder);
  await removeSessionFolder(way, folder, signal);

  expect(deleted).toEqual([folder]);
});

test.each([
  '\\\\files\\profiles\\Temp\\snaphook-vmware0',
  'C:\\Users\\100%OS%\\Temp\\snaphook-vmware0',
  'C:\\Temp\\" & shutdown & "\\snaphook-vmware0',
  'C:\\Windows\\System32',
])('no session begins in %s', async (made) => {
  await expect(makeSessionFolder(wayTo(made).way, signal)).rejects.toMatchObject({
    code: 'E_GUEST',
    message: expect.stringContaining('no session can work with'),
  });
});

test.each(['C:\\Windows', 'C:\\Temp\\snaphook-1\\..\\..\\Windows', '\\\\files\\snaphook-1'])(
  'folder %s of a record is not removed',
  async (folder) => {
    const { way, deleted } = wayTo('');

    await expect(removeSessionFolder(way, folder, signal)).rejects.toMatchObject({ code: 'E_GUEST' });

    expect(deleted).toEqual([]);
  },
);

import { openSite, type Site } from './site.ts';

let site: Site;
beforeEach(async () => {
  // The first of three disks: the database is on the others.
  site = await openSite({ estate: { disks: 3, cylinders: 6 } });
});
afterEach(() => site.close());

const guestWasAsked = () => site.lab.events.events.some(({ system, kind }) => system === 'guest' && kind === 'request');

test('a source that is linked to a snapshot itself is refused before any guest is touched', async () => {
  const { store, estate } = site.lab;
  const target = estate.guestDisks[0]?.device ?? '';
  const { snapId } = store.establish({ name: 'other', devices: [estate.guestDisks[1]?.device ?? ''] });
  store.link({
    name: 'other',
    select: { snapId },
    pairs: [{ source: estate.guestDisks[1]?.device ?? '', target }],
    copy: false,
  });

  await expect(site.failingPre()).resolves.toMatchObject({
    code: 'E_DEVICE_UNFIT',
    message: expect.stringContaining(`device "${target}"`),
  });
  expect(guestWasAsked()).toBe(false);
});

test('a source that is being restored is refused before any guest is touched', async () => {
  const { store, estate } = site.lab;
  const device = estate.guestDisks[0]?.device ?? '';
  const { snapId } = store.establish({ name: 'other', devices: [device] });
  store.restore({ name: 'other', select: { snapId }, devices: [device] });

  await expect(site.failingPre()).resolves.toMatchObject({
    code: 'E_DEVICE_UNFIT',
    message: expect.stringContaining('is being restored'),
  });
  expect(guestWasAsked()).toBe(false);
});

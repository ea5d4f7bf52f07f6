import type { DeviceId } from '../../src/ports/identity.ts';
import type { SnapshotOfDevice, StorageArray } from '../../src/ports/storage-array.ts';

export interface StorageArrayWorld {
  readonly array: StorageArray;
  /** The same array through a client that remembers nothing, as the post hook has it. */
  later(): StorageArray;
  readonly generation: 'V3' | 'V4';
  /** At least three devices of one size, by the names vCenter shows, and their array ids. */
  readonly sources: readonly { readonly identity: string; readonly device: DeviceId }[];
  /** Group with at least four free devices of the sources' size, presented to one host. */
  readonly pool: { readonly storageGroup: string; readonly host: string; readonly devices: readonly DeviceId[] };
  /** Group without members. */
  readonly emptyGroup: string;
  write(device: DeviceId, text: string): void;
  read(device: DeviceId, length: number): string;
  membersOf(storageGroup: string): readonly DeviceId[];
  /** The next request of this kind has its effect, and its answer is lost. */
  loseNextAnswer(request: 'establish' | 'link' | 'unlink' | 'terminate'): void;
  close(): Promise<void>;
}

const NAME = 'sh-m2k4q7ab-x9w2zt';
const soon = () => AbortSignal.timeout(10_000);

/** What every storage array must keep. */
export function storageArrayContract(
  name: string,
  makeWorld: () => Promise<StorageArrayWorld>,
  { takes = 'devices' }: { readonly takes?: 'devices' | 'groups' } = {},
): void {
  describe(`storage array: ${name}`, () => {
    let world: StorageArrayWorld;
    let array: StorageArray;
    let devices: readonly DeviceId[];
    let pairs: readonly { readonly source: DeviceId; readonly target: DeviceId }[];

    beforeEach(async () => {
      world = await makeWorld();
      array = world.array;
      devices = world.sources.slice(0, 3).map(({ device }) => device);
      pairs = devices.map((source, index) => ({ source, target: at(world.pool.devices, index) }));
    });
    afterEach(() => world.close());

    const establishOf = async (snapshot: string, of: readonly DeviceId[]) => {
      if (takes === 'groups') await array.makeSnapshotGroup({ name: snapshot, devices: of }, soon());
      await array.establish({ name: snapshot, devices: of, timeToLiveHours: 2 }, soon());
    };
    const establish = () => establishOf(NAME, devices);
    /** Groups act as a whole: what concerns some pairs of a snapshot is for arrays that name devices. */
    const testOfSomePairs = takes === 'devices' ? test : (_name: string, _work: () => Promise<void>) => undefined;
    const find = (from: StorageArray = array) => from.findSnapshots({ name: NAME, devices }, soon());
    const snapIdOf = (found: readonly SnapshotOfDevice[]) => at(found, 0).snapId;
    const linked = async () => {
      await establish();
      const snapId = snapIdOf(await find());
      await array.link({ name: NAME, snapId, pairs }, soon());
      return snapId;
    };
    const linksOf = (found: readonly SnapshotOfDevice[]) =>
      found.map(({ source, linkedTargets }) => [source, linkedTargets.map(({ target }) => target)]);

    test('its facts are told', async () => {
      const facts = await array.facts(soon());

      expect(facts).toMatchObject({
        arrayId: array.id,
        generation: world.generation,
        local: true,
        snapVxLicensed: true,
      });
    });

    test('sources are found by identity, in the order asked for, and what is unknown is told as none', async () => {
      const identities = ['naa.60000970000197999999533030303031', ...world.sources.map(({ identity }) => identity)];

      const { sources } = await array.inventory({ identities, pool: world.pool.storageGroup }, soon());

      expect(sources.map((found) => found.map(({ id }) => id))).toEqual([
        [],
        ...world.sources.map(({ device }) => [device]),
      ]);
    });

    test('the pool is told with the host that sees it and what is free', async () => {
      const { pool } = await array.inventory({ identities: [], pool: world.pool.storageGroup.toUpperCase() }, soon());

      expect(pool.map(({ id }) => id).sort()).toEqual([...world.pool.devices].sort());
      for (const device of pool) {
        expect(device).toMatchObject({
          linkTarget: false,
          snapshotSource: false,
          storageGroups: [world.pool.storageGroup],
        });
        expect(device.maskingViews.map(({ host }) => host)).toEqual([world.pool.host]);
      }
    });

    test('a pool that does not exist holds nothing', async () => {
      await expect(array.inventory({ identities: [], pool: 'nowhere' }, soon())).resolves.toEqual({
        sources: [],
        clues: [],
        pool: [],
      });
    });

    test('one establish is one snapshot id on all devices, and the point in time is that of the call', async () => {
      for (const device of devices) world.write(device, `before ${device}`);
      await array.warm(soon());
      await establish();
      for (const device of devices) world.write(device, `later! ${device}`);

      const found = await find();
      await array.link({ name: NAME, snapId: snapIdOf(found), pairs }, soon());

      expect(found.map(({ source }) => source).sort()).toEqual([...devices].sort());
      expect(new Set(found.map(({ snapId }) => snapId)).size).toBe(1);
      expect(found.every((snapshot) => snapshot.name === NAME && snapshot.linkedTargets.length === 0)).toBe(true);
      for (const { source, target } of pairs) expect(world.read(target, 12)).toBe(`before ${source}`);
    });

    test('devices without the snapshot are left out', async () => {
      await establishOf(NAME, devices.slice(0, 1));

      expect((await find()).map(({ source }) => source)).toEqual(devices.slice(0, 1));
      expect((await find(world.later())).map(({ source }) => source)).toEqual(devices.slice(0, 1));
    });

    test('each source is linked to its own target, for this client and for a later one', async () => {
      await linked();

      const expected = pairs.map(({ source, target }) => [source, [target]]);
      expect(linksOf(await find())).toEqual(expected);
      expect(linksOf(await find(world.later()))).toEqual(expected);
    });

    testOfSomePairs('a target in use is refused and the link it has stays', async () => {
      const snapId = await linked();
      const [first, second] = pairs;
      const crossed = [{ source: at(devices, 2), target: first?.target ?? second?.target ?? at(devices, 0) }];

      await expect(array.link({ name: NAME, snapId, pairs: crossed }, soon())).rejects.toMatchObject({
        code: 'E_TARGET_TAKEN',
        effect: 'none',
      });
      expect(linksOf(await find(world.later()))).toEqual(pairs.map(({ source, target }) => [source, [target]]));
    });

    test('linking again what is linked is success', async () => {
      const snapId = await linked();

      await array.link({ name: NAME, snapId, pairs }, soon());

      expect(linksOf(await find())).toEqual(pairs.map(({ source, target }) => [source, [target]]));
    });

    test.each([true, false])('unlinking (force: %s) frees the targets, and again is success', async (force) => {
      const snapId = await linked();

      await world.later().unlink({ name: NAME, snapId, pairs, force }, soon());
      await array.unlink({ name: NAME, snapId, pairs, force }, soon());

      const { pool } = await array.inventory({ identities: [], pool: world.pool.storageGroup }, soon());
      expect(pool.some(({ linkTarget }) => linkTarget)).toBe(false);
      expect((await find(world.later())).flatMap(({ linkedTargets }) => linkedTargets)).toEqual([]);
    });

    testOfSomePairs('unlinking pairs of which some are unlinked already frees the others', async () => {
      const snapId = await linked();
      await array.unlink({ name: NAME, snapId, pairs: pairs.slice(1, 2), force: true }, soon());

      await world.later().unlink({ name: NAME, snapId, pairs, force: true }, soon());

      expect((await find(world.later())).flatMap(({ linkedTargets }) => linkedTargets)).toEqual([]);
    });

    test('a linked snapshot is not terminated, and the refusal names the target', async () => {
      const snapId = await linked();

      await expect(array.terminate({ name: NAME, snapId, devices }, soon())).rejects.toMatchObject({
        code: 'E_ARRAY_REFUSED',
        effect: 'none',
        hint: expect.stringContaining(at(pairs, 0).target),
      });
      expect(await find()).toHaveLength(devices.length);
    });

    test('terminating removes the snapshot from every device, and again is success', async () => {
      await establish();
      const snapId = snapIdOf(await find());

      if (takes === 'devices') {
        await array.terminate({ name: NAME, snapId, devices: devices.slice(0, 1) }, soon());
        expect((await find()).map(({ source }) => source)).toEqual(devices.slice(1));
      }
      await world.later().terminate({ name: NAME, snapId, devices }, soon());
      expect(await find(world.later())).toEqual([]);
      await array.terminate({ name: NAME, snapId, devices }, soon());
      expect(await find()).toEqual([]);
    });

    test('a later client cleans up with what the first one wrote down', async () => {
      const snapId = await linked();
      const later = world.later();

      await later.unlink({ name: NAME, snapId, pairs, force: true }, soon());
      expect(linksOf(await find(later))).toEqual(devices.map((device) => [device, []]));
      await later.terminate({ name: NAME, snapId, devices }, soon());

      expect(await find(later)).toEqual([]);
    });

    describe('when the answer is lost', () => {
      const lost = { effect: 'unknown', retry: 'after-probe' };

      test('an establish is told as unknown, sent once, and a look tells the truth', async () => {
        world.loseNextAnswer('establish');

        await expect(establish()).rejects.toMatchObject(lost);

        const found = await find();
        expect(found.map(({ source }) => source)).toEqual(devices);
        expect(new Set(found.map(({ snapId }) => snapId)).size).toBe(1);
      });

      test('a link is told as unknown and a look tells the truth', async () => {
        await establish();
        const snapId = snapIdOf(await find());
        world.loseNextAnswer('link');

        await expect(array.link({ name: NAME, snapId, pairs }, soon())).rejects.toMatchObject(lost);

        expect(linksOf(await find())).toEqual(pairs.map(({ source, target }) => [source, [target]]));
      });

      test('unlink and terminate look themselves what is left to do', async () => {
        const snapId = await linked();

        world.loseNextAnswer('unlink');
        await array.unlink({ name: NAME, snapId, pairs, force: true }, soon());
        expect((await find(world.later())).flatMap(({ linkedTargets }) => linkedTargets)).toEqual([]);
        world.loseNextAnswer('terminate');
        await array.terminate({ name: NAME, snapId, devices }, soon());

        expect(await find(world.later())).toEqual([]);
      });
    });

    test('snapshots are listed by the beginning of their name, with their links, and foreign ones are not', async () => {
      await establish();
      const snapId = snapIdOf(await find());
      const linkedPairs = takes === 'groups' ? pairs : pairs.slice(0, 1);
      await array.link({ name: NAME, snapId, pairs: linkedPairs }, soon());
      await establishOf('sh-other', devices.slice(0, 1));
      await establishOf('nightly', devices);

      const listed = await world.later().listSnapshots({ namePrefix: 'sh-' }, soon());

      const told = listed.map(({ name: listedName, source, linkedTargets }) => [
        listedName,
        source,
        linkedTargets.map(({ target }) => target),
      ]);
      expect(told.sort()).toEqual(
        [
          ['sh-other', devices[0], []],
          ...devices.map((device) => [
            NAME,
            device,
            linkedPairs.flatMap(({ source, target }) => (source === device ? [target] : [])),
          ]),
        ].sort(),
      );
    });

    test('a snapshot found on its device tells when the array made it, to the second', async () => {
      const beforeMs = Date.now();
      await establish();
      const afterMs = Date.now();

      const found = await world.later().findSnapshots({ name: NAME, devices }, soon());

      expect(found).toHaveLength(devices.length);
      for (const { createdAtMs } of found) {
        expect(createdAtMs).toBeGreaterThan(beforeMs - 1000);
        expect(createdAtMs).toBeLessThanOrEqual(afterMs);
      }
    });

    test('a device tells its WWN, its groups and at once whose snapshot it shows; one that is not there tells nothing', async () => {
      const snapId = await linked();
      const [first] = pairs;
      const target = first?.target ?? at(devices, 0);
      const unknown = 'FFFFF' as DeviceId; // well-formed
      const { pool } = await array.inventory({ identities: [], pool: world.pool.storageGroup }, soon());

      const [shown, missing, source] = await world.later().inspect([target, unknown, at(devices, 0)], soon());
      await array.unlink({ name: NAME, snapId, pairs, force: true }, soon());
      const [freed] = await world.later().inspect([target], soon());

      expect(shown).toEqual({
        id: target,
        effectiveWwn: pool.find(({ id }) => id === target)?.effectiveWwn,
        storageGroups: takes === 'groups' ? [world.pool.storageGroup, `${NAME}-targets`] : [world.pool.storageGroup],
        linkSource: takes === 'groups' ? 'unknown' : first?.source,
      });
      expect(missing).toBeUndefined();
      expect(source?.linkSource).toBeUndefined();
      expect(freed).toEqual({ ...shown, linkSource: undefined });
    });

    test('nothing is listed where nothing is', async () => {
      await expect(array.listSnapshots({ namePrefix: 'sh-' }, soon())).resolves.toEqual([]);
    });

    test('devices enter and leave a storage group, those already there or gone included', async () => {
      const storageGroup = world.emptyGroup;

      await array.addToStorageGroup({ storageGroup, devices: devices.slice(0, 1) }, soon());
      await array.addToStorageGroup({ storageGroup, devices }, soon());
      expect([...world.membersOf(storageGroup)].sort()).toEqual([...devices].sort());
      await array.addToStorageGroup({ storageGroup, devices }, soon());

      await array.removeFromStorageGroup({ storageGroup, devices: devices.slice(0, 1) }, soon());
      await array.removeFromStorageGroup({ storageGroup, devices }, soon());
      expect(world.membersOf(storageGroup)).toEqual([]);
      await array.removeFromStorageGroup({ storageGroup, devices }, soon());
    });

    test('a device that does not exist is refused by a group, and nothing changes', async () => {
      const request = { storageGroup: world.emptyGroup, devices: [...devices, 'FFFFF' as DeviceId] }; // well-formed

      await expect(array.addToStorageGroup(request, soon())).rejects.toMatchObject({ code: 'E_ARRAY_REFUSED' });
      expect(world.membersOf(world.emptyGroup)).toEqual([]);
    });

    test('a call that is given up before it began does nothing', async () => {
      const given = AbortSignal.abort(new Error('given up'));

      if (takes === 'groups') await array.makeSnapshotGroup({ name: NAME, devices }, soon());

      await expect(array.establish({ name: NAME, devices, timeToLiveHours: 2 }, given)).rejects.toThrow('given up');

      expect(await find()).toEqual([]);
    });

    test('the groups of a snapshot are made before it and removed after it, again is success, and devices stay', async () => {
      if (takes === 'devices') {
        await expect(array.listSnapshotGroups({ namePrefix: 'sh-' }, soon())).resolves.toEqual([]);
        return;
      }
      const targets = pairs.map(({ target }) => target);
      const snapId = await linked();
      await array.makeSnapshotGroup({ name: NAME, devices }, soon());
      const listed = await world.later().listSnapshotGroups({ namePrefix: 'sh-' }, soon());
      await array.unlink({ name: NAME, snapId, pairs, force: true }, soon());
      await array.terminate({ name: NAME, snapId, devices }, soon());

      expect(await world.later().removeSnapshotGroups({ name: NAME, devices, targets }, soon())).toEqual([]);
      expect(await array.removeSnapshotGroups({ name: NAME, devices, targets }, soon())).toEqual([]);

      expect(listed.map((one) => ({ ...one, members: [...one.members].sort() }))).toEqual([
        { name: NAME, snapshot: NAME, holds: 'sources', members: [...devices].sort(), usedBy: [] },
        { name: `${NAME}-targets`, snapshot: NAME, holds: 'targets', members: [...targets].sort(), usedBy: [] },
      ]);
      expect(await array.listSnapshotGroups({ namePrefix: 'sh-' }, soon())).toEqual([]);
      expect([...world.membersOf(world.pool.storageGroup)].sort()).toEqual([...world.pool.devices].sort());
    });

    test('closing twice is allowed', async () => {
      await array.warm(soon());
      await array.close();
      await array.close();
    });
  });
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new Error(`the world has no item ${index}`);
  return item;
}

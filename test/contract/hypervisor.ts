import type {
  DatastoreNeighbour,
  Hypervisor,
  HypervisorFacts,
  VmRecord,
  VmSelector,
} from '../../src/ports/hypervisor.ts';
import { instanceUuid, type MoRef, moRef } from '../../src/ports/identity.ts';

/** Ways a connection can fail. */
type BadConnection = 'wrong password' | 'missing rights' | 'nobody listens' | 'untrusted certificate';

/** What a server may not have, so that nothing can be expected of it: privileges, or keys that name a session. */
type Lacking = 'privileges' | 'session keys';

/** A hypervisor with an inventory, and what a client must read in it. */
export interface HypervisorWorld {
  connect(): Hypervisor;
  connectBadly(how: BadConnection): Hypervisor;
  /** Sessions of clients that the server holds at the moment. */
  openSessions(): number | Promise<number>;
  /** Ends them all, as an idle limit or an administrator does. */
  endSessions(): Promise<void>;
  readonly expected: {
    readonly facts: HypervisorFacts;
    /** A VM with disks of every kind; managed object ids, which the server gives, are left out of the comparison. */
    readonly vm: Omit<VmRecord, 'moRef'>;
    /** Its inventory path, escaped as the server wants it. */
    readonly inventoryPath: string;
    /** Name of several VMs in different folders, and their UUIDs. */
    readonly twins: { readonly name: string; readonly instanceUuids: readonly string[] };
    readonly templateName: string;
    /** Stored escaped by the server; here as it is displayed. */
    readonly escapedName: string;
    /** Not reachable for the server at the moment, but known. */
    readonly disconnectedName: string;
    /** Names of every VM on the datastore of the first VMFS disk of `vm`. */
    readonly neighbours: readonly string[];
  };
  close(): Promise<void>;
}

const signal = new AbortController().signal;
const uuids = (records: readonly VmRecord[] | undefined): readonly string[] =>
  (records ?? []).map((record) => record.instanceUuid).sort();

/** What the core relies on in every implementation of the port `Hypervisor`. What the server lacks is skipped, and said so. */
export function hypervisorContract(
  name: string,
  makeWorld: () => Promise<HypervisorWorld>,
  lacks: readonly Lacking[] = [],
): void {
  const testOf = (needed: Lacking) => (lacks.includes(needed) ? test.skip : test);
  describe(`hypervisor contract: ${name}`, () => {
    let world: HypervisorWorld;
    let hypervisor: Hypervisor;

    beforeAll(async () => {
      world = await makeWorld();
    });
    afterAll(async () => {
      await world.close();
    });
    beforeEach(() => {
      hypervisor = world.connect();
    });
    afterEach(async () => {
      await hypervisor.close();
    });

    const byName = async (wanted: string): Promise<readonly VmRecord[]> =>
      (await hypervisor.findVms([{ by: 'name', name: wanted }], signal))[0] ?? [];

    test('it tells which server it talks to', async () => {
      expect(await hypervisor.facts(signal)).toEqual(world.expected.facts);
    });

    test('a VM with disks of every kind is read completely', async () => {
      const [record, ...others] = await byName(world.expected.vm.name);
      expect(others).toEqual([]);
      expect(record).toMatchObject({ ...world.expected.vm, moRef: expect.any(String) });
      expect(record?.disks).toHaveLength(world.expected.vm.disks.length);
    });

    test('every kind of selector leads to the same VM', async () => {
      const [record] = await byName(world.expected.vm.name);
      if (record === undefined) throw new Error('the VM was not found by name');
      const found = await hypervisor.findVms(
        [
          { by: 'moRef', moRef: record.moRef },
          { by: 'instanceUuid', uuid: record.instanceUuid },
          { by: 'path', inventoryPath: world.expected.inventoryPath },
        ],
        signal,
      );
      expect(found).toEqual([[record], [record], [record]]);
    });

    test('result i is that of selector i, and a selector that matches nothing has an empty result', async () => {
      const { vm, templateName } = world.expected;
      const found = await hypervisor.findVms(
        [
          { by: 'name', name: 'there is no such VM' },
          { by: 'name', name: templateName },
          { by: 'instanceUuid', uuid: instanceUuid('ffffffff-ffff-4fff-8fff-ffffffffffff') },
          { by: 'instanceUuid', uuid: vm.instanceUuid },
          { by: 'moRef', moRef: moRef('vm-987654') },
          { by: 'path', inventoryPath: 'no/such/path' },
        ],
        signal,
      );
      const names = found.map((records) => records.map((record) => record.name));
      expect(names).toEqual([[], [templateName], [], [vm.name], [], []]);
      expect(await hypervisor.findVms([], signal)).toEqual([]);
    });

    test('a pattern is for whole names in any case, and what is excluded is in no result', async () => {
      const { vm, templateName, twins } = world.expected;
      const everything = { by: 'pattern', pattern: '*' } as const;
      const [all, some, none] = await hypervisor.findVms(
        [
          everything,
          { by: 'pattern', pattern: `?${vm.name.slice(1).toUpperCase()}` },
          { by: 'pattern', pattern: vm.name.slice(1) },
        ],
        signal,
      );
      expect(some?.map(({ name }) => name)).toEqual([vm.name]);
      expect(none).toEqual([]);
      const excluding = [
        { by: 'name', name: twins.name },
        { by: 'instanceUuid', uuid: vm.instanceUuid },
      ] as const;
      const [rest, named] = await hypervisor.findVms([everything, { by: 'name', name: vm.name }], signal, excluding);
      expect(named).toEqual([]);
      expect(rest).toHaveLength((all?.length ?? 0) - twins.instanceUuids.length - 1);
      expect(rest?.map(({ name }) => name)).toContain(templateName);
    });

    test('VMs of the same name in different folders are all returned', async () => {
      const { twins } = world.expected;
      expect(twins.instanceUuids.length).toBeGreaterThan(1);
      expect(uuids(await byName(twins.name))).toEqual([...twins.instanceUuids].sort());
    });

    test('templates, disconnected VMs and names with special characters are found', async () => {
      const { templateName, disconnectedName, escapedName } = world.expected;
      expect(await byName(templateName)).toMatchObject([{ name: templateName, template: true }]);
      expect(await byName(disconnectedName)).toMatchObject([{ connected: false }]);
      expect(await byName(escapedName)).toMatchObject([{ name: escapedName, connected: true, template: false }]);
    });

    test('everything on a datastore is listed, whatever its state', async () => {
      const datastore = await firstVmfsDatastore();
      const neighbours: readonly DatastoreNeighbour[] = await hypervisor.vmsOnDatastores([datastore], signal);
      expect(neighbours.map((vm) => vm.name).sort()).toEqual([...world.expected.neighbours].sort());
      expect(new Set(neighbours.map((vm) => vm.datastoreRef))).toEqual(new Set([datastore]));
      expect(neighbours.map((vm) => vm.instanceUuid)).toContain(world.expected.vm.instanceUuid);
    });

    async function firstVmfsDatastore(): Promise<MoRef> {
      const [record] = await byName(world.expected.vm.name);
      for (const disk of record?.disks ?? []) if (disk.backing.kind === 'vmfs') return disk.backing.datastoreRef;
      throw new Error('the VM has no disk on VMFS');
    }

    test('a datastore that does not exist is an error, not an empty list', async () => {
      await expect(hypervisor.vmsOnDatastores([moRef('datastore-987654')], signal)).rejects.toMatchObject({
        code: 'E_VCENTER',
      });
    });

    test('a session that the server ended meanwhile is replaced without the caller noticing, in every call', async () => {
      const { vm, inventoryPath, neighbours } = world.expected;
      const [record] = await byName(vm.name);
      if (record === undefined) throw new Error('the VM was not found by name');
      const selectors: readonly VmSelector[] = [
        { by: 'name', name: vm.name },
        { by: 'moRef', moRef: record.moRef },
        { by: 'instanceUuid', uuid: vm.instanceUuid },
        { by: 'path', inventoryPath },
      ];
      for (const selector of selectors) {
        await world.endSessions();
        expect(await hypervisor.findVms([selector], signal)).toEqual([[record]]);
      }
      const datastore = await firstVmfsDatastore();
      await world.endSessions();
      expect(await hypervisor.vmsOnDatastores([datastore], signal)).toHaveLength(neighbours.length);
    });

    test('close ends the session, may be called twice, and leaves none behind after an error', async () => {
      await byName(world.expected.vm.name);
      await expect(hypervisor.vmsOnDatastores([moRef('datastore-987654')], signal)).rejects.toThrow();
      expect(await world.openSessions()).toBe(1);
      await hypervisor.close();
      await hypervisor.close();
      expect(await world.openSessions()).toBe(0);
    });

    test('many calls at once use one session', async () => {
      await Promise.all([byName(world.expected.vm.name), byName('x'), hypervisor.facts(signal)]);
      expect(await world.openSessions()).toBe(1);
    });

    test('a call whose signal is aborted fails with the reason of the signal', async () => {
      const reason = new Error('the deadline of the run has passed');
      await expect(hypervisor.facts(AbortSignal.abort(reason))).rejects.toBe(reason);
    });

    test.each([
      ['wrong password', 'E_VCENTER_LOGIN'],
      ['nobody listens', 'E_VCENTER_UNREACHABLE'],
      ['untrusted certificate', 'E_TLS_UNTRUSTED'],
    ] as const)('%s is %s', async (how, code) => {
      const stranger = world.connectBadly(how);
      await expect(stranger.facts(signal)).rejects.toMatchObject({ code });
      await stranger.close();
      expect(await world.openSessions()).toBe(0);
    });

    testOf('privileges')(
      'missing rights on a selected VM are E_VCENTER_RIGHTS, naming privilege and object',
      async () => {
        const [record] = await byName(world.expected.vm.name);
        if (record === undefined) throw new Error('the VM was not found by name');
        const guest = world.connectBadly('missing rights');
        await expect(guest.findVms([{ by: 'moRef', moRef: record.moRef }], signal)).rejects.toMatchObject({
          code: 'E_VCENTER_RIGHTS',
          message: expect.stringMatching(/"System\.Read".*"(vm|datastore)-\d+"/),
        });
        await guest.close();
      },
    );

    testOf('session keys')(
      'the key of a session lets another client end it; once it is gone, ending it is success',
      async () => {
        const key = await hypervisor.sessionKey(signal);
        if (key === undefined) throw new Error('this server names no session');
        const other = world.connect();

        await other.endSession(key, signal);
        await other.endSession(key, signal);
        await other.close();

        expect(await world.openSessions()).toBe(0);
      },
    );
  });
}

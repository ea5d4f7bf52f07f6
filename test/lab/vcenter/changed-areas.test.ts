import type { VirtualVolumes } from '../../../src/lab/vcenter/storage-side.ts';
import { closeLabs, startLab, type TestLab } from './lab-vcenter.ts';
import { type RawSoap, textAt } from './raw-soap.ts';
import { plainVm } from './sample-inventory.ts';
import { onVm, outcomeOf } from './tasks.ts';

afterAll(closeLabs);

const BLOCK = 65_536;
const CAPACITY = 20 * BLOCK + 512;
const LIVE = 'naa.600009700bbf7e53000010000000aa00';

/** One volume with content, and its points in time. */
class MemoryVolumes implements VirtualVolumes {
  readonly #contents = new Map([[LIVE, Buffer.alloc(CAPACITY)]]);

  snapshot(objectIds: readonly string[]): readonly string[] {
    return objectIds.map((objectId) => {
      const id = `${objectId}-${this.#contents.size}`;
      this.#contents.set(id, Buffer.from(this.#of(objectId)));
      return id;
    });
  }
  remove(): void {}
  copy(): readonly string[] {
    throw new Error('nothing is copied here');
  }
  create(): string {
    throw new Error('nothing is made here');
  }
  revert(objectId: string, snapshotId: string): void {
    this.#contents.set(objectId, Buffer.from(this.#of(snapshotId)));
  }
  write(objectId: string, atBytes: number, bytes: Buffer): void {
    bytes.copy(this.#of(objectId), atBytes);
  }
  read(objectId: string, lengthBytes: number): Buffer {
    return this.#of(objectId).subarray(0, lengthBytes);
  }
  #of(objectId: string): Buffer {
    const content = this.#contents.get(objectId);
    if (!content) throw new Error(`there is no volume "${objectId}"`);
    return content;
  }
}

interface World {
  readonly lab: TestLab;
  readonly soap: RawSoap;
  readonly vm: string;
  readonly write: (atBytes: number) => void;
  /** Takes a snapshot; returns its id and the change id of the disk in it. */
  readonly take: () => Promise<{ readonly id: string; readonly changeId: string }>;
  readonly query: (of: {
    readonly snapshot?: string;
    readonly key?: number;
    readonly start?: number;
    readonly changeId: string;
  }) => Promise<string>;
}

async function openWorld(changeTrackingEnabled = true): Promise<World> {
  const volumes = new MemoryVolumes();
  const backing = {
    kind: 'vvol',
    datastore: 'VVOL-1',
    backingObjectId: LIVE,
    fileName: '[VVOL-1] tracked/tracked.vmdk',
  } as const;
  const disk = {
    key: 2000,
    label: 'Hard disk 1',
    controllerKey: 1000,
    unitNumber: 0,
    capacityBytes: CAPACITY,
    backing,
  };
  const lab = await startLab({ volumes }, [plainVm('tracked', 90, { changeTrackingEnabled, disks: [disk] })]);
  const soap = await lab.admin();
  const vm = lab.vcenter.moRefOf('tracked');
  const changeIdIn = async (type: string, id: string) => {
    const devices = (await soap.properties(type, id, 'config.hardware.device')).get('config.hardware.device');
    const shown = devices?.children.find((device) => textAt(device, 'key') === '2000');
    return textAt(shown, 'backing', 'changeId') ?? '';
  };
  return {
    lab,
    soap,
    vm,
    write: (atBytes) => volumes.write(LIVE, atBytes, Buffer.from('x')),
    take: async () => {
      const args = '<name>s</name><memory>false</memory><quiesce>false</quiesce>';
      const { result } = await outcomeOf(soap, 'CreateSnapshot_Task', ['VirtualMachine', vm], args);
      return { id: result, changeId: await changeIdIn('VirtualMachineSnapshot', result) };
    },
    query: async ({ snapshot, key = 2000, start = 0, changeId }) => {
      const of = snapshot === undefined ? '' : `<snapshot type="VirtualMachineSnapshot">${snapshot}</snapshot>`;
      const args = `${of}<deviceKey>${key}</deviceKey><startOffset>${start}</startOffset><changeId>${changeId}</changeId>`;
      const answer = await onVm(soap, 'QueryChangedDiskAreas', vm, args);
      if (answer.fault) return answer.fault.type;
      const { returnval } = answer;
      const areas = (returnval?.children ?? []).flatMap((child) =>
        textAt(child, 'start') === undefined ? [] : [`${textAt(child, 'start')}+${textAt(child, 'length')}`],
      );
      return [`${textAt(returnval, 'startOffset')}+${textAt(returnval, 'length')}:`, ...areas].join(' ');
    },
  };
}

test('a snapshot shows a change id in the series of the disk, and areas are the blocks that differ between two snapshots', async () => {
  const { write, take, query } = await openWorld();
  const first = await take();
  for (const atBytes of [BLOCK - 1, BLOCK, 20 * BLOCK + 3]) write(atBytes);
  const second = await take();
  write(7 * BLOCK);

  expect(first.changeId).toMatch(/^([0-9a-f]{2}[ -]){15}[0-9a-f]{2}\/1$/);
  expect(second.changeId).toBe(first.changeId.replace(/1$/, '2'));
  expect(await query({ snapshot: second.id, changeId: first.changeId })).toBe(
    `0+${CAPACITY}: 0+${2 * BLOCK} ${20 * BLOCK}+512`,
  );
  expect(await query({ snapshot: second.id, start: BLOCK, changeId: first.changeId })).toBe(
    `${BLOCK}+${CAPACITY - BLOCK}: ${BLOCK}+${BLOCK} ${20 * BLOCK}+512`,
  );
  expect(await query({ snapshot: second.id, changeId: second.changeId })).toBe(`0+${CAPACITY}:`);
  expect(await query({ snapshot: second.id, changeId: '*' })).toBe(`0+${CAPACITY}: 0+${2 * BLOCK} ${20 * BLOCK}+512`);
});

test('an answer with many areas ends before the next one', async () => {
  const { write, take, query } = await openWorld();
  const first = await take();
  for (const block of [1, 3, 5, 7, 9]) write(block * BLOCK);
  const second = await take();

  const areas = [1, 3, 5, 7].map((block) => `${block * BLOCK}+${BLOCK}`);
  expect(await query({ snapshot: second.id, changeId: first.changeId })).toBe([`0+${9 * BLOCK}:`, ...areas].join(' '));
  expect(await query({ snapshot: second.id, start: 9 * BLOCK, changeId: first.changeId })).toBe(
    `${9 * BLOCK}+${CAPACITY - 9 * BLOCK}: ${9 * BLOCK}+${BLOCK}`,
  );
});

test('what nobody can know is a fault', async () => {
  const { lab, take, query } = await openWorld();
  const first = await take();
  const second = await take();
  const since = (changeId: string) => query({ snapshot: second.id, changeId });

  expect(await since('52 de c0 d9 b9 43 9d 10-61 d5 4c 1b e9 7b 65 63/1')).toBe('FileFault');
  expect(await since(first.changeId.replace('/1', '/9'))).toBe('FileFault');
  expect(await query({ snapshot: first.id, changeId: second.changeId })).toBe('FileFault');
  expect(await query({ changeId: first.changeId })).toBe('FileFault');
  expect(await query({ snapshot: second.id, key: 2001, changeId: first.changeId })).toBe('InvalidArgument');
  expect(await query({ snapshot: second.id, start: CAPACITY, changeId: first.changeId })).toBe('InvalidArgument');
  lab.vcenter.resetChangeTracking('tracked');
  expect(await since(first.changeId)).toBe('FileFault');
});

test('tracking that is switched on begins when the VM stands still, and tells nothing once it is off', async () => {
  const { lab, take, query } = await openWorld(false);
  lab.vcenter.changeVm('tracked', { changeTrackingEnabled: true });

  expect((await take()).changeId).toBe('');
  const second = await take();
  const third = await take();
  expect(await query({ snapshot: third.id, changeId: second.changeId })).toBe(`0+${CAPACITY}:`);
  lab.vcenter.changeVm('tracked', { changeTrackingEnabled: false });
  expect(await query({ snapshot: third.id, changeId: second.changeId })).toBe('FileFault');
});

test('what a revert took back is not told', async () => {
  const { soap, write, take, query } = await openWorld();
  const old = await take();
  write(3 * BLOCK);
  const read = await take();
  await outcomeOf(soap, 'RevertToSnapshot_Task', ['VirtualMachineSnapshot', old.id]);
  write(5 * BLOCK);
  const now = await take();

  expect(await query({ snapshot: now.id, changeId: read.changeId })).toBe(`0+${CAPACITY}: ${5 * BLOCK}+${BLOCK}`);
});

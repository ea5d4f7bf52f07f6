import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { composePorts } from '../../../src/cli/compose.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { assembleBands } from '../../../src/image/bands/assemble-bands.ts';
import type { JobPorts } from '../../../src/job/ports.ts';
import type { PreResult } from '../../../src/job/pre.ts';
import type { BandRequest } from '../../../src/ports/bands.ts';
import { moRef } from '../../../src/ports/identity.ts';
import { openSite, type Site } from './site.ts';

const BAND = 65_536;
const never = new AbortController().signal;

let site: Site;
let told: string[] = [];
/** Its bands are what the next run finds. */
let last: PreResult;
/** What is done to the disk of an image just before it is read. */
let beforeReading: ((request: BandRequest) => Promise<void>) | undefined;

function compose(configFile: string): JobPorts {
  const reporter = {
    info: (message: string, fields?: object) => void told.push(`${message} ${JSON.stringify(fields)}`),
    warn: () => undefined,
    progress: () => undefined,
  };
  const ports = composePorts(loadConfig(configFile), reporter);
  const bands: JobPorts['bands'] = {
    ...ports.bands,
    stage: async (directory, request, ...rest) => {
      await beforeReading?.(request);
      return ports.bands.stage(directory, request, ...rest);
    },
  };
  return { ...ports, bands };
}

beforeAll(async () => {
  site = await openSite({ estate: { disks: 2, cylinders: 6, disksAre: 'vvol' }, vvolSnapVx: 'refused' }, compose);
  site.lab.vcenter.changeVm(site.lab.guestName, { changeTrackingEnabled: true });
  site.lab.vcenter.resetChangeTracking(site.lab.guestName);
  await run();
});
afterAll(() => site.close());
beforeEach(() => {
  beforeReading = undefined;
  told = [];
});

const spec = { imageFormat: 'bands', bandBytes: BAND, freeze: 'none', grade: 'crash', changedRegions: 'cbt' } as const;
const pre = (change = {}) => site.pre({ job: 'managed', spec: { ...spec, ...change } });
/** More regions than one answer of vCenter tells. */
const CHANGED = [3, 11, 20, 31, 40, 52, 61];
const devices = () => site.lab.estate.guestDisks.map(({ device }) => device);
const write = (band: number, text: string) =>
  site.lab.store.open(devices()[0] ?? '').write(band * BAND + 7, Buffer.from(text));
const asked = () => site.lab.events.events.filter(({ operation }) => operation === 'QueryChangedDiskAreas').length;

async function contentOf(result: PreResult, image: number): Promise<Buffer> {
  const assembled = path.join(site.lab.directory, 'assembled');
  const folder = path.join(result.directory, result.files[image]?.path ?? '');
  await assembleBands(folder, assembled, () => undefined, never);
  const content = readFileSync(assembled);
  rmSync(assembled);
  return content;
}

/** The disks as vSphere had the array capture them. */
function captured(): readonly Buffer[] {
  return site.lab.estate.guestDisks.map(({ device }) => {
    const snapshot = site.lab.store.snapshots(device).find(({ name }) => name.startsWith('VASA-'));
    const size = site.lab.store.device(device)?.sizeBytes ?? 0;
    return site.lab.store.readSnapshot(device, snapshot?.snapId ?? -1).read(0, size);
  });
}

/** A whole run whose bands are compared with the disks. */
async function run(change = {}): Promise<PreResult> {
  last = await pre(change);
  for (const [image, disk] of captured().entries()) {
    const content = await contentOf(last, image);
    expect(content.equals(disk.subarray(0, content.length))).toBe(true);
  }
  const manifest = JSON.parse(readFileSync(path.join(last.directory, last.manifest), 'utf8'));
  expect(manifest.images.map((image: { changedRegions: string }) => image.changedRegions)).toEqual(foundBy(last));
  await site.post('managed');
  return last;
}

const foundBy = ({ files }: PreResult) => files.map((file) => ('changedRegions' in file ? file.changedRegions : ''));

test('a run has what the disks hold now, and reads only where vSphere says that they changed since the run before', async () => {
  const before = asked();
  for (const band of CHANGED) write(band, `changed ${performance.now()}`);
  // Where nothing was changed a disk shows on the proxy what nobody wrote: who reads it has it in the bands.
  beforeReading = async ({ devicePath }) => {
    const device = await open(devicePath, 'r+');
    await device.write(Buffer.alloc(BAND, 222), 0, BAND, 150 * BAND);
    await device.close();
  };

  const second = await run();

  expect(foundBy(second)).toEqual(['cbt', 'cbt']);
  expect(told.filter((line) => line.startsWith('disk is read whole'))).toEqual([]);
  const list = readFileSync(path.join(second.directory, second.files[0]?.path ?? '', 'changed.list'), 'utf8');
  for (const band of CHANGED) expect(list).toContain(`${String(band).padStart(8, '0')}.band`);
  expect(asked() - before).toBeGreaterThan(2);
});

test('a job that does not ask for it reads everything, and the next one that does goes on from there', async () => {
  const before = asked();
  expect(foundBy(await run({ changedRegions: 'hashes' }))).toEqual(['hashes', 'hashes']);
  expect(asked()).toBe(before);

  expect(foundBy(await run())).toEqual(['cbt', 'cbt']);
});

test.each<[string, string, () => void]>([
  ['the tracking began anew', 'began anew', () => site.lab.vcenter.resetChangeTracking(site.lab.guestName)],
  [
    'vCenter does not tell what changed',
    'FileFault',
    () => {
      const action = { do: 'answer', status: 500, body: fileFault } as const;
      for (const nth of [1, 2]) {
        site.lab.faults.add({ system: 'vcenter', operation: 'QueryChangedDiskAreas', nth, when: 'before', action });
      }
    },
  ],
  ['the bands say that they are of another disk', 'of another disk', () => changeIndex('"disk":"', '"disk":"x')],
])('everything is read, and told why, when %s', async (_what, because, happens) => {
  write(4, `changed ${performance.now()}`);
  happens();

  const second = await run();

  expect(foundBy(second)[0]).toBe('hashes');
  expect(told).toContainEqual(expect.stringMatching(new RegExp(`^disk is read whole.*${because}`)));
});

test('a VM that has another snapshot is read whole, also by the run after that one is gone: it may have been reverted', async () => {
  const vm = moRef(site.lab.vcenter.moRefOf(site.lab.guestName));
  const withVcenter = (work: (vcenter: NonNullable<JobPorts['vmSnapshots']>) => Promise<void>) =>
    site.withPorts(async ({ vmSnapshots }) => {
      if (vmSnapshots) await work(vmSnapshots);
      await vmSnapshots?.close();
    });
  await withVcenter((vcenter) => vcenter.create({ vm, name: 'by-hand', description: '', quiesce: undefined }, never));

  expect(foundBy(await run())).toEqual(['hashes', 'hashes']);

  await withVcenter(async (vcenter) => {
    for (const snapshot of await vcenter.find({ vm, name: 'by-hand' }, never)) await vcenter.remove(snapshot, never);
  });
  expect(foundBy(await run())).toEqual(['hashes', 'hashes']);
});

const fileFault = `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<soapenv:Body><soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>Error caused by file</faultstring>
<detail><FileFaultFault xmlns="urn:vim25" xsi:type="FileFault"><file>x.vmdk</file></FileFaultFault></detail>
</soapenv:Fault></soapenv:Body></soapenv:Envelope>`;

/** Of the folder of the first disk. */
function changeIndex(from: string, to: string): void {
  const file = path.join(last.directory, last.files[0]?.path ?? '', 'index.json');
  const text = readFileSync(file, 'utf8');
  expect(text.replace(from, to)).not.toBe(text);
  writeFileSync(file, text.replace(from, to));
}

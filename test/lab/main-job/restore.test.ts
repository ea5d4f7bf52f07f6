import { generateKeyPairSync, sign } from 'node:crypto';
import { closeSync, cpSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { jobSpec } from '../../../src/cli/compose.ts';
import { acknowledgedBefore, establishMoments } from '../../../src/cli/demo/observe.ts';
import { type RestoreOptions, restoreVerb } from '../../../src/cli/restore-verb.ts';
import { snapshotExportVerb } from '../../../src/cli/snapshot-export-verb.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { keepSnapshot } from '../../../src/job/keep.ts';
import { deleteKept } from '../../../src/job/kept-changes.ts';
import { vmLock } from '../../../src/job/vm-locks.ts';
import { DATABASE_VM } from '../../../src/lab/estate.ts';
import { ESX } from '../../../src/lab/estate-vms.ts';
import { checkDatabase, isConsistent } from '../../../src/lab/guest/database-check.ts';
import { instanceUuid } from '../../../src/ports/identity.ts';
import type { Reporter } from '../../../src/ports/reporter.ts';
import { failure } from '../../failure.ts';
import { type CrashPoint, crashProgram, reapSite, told } from '../reap/crashed-site.ts';
import { patientPre } from './patient-pre.ts';
import { openSite, type Site } from './site.ts';

jest.setTimeout(120_000);

const never = new AbortController().signal;
const NEW_NAME = 'sql01-restored';
const silent: Reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined };

/** What a plan tells of an image as its manifest does. */
interface Told {
  readonly contentHash: unknown;
  readonly sizeBytes: number;
}

let site: Site;
let backup: string;
let lastAcknowledged: number;
let before: ReturnType<typeof stateOfSite>;

/** One backup, kept as a backup product keeps it. */
beforeAll(async () => {
  site = await openSite();
  const { directory } = site.lab;
  await patientPre(site);
  const moment = establishMoments(site.lab.events.events).at(-1);
  lastAcknowledged = acknowledgedBefore(site.lab, moment ?? 0);
  backup = path.join(directory, 'backup');
  cpSync(path.join(directory, 'export', 'nightly'), backup, { recursive: true });
  await site.post();
  before = stateOfSite();
});
afterAll(() => site.close());
afterEach(() => site.lab.faults.clear());

/** What a restore adds to. */
function stateOfSite() {
  const { vcenter, store } = site.lab;
  return { vms: vcenter.vmNames(), devices: store.devices().map(({ id }) => id) };
}

const WISH: RestoreOptions = {
  manifest: '',
  vm: undefined,
  publicKey: undefined,
  disk: [],
  as: NEW_NAME,
  inPlace: false,
  into: undefined,
  host: ESX,
  datastore: 'vvol-ds01',
  folder: 'DC1/vm/test',
  resourcePool: undefined,
  connectNetwork: false,
  nvram: true,
  apply: true,
};
const IN_PLACE = { as: undefined, inPlace: true, folder: undefined } as const;

const restore = (options: Partial<RestoreOptions> = {}) =>
  restoreVerb(
    { configFile: site.lab.configFile, reporter: silent, signal: new AbortController().signal },
    { ...WISH, manifest: path.join(backup, 'snaphook-manifest.json'), ...options },
  );

const crashRestore = (point: CrashPoint, ...words: readonly string[]) =>
  crashProgram(
    site.lab,
    ['snaphook.cjs', 'restore', 'run', backup, '--host', ESX, '--datastore', 'vvol-ds01', '--apply', ...words],
    point,
  );

/** The devices behind the disks of a VM on vVols, in the order of its disks. */
function contentOf(vm: string) {
  const { vcenter, store } = site.lab;
  return vcenter.vm(vm).disks.map(({ backing }) => {
    if (backing.kind !== 'vvol') throw new Error(`a disk of "${vm}" is no vVol`);
    return store.open(backing.backingObjectId.slice(-5).toUpperCase());
  });
}

async function checkDisksOf(vm: string, transaction = lastAcknowledged): Promise<void> {
  const [database, journal] = contentOf(vm);
  if (!database || !journal) throw new Error(`"${vm}" has not both disks`);
  const check = await checkDatabase(database, journal);
  expect(isConsistent(check)).toBe(true);
  expect(check.lastTransaction).toBe(transaction);
}

test('a plan tells what would be, and changes nothing', async () => {
  const { document } = await restore({ apply: false });

  expect(document).toMatchObject({
    applied: false,
    name: NEW_NAME,
    of: { name: DATABASE_VM, grade: 'application' },
    disks: [{ label: 'Hard disk 1' }, { label: 'Hard disk 2' }],
    connectNetwork: false,
  });
  const manifest = path.join(backup, 'snaphook-manifest.json');
  const text = readFileSync(manifest, 'utf8');
  const { images, snapshot } = JSON.parse(text);
  expect(document?.disks).toMatchObject(images.map(({ contentHash, sizeBytes }: Told) => ({ contentHash, sizeBytes })));
  const ageMs = Date.now() - Date.parse(snapshot.takenAt);
  expect(document?.backup).toMatchObject({ ageSeconds: expect.closeTo(ageMs / 1000, -1.5) });

  const graded = path.join(site.lab.directory, 'graded');
  cpSync(backup, graded, { recursive: true });
  const [asked, reached] = [
    '"gradeAsked": "application"',
    '"grade": "filesystem",\n      "reasons": ["no writer told"]',
  ];
  expect(text).toContain(asked);
  writeFileSync(
    path.join(graded, 'snaphook-manifest.json'),
    text.replace(/"grade": "application",\s*"reasons": \[\]/, reached),
  );
  expect((await restore({ manifest: graded, apply: false })).document?.warnings).toContainEqual(
    expect.stringMatching(/"filesystem", below "application", which was asked for: no writer told/),
  );
  expect(stateOfSite()).toEqual(before);
});

test('with a public key nothing is restored from a manifest without its signature, or one that was changed since', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = path.join(site.lab.directory, 'manifest.pub');
  writeFileSync(key, publicKey.export({ type: 'spki', format: 'pem' }));
  const signed = path.join(site.lab.directory, 'signed');
  cpSync(backup, signed, { recursive: true });
  const manifest = path.join(signed, 'snaphook-manifest.json');
  const plan = () => restore({ manifest, publicKey: key, apply: false });

  expect(await failure(plan())).toMatchObject({ code: 'E_VERIFY' });
  const text = readFileSync(manifest, 'utf8');
  writeFileSync(
    path.join(signed, 'snaphook-manifest.sig'),
    sign(undefined, Buffer.from(text), privateKey).toString('base64'),
  );
  expect((await plan()).exitCode).toBe(0);
  writeFileSync(manifest, text.replace('"cpus": ', '"cpus": 1'));
  expect(await failure(plan())).toMatchObject({ code: 'E_VERIFY', message: expect.stringContaining('was signed') });
  expect(await failure(restore({ manifest, publicKey: key }))).toMatchObject({ code: 'E_VERIFY' });
  expect(stateOfSite()).toEqual(before);
});

test('an image that is not as its manifest says is never a VM: the import is ended and nothing is left', async () => {
  const damaged = path.join(site.lab.directory, 'damaged');
  cpSync(backup, damaged, { recursive: true });
  const image = readdirSync(damaged, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('.raw'));
  const file = openSync(path.join(damaged, image ?? ''), 'r+');
  writeSync(file, Buffer.from('x'), 0, 1, 4096);
  closeSync(file);

  expect(await failure(restore({ manifest: damaged }))).toMatchObject({ code: 'E_VERIFY' });
  rmSync(path.join(damaged, image ?? ''));
  expect(await failure(restore({ manifest: damaged }))).toMatchObject({ code: 'E_VERIFY' });
  expect(stateOfSite()).toEqual(before);
  expect(site.leftBehind()).toEqual([]);
});

test('a restore that dies while it sends a disk is found by reap, and its VM removed', async () => {
  await crashRestore({ operation: 'POST /nfc', when: 'before', system: 'vcenter' }, '--as', NEW_NAME);
  expect(site.lab.vcenter.vmNames()).toContain(NEW_NAME);

  expect(told(await reapSite(site))).toContain('crashed-run found');
  expect(told(await reapSite(site, { apply: true }))).toContain('crashed-run removed');
  expect(stateOfSite()).toEqual(before);
  expect(site.leftBehind()).toEqual([]);
});

test('a VM that was complete when its restore died stays, however long after, and is not made twice', async () => {
  const { vcenter } = site.lab;
  await crashRestore({ operation: 'HttpNfcLeaseComplete', when: 'after', system: 'vcenter' }, '--as', NEW_NAME);

  expect(told(await reapSite(site, { apply: true }))).toContain('crashed-run removed');
  await checkDisksOf(NEW_NAME);
  expect(site.leftBehind()).toEqual([]);
  expect(told(await reapSite(site))).not.toContain('crashed-run found');

  vcenter.removeVm(NEW_NAME);
  expect(stateOfSite().vms).toEqual(before.vms);
});

test('a VM is made of a kept snapshot, straight from its export, which is released afterwards and leaves the snapshot', async () => {
  const { vcenter, directory, events, configFile } = site.lab;
  const from = events.events.length;
  const spec = jobSpec(loadConfig(configFile), 'nightly');
  const context = {
    job: 'nightly',
    integration: 'test',
    instance: undefined,
    productRunId: undefined,
    level: undefined,
  };
  const keep = { label: 'before patch', days: 1, rule: 'own' } as const;
  const { runId } = await site.withPorts((ports) => keepSnapshot(ports, spec, keep, context, never));
  const [moment] = establishMoments(events.events.slice(from));
  const atSnapshot = acknowledgedBefore(site.lab, moment ?? 0);

  await snapshotExportVerb({ configFile, job: 'nightly', run: runId, vms: [] }, silent, never);
  await restore({ manifest: path.join(directory, 'export', 'nightly') });
  await site.post();

  await checkDisksOf(NEW_NAME, atSnapshot);
  expect(atSnapshot).toBeGreaterThan(lastAcknowledged);
  vcenter.removeVm(NEW_NAME);
  await site.withPorts((ports) => deleteKept(ports, [runId], { apply: true }, never));
  expect(site.leftBehind()).toEqual([]);
});

test('a VM is replaced only when it is powered off; it stays under another name, and the restored one is who it was', async () => {
  const { vcenter } = site.lab;
  const original = vcenter.vm(DATABASE_VM);
  expect(await failure(restore(IN_PLACE))).toMatchObject({ code: 'E_RESTORE' });

  vcenter.setPowerState(DATABASE_VM, 'poweredOff');
  await crashRestore({ operation: 'ReconfigVM_Task', when: 'after', system: 'vcenter' }, '--in-place');
  expect(told(await reapSite(site, { apply: true }))).toContain('crashed-run failed');
  const [interim = ''] = vcenter.vmNames().filter((name) => name.includes('-restoring-'));
  await checkDisksOf(interim);
  vcenter.removeVm(interim);
  expect(told(await reapSite(site, { apply: true }))).toContain('crashed-run removed');
  expect(stateOfSite().vms).toEqual(before.vms);
  expect(vcenter.vm(DATABASE_VM)).toMatchObject({ instanceUuid: original.instanceUuid, disks: original.disks });

  const { document } = await restore(IN_PLACE);
  const replacedAs = String(document?.replacedAs);
  expect(vcenter.vm(replacedAs).disks).toEqual(original.disks);
  expect(vcenter.vm(DATABASE_VM)).toMatchObject({
    instanceUuid: original.instanceUuid,
    biosUuid: original.biosUuid,
    folder: original.folder,
    adapters: [{ macAddress: original.adapters?.[0]?.macAddress, startConnected: false }],
    powerState: 'poweredOff',
  });
  await checkDisksOf(DATABASE_VM);
});

test('a VM that a run works with, or that is worked with while disks are sent, is not replaced, and keeps its place', async () => {
  const { vcenter, faults } = site.lab;
  vcenter.setPowerState(DATABASE_VM, 'poweredOff');
  const original = vcenter.vm(DATABASE_VM);
  const names = vcenter.vmNames();

  await site.withPorts(async ({ locks }) => {
    const lock = await locks.acquire(vmLock(instanceUuid(original.instanceUuid)), 0);
    expect(await failure(restore(IN_PLACE))).toMatchObject({ code: 'E_LOCKED' });
    await lock.release();
  });

  const move = { name: 'RelocateVM_Task', descriptionId: 'VirtualMachine.relocate' };
  let moved = (): void => undefined;
  const meanwhile = (operation: string) => {
    const run = () => {
      moved = vcenter.beginTask(DATABASE_VM, move);
    };
    faults.add({ system: 'vcenter', operation, when: 'after', nth: 1, action: { do: 'call', run } });
  };
  meanwhile('POST /nfc');
  expect(await failure(restore(IN_PLACE))).toMatchObject({ code: 'E_VM_CHANGED' });
  moved();
  expect(vcenter.vmNames()).toEqual(names);

  meanwhile('HttpNfcLeaseComplete');
  expect(await failure(restore(IN_PLACE))).toMatchObject({ code: 'E_LEFTOVERS', cause: { code: 'E_VM_CHANGED' } });
  moved();
  const [interim = '', ...others] = vcenter.vmNames().filter((name) => !names.includes(name));
  expect([others, vcenter.vm(DATABASE_VM)]).toEqual([[], original]);
  vcenter.removeVm(interim);
  expect(told(await reapSite(site, { apply: true }))).toContain('crashed-run removed');
});

test('in place takes all disks of the backup, one named twice is one, and disks that the backup lacks are told', async () => {
  const { vcenter } = site.lab;
  vcenter.setPowerState(DATABASE_VM, 'poweredOff');
  const inPlace = { ...IN_PLACE, apply: false };
  const twice = ['Hard disk 1', 'Hard disk 1'];
  expect(await failure(restore({ ...inPlace, disk: twice }))).toMatchObject({ code: 'E_RESTORE' });
  const ofBoth = (await restore({ ...inPlace, disk: ['Hard disk 2', 'Hard disk 1'] })).document?.warnings;
  expect(ofBoth).not.toContainEqual(expect.stringContaining('Hard disk'));

  const [disk] = vcenter.vm(DATABASE_VM).disks;
  if (!disk) throw new Error('the VM has no disk');
  vcenter.addDisk(DATABASE_VM, { ...disk, key: 2009, unitNumber: 9, label: 'Hard disk 3' });
  expect((await restore(inPlace)).document?.warnings).toContainEqual(
    expect.stringMatching(/^"Hard disk 3" is not in the backup/),
  );
  vcenter.removeDisk(DATABASE_VM, 2009);
});

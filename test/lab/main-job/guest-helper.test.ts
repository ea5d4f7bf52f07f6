import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  guestInstallVerb,
  guestSelfTestVerb,
  guestStatusVerb,
  guestUninstallVerb,
} from '../../../src/cli/guest-verbs.ts';
import { vmLock } from '../../../src/job/vm-locks.ts';
import { DATABASE_VM, LINUX_VM } from '../../../src/lab/estate.ts';
import { instanceUuid } from '../../../src/ports/identity.ts';
import { failureOf } from '../../contract/guest.ts';
import { openSite, type Site } from './site.ts';

const silent = { info: () => undefined, warn: () => undefined, progress: () => undefined };
const FOLDER = 'C:\\Program Files\\snaphook';
const EXECUTABLE = `${FOLDER}\\snaphook-vss.exe`;
const PROVIDER = `${FOLDER}\\snaphook-vss-provider.dll`;

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());
afterEach(() => site.lab.guest.vss.troubles.clear());

const call = (vm: string = DATABASE_VM) => ({
  configFile: site.lab.configFile,
  vm,
  reporter: silent,
  signal: AbortSignal.timeout(20_000),
});

const uuidOfDatabaseVm = () =>
  site.withPorts(async ({ hypervisor }) => {
    const found = await hypervisor.findVms([{ by: 'name', name: DATABASE_VM }], AbortSignal.timeout(20_000));
    return found[0]?.[0]?.instanceUuid ?? instanceUuid('none');
  });

/** A folder as `npm run build:guest:windows` makes it. */
function release(version: string): string {
  const folder = path.join(site.lab.directory, `helpers-${version}`);
  const place = path.join(folder, 'windows-x64');
  mkdirSync(place, { recursive: true });
  writeFileSync(path.join(place, 'snaphook-vss.exe'), `program ${version}`);
  writeFileSync(path.join(place, 'snaphook-vss-provider.dll'), `provider ${version}`);
  return folder;
}

test('install brings both files, registers them, and brings nothing when it is called again', async () => {
  const folder = release('1');
  site.lab.guest.vss.providerRegistered = false;

  const first = await guestInstallVerb(call(), folder);
  const again = await guestInstallVerb(call(), folder);

  expect(first).toMatchObject({ exitCode: 0, document: { ok: true, brought: [EXECUTABLE, PROVIDER], isOurs: true } });
  expect(again.document).toMatchObject({ ok: true, brought: [] });
  expect(site.lab.guest.files.read(PROVIDER)?.toString()).toBe('provider 1');
  expect(site.lab.guest.vss.providerRegistered).toBe(true);
});

test('status tells an older helper from the one of this release, and install over it is the upgrade', async () => {
  await guestInstallVerb(call(), release('1'));
  const newer = release('2');

  const before = await guestStatusVerb(call(), newer);
  await guestInstallVerb(call(), newer);
  const after = await guestStatusVerb(call(), newer);

  expect(before).toMatchObject({ exitCode: 0, document: { isOurs: false, architecture: 'AMD64' } });
  expect(before.text).toContain('others than ours');
  expect(after.document).toMatchObject({ isOurs: true, version: expect.stringContaining('snaphook-vss') });
  expect(site.lab.guest.files.read(EXECUTABLE)?.toString()).toBe('program 2');
});

test('uninstall takes registration and files away, and a second time is no error', async () => {
  await guestInstallVerb(call(), release('1'));

  const first = await guestUninstallVerb(call(), undefined);
  const status = await guestStatusVerb(call(), undefined);
  const again = await guestUninstallVerb(call(), undefined);

  expect(first.document).toMatchObject({ removed: true });
  expect(site.lab.guest.files.paths()).toEqual([]);
  expect(site.lab.guest.vss.providerRegistered).toBe(false);
  expect(status).toMatchObject({ exitCode: 13, document: { ok: false, version: null } });
  expect(again.document).toMatchObject({ removed: false });
  const failure = await failureOf(guestSelfTestVerb(call()));
  expect(failure).toMatchObject({ code: 'E_GUEST_HELPER', hint: expect.stringContaining('snaphook guest install') });
  await guestInstallVerb(call(), release('1'));
});

/** With application plug-ins, as that same build makes them. */
function releaseWithPlugIns(version: string): string {
  const folder = release(version);
  mkdirSync(path.join(folder, 'windows-x64', 'plug-ins'), { recursive: true });
  for (const name of ['mysql', 'postgresql'])
    writeFileSync(path.join(folder, 'windows-x64', 'plug-ins', `${name}.exe`), `plug-in ${name} ${version}`);
  return folder;
}
const plugIn = (name: string) => `${FOLDER}\\plug-ins.d\\${name}.exe`;

test('application plug-ins come only when they are named, and go with the helper when they are those of this release', async () => {
  const folder = releaseWithPlugIns('plug-ins');

  const without = await guestInstallVerb(call(), folder);
  const withOne = await guestInstallVerb(call(), folder, ['postgresql']);
  const again = await guestInstallVerb(call(), folder, ['postgresql']);

  expect(without.document).toMatchObject({ brought: [EXECUTABLE, PROVIDER] });
  expect(withOne.document).toMatchObject({ brought: [plugIn('postgresql')], isOurs: true });
  expect(again.document).toMatchObject({ brought: [] });
  expect(site.lab.guest.files.read(plugIn('postgresql'))?.toString()).toBe('plug-in postgresql plug-ins');

  site.lab.guest.files.write(plugIn('mysql'), Buffer.from('of the site itself'));
  await guestUninstallVerb(call(), folder);
  expect(site.lab.guest.files.paths()).toEqual([plugIn('mysql')]);

  await guestInstallVerb(call(), folder, ['mysql']);
  await guestUninstallVerb(call(), folder);
  expect(site.lab.guest.files.paths()).toEqual([]);
  await guestInstallVerb(call(), release('1'));
});

test('a plug-in that the release does not have is refused by its name before anything is brought', async () => {
  await guestUninstallVerb(call(), undefined);

  const failure = await failureOf(guestInstallVerb(call(), releaseWithPlugIns('plug-ins'), ['oracle']));

  expect(failure).toMatchObject({ code: 'E_CONFIG', hint: 'There are mysql, postgresql.' });
  expect(failure.message).toContain('"oracle"');
  expect(site.lab.guest.files.paths()).toEqual([]);
  await guestInstallVerb(call(), release('1'));
});

test('what was remembered of a guest follows: no run is planned by a helper that is gone, or without one that has come', async () => {
  const uuid = await uuidOfDatabaseVm();
  const facts = { vm: uuid, helper: null, diskshadow: true, exchange: false, at: '2026-11-26T01:00:00.000Z' };
  const remembered = () => site.withPorts(async ({ guestFacts }) => (await guestFacts.recall()).get(uuid));

  await guestInstallVerb(call(), release('1'));
  expect(await remembered()).toBeUndefined();
  await site.withPorts(({ guestFacts }) => guestFacts.remember([facts]));
  await guestInstallVerb(call(), release('1'));
  expect(await remembered()).toMatchObject({ helper: expect.stringContaining('snaphook-vss'), diskshadow: true });
  await guestUninstallVerb(call(), undefined);
  expect(await remembered()).toMatchObject({ helper: null, diskshadow: true });

  await guestInstallVerb(call(), release('1'));
});

test('a self-test is the words of the helper in the guest, and one that failed is exit 13', async () => {
  const well = await guestSelfTestVerb(call());
  site.lab.guest.vss.troubles.set('writers', 'no writer answered');
  const ill = await guestSelfTestVerb(call());

  expect(well).toMatchObject({ exitCode: 0, document: { ok: true } });
  expect(ill).toMatchObject({ exitCode: 13, document: { ok: false } });
  expect(ill.text).toMatch(/FAILED +writers +no writer answered/);
});

test('while a run works with the VM, or waits for its post hook, the helper is not changed', async () => {
  const files = site.lab.guest.files.read(EXECUTABLE);
  const uuid = await uuidOfDatabaseVm();
  await site.withPorts(async ({ locks }) => {
    const lock = await locks.acquire(vmLock(uuid), 0);
    expect(await failureOf(guestInstallVerb(call(), release('3')))).toMatchObject({ code: 'E_LOCKED' });
    await lock.release();
  });
  await site.pre({ spec: { freeze: 'none', grade: 'crash' } });

  expect(await failureOf(guestInstallVerb(call(), release('3')))).toMatchObject({ code: 'E_RUN_OPEN' });
  expect(await failureOf(guestUninstallVerb(call(), undefined))).toMatchObject({ code: 'E_RUN_OPEN' });

  await site.post();
  expect(site.lab.guest.files.read(EXECUTABLE)).toBe(files);
  await guestInstallVerb(call(), release('3'));
});

test('a Linux guest, and a folder without helpers, are refused with what to do', async () => {
  expect(await failureOf(guestStatusVerb(call(LINUX_VM), undefined))).toMatchObject({
    code: 'E_CONFIG',
    hint: expect.stringContaining('docs/linux-freeze-helper.md'),
  });
  expect(await failureOf(guestInstallVerb(call(), '/none'))).toMatchObject({
    code: 'E_CONFIG',
    hint: expect.stringContaining('--from'),
  });
});

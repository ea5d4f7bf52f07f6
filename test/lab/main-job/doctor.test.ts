import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import type { GuestFindings } from '../../../src/cli/doctor-check.ts';
import { doctorVerb } from '../../../src/cli/doctor-verb.ts';
import { vmLock } from '../../../src/job/vm-locks.ts';
import type { ErrorRecord } from '../../../src/ports/errors.ts';
import { instanceUuid } from '../../../src/ports/identity.ts';
import { openSite, type Site } from './site.ts';

const silent = { info: () => undefined, warn: () => undefined, progress: () => undefined };

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());
afterEach(() => {
  site.lab.faults.clear();
  site.lab.guest.vss.helperInstalled = true;
  site.lab.linuxGuest.knobs.helperInstalled = true;
});

interface GuestSettings {
  vms: string[];
  address?: string;
  strategy?: string;
  winrm?: Record<string, unknown>;
  ssh?: Record<string, unknown>;
}
interface SiteConfig {
  guests: [GuestSettings, GuestSettings, ...GuestSettings[]];
  jobs: Record<string, { vms: string[] }>;
}
interface PrintedCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly error?: ErrorRecord;
  readonly guest?: GuestFindings;
}

/** What the doctor says, with a changed configuration; the lab is as before it afterwards. */
async function doctor(job: string | undefined, change: (config: SiteConfig) => void = () => undefined) {
  const config = parse(readFileSync(site.lab.configFile, 'utf8')) as SiteConfig; // written by the lab
  change(config);
  const configFile = path.join(site.lab.directory, 'doctor.yaml');
  writeFileSync(configFile, stringify(config));
  const { document, text, exitCode } = await doctorVerb(
    { configFile, job, probe: undefined },
    silent,
    new AbortController().signal,
  );
  expect(site.leftBehind()).toEqual([]);
  const { checks } = JSON.parse(JSON.stringify(document)) as { checks: PrintedCheck[] }; // the document of the verb
  return { checks, text, exitCode, guest: (name: string) => checks.find((check) => check.name === `guest ${name}`) };
}

const events = (...operations: readonly string[]) =>
  site.lab.events.events.filter(({ kind, operation }) => kind !== 'answer' && operations.includes(operation)).length;
const freezes = () => events('freeze', 'Freeze', 'ready');
const wrongPassword = (settings: Record<string, unknown> | undefined) => {
  const file = path.join(site.lab.directory, 'secrets', 'wrong');
  writeFileSync(file, 'not-the-password\n', { mode: 0o600 });
  if (settings) settings.password = `file:${file}`;
};

test('every guest of the jobs is prepared and let go: told with its way, trust, helper and volumes, nothing frozen, no script run', async () => {
  const told: string[] = [];
  const { knobs } = site.lab.linuxGuest;
  const before = knobs.scripts;
  knobs.scripts = [{ name: '10-spy', run: async (phase) => ({ exitCode: told.push(phase), output: '' }) }];
  const frozenBefore = freezes();

  const { checks, text, exitCode, guest } = await doctor(undefined);
  knobs.scripts = before;

  expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(exitCode).toBe(0);
  expect(checks.filter(({ name }) => name.startsWith('guest ')).map(({ name }) => name)).toEqual([
    'guest pg01',
    'guest sql01',
  ]);
  expect(guest('pg01')?.guest).toEqual({
    endpoint: `ssh://127.0.0.1:${site.lab.linuxGuest.port}`,
    username: 'svc-snaphook',
    trustedBy: 'pinned host key',
    passed: ['reached', 'trusted', 'login', 'helper', 'freezable'],
    failedAt: null,
    strategy: 'linux-fsfreeze',
    helper: expect.stringMatching(/^snaphook-freeze \d/),
    volumes: expect.arrayContaining(['/', '/srv/ledger']),
  });
  expect(guest('sql01')?.guest).toMatchObject({
    endpoint: `https://127.0.0.1:${site.lab.guest.httpsPort}/wsman`,
    trustedBy: `authority in ${site.lab.caFile}`,
    failedAt: null,
    strategy: 'vss-provider',
    helper: expect.stringMatching(/^snaphook-vss \d/),
  });
  expect(text).toMatch(/^ok +guest pg01 .*pinned host key; snaphook-freeze \S+ runs as root; freezes .*\/srv\/ledger/m);
  expect(told).toEqual([]);
  expect(freezes()).toBe(frozenBefore);
});

test('--job looks at that job and its guests alone', async () => {
  const { checks } = await doctor('linux');

  expect(checks.map(({ name }) => name).filter((name) => /^(job|guest) /.test(name))).toEqual([
    'job linux',
    'guest pg01',
  ]);
  await expect(doctor('nosuch')).rejects.toMatchObject({ code: 'E_USAGE' });
});

const BEFORE = { trusted: ['reached'], login: ['reached', 'trusted'], helper: ['reached', 'trusted', 'login'] };
const otherFingerprint = Array.from({ length: 32 }, () => 'AA').join(':');

test.each<[string, keyof typeof BEFORE, string, (config: SiteConfig) => void]>([
  [
    'a wrong password',
    'login',
    'E_GUEST_LOGIN',
    ({ guests: [windows, linux] }) => {
      wrongPassword(windows.winrm);
      wrongPassword(linux.ssh);
    },
  ],
  [
    'a changed host key or certificate',
    'trusted',
    'E_TLS_UNTRUSTED',
    ({ guests: [windows, linux] }) => {
      Object.assign(linux.ssh ?? {}, { hostKeys: [`SHA256:${'A'.repeat(43)}`] });
      Object.assign(windows.winrm ?? {}, { tls: { fingerprint256: otherFingerprint } });
    },
  ],
  [
    'a missing helper',
    'helper',
    'E_GUEST_HELPER',
    ({ guests: [windows] }) => {
      windows.strategy = 'vss-provider';
      site.lab.guest.vss.helperInstalled = false;
      site.lab.linuxGuest.knobs.helperInstalled = false;
    },
  ],
])('%s is told with code and hint, and with what was found before it', async (_what, stage, code, change) => {
  const { exitCode, text, guest } = await doctor('mixed', change);

  expect(exitCode).toBe(13);
  for (const name of ['pg01', 'sql01']) {
    expect(guest(name)).toMatchObject({
      ok: false,
      error: { code, message: expect.stringContaining(`"${name}"`), hint: expect.any(String) },
      guest: { failedAt: stage, passed: BEFORE[stage], helper: null },
    });
    expect(text).toMatch(
      new RegExp(`^FAIL +guest ${name} +reached, .*; but `.replace(', .*', stage === 'trusted' ? '' : ', .*'), 'm'),
    );
  }
});

test('a guest without helper is told what it can do instead, and the job what that lacks; an installed helper is found again', async () => {
  site.lab.guest.vss.helperInstalled = false;
  const without = await doctor('nightly');
  expect(without.guest('sql01')).toMatchObject({
    ok: true,
    detail: expect.stringMatching(/makes shadow copies of C:.*; the VSS helper: not possible, /),
    guest: { strategy: 'vss-diskshadow' },
  });
  const job = ({ checks }: typeof without) => checks.find(({ name }) => name === 'job nightly');
  expect(job(without)).toMatchObject({ ok: false, error: { code: 'E_CONFIG' } });

  site.lab.guest.vss.helperInstalled = true;
  const again = await doctor('nightly');
  expect(again.guest('sql01')).toMatchObject({
    detail: expect.stringContaining('shadow copies by diskshadow: possible'),
  });
  expect(job(again)).toMatchObject({ ok: true });
});

test('a guest that shows a captured disk to nobody is told as one that cannot be frozen', async () => {
  const { vcenter } = site.lab;
  const vm = vcenter.vm('pg01');
  vcenter.changeVm('pg01', {
    disks: vm.disks.map((disk, index) =>
      index === 0 ? { ...disk, uuid: '6000C290-0000-0000-0000-00000000dead' } : disk,
    ),
  });
  try {
    const { guest } = await doctor('linux');

    expect(guest('pg01')).toMatchObject({
      ok: false,
      error: { code: 'E_GUEST', hint: expect.stringContaining('disk.EnableUUID') },
      guest: { failedAt: 'freezable', passed: ['reached', 'trusted', 'login', 'helper'] },
    });
  } finally {
    vcenter.changeVm('pg01', { disks: vm.disks });
  }
});

test('a VM that is powered off is no failure of its guest: it is not asked', async () => {
  const { vcenter } = site.lab;
  vcenter.setPowerState('pg01', 'poweredOff');
  try {
    const { guest } = await doctor('mixed');

    expect(guest('pg01')).toMatchObject({ ok: true, detail: expect.stringMatching(/powered off.*not checked/) });
    expect(guest('sql01')).toMatchObject({ ok: true });
  } finally {
    vcenter.setPowerState('pg01', 'poweredOn');
  }
});

test('a guest that a run works with is left alone, and said so', async () => {
  const uuid = instanceUuid(site.lab.vcenter.vm('pg01').instanceUuid);
  await site.withPorts(async ({ locks }) => {
    const lock = await locks.acquire(vmLock(uuid), 0);
    const connections = events('exec serve');
    try {
      const { text } = await doctorWhileHeld();
      expect(text).toMatch(/^ok +guest pg01 +a run works with this VM now/m);
      expect(events('exec serve')).toBe(connections);
    } finally {
      await lock.release();
    }
  });
});
const doctorWhileHeld = () =>
  doctorVerb({ configFile: site.lab.configFile, job: 'linux', probe: undefined }, silent, new AbortController().signal);

test('a Windows account that one guest refuses is not tried on the others, so that it is not locked', async () => {
  const logins = () =>
    site.lab.events.events.filter(({ system, kind }) => system === 'guest' && kind === 'connection').length;
  const before = logins();
  const { guest } = await doctor('mixed', ({ guests, jobs }) => {
    wrongPassword(guests[0].winrm);
    guests.push({ vms: ['web01'], address: '127.0.0.1', winrm: { ...guests[0].winrm } });
    jobs.mixed = { ...jobs.mixed, vms: ['sql01', 'web01'] };
  });

  expect(guest('sql01')).toMatchObject({ error: { code: 'E_GUEST_LOGIN' } });
  expect(guest('web01')).toMatchObject({
    ok: false,
    error: { code: 'E_GUEST_LOGIN', message: expect.stringContaining('was not tried') },
  });
  expect(logins()).toBe(before + 1);
});

test('guests that are off are told as not reachable, each on its own, and hide nothing else', async () => {
  const port = await freePort();
  const { checks, exitCode, guest } = await doctor('mixed', ({ guests: [windows, linux] }) => {
    Object.assign(windows.winrm ?? {}, { port });
    Object.assign(linux.ssh ?? {}, { port });
  });

  expect(exitCode).toBe(13);
  for (const name of ['pg01', 'sql01'])
    expect(guest(name)).toMatchObject({
      ok: false,
      error: { code: 'E_GUEST_UNREACHABLE', hint: expect.any(String) },
      guest: { failedAt: 'reached', passed: [] },
    });
  expect(checks.filter(({ ok }) => !ok)).toHaveLength(2);
});

/** Nobody listens there. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // TCP has an AddressInfo
  server.close();
  await once(server, 'close');
  return port;
}

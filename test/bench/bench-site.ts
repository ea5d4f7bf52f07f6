import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { DeviceStore } from '../../src/lab/devices/device-store.ts';
import { ARRAY_ID, POOL, PROXY_HOST } from '../../src/lab/estate-array.ts';
import { uuid as volumeGuid } from '../../src/lab/estate-identity.ts';
import { startLinuxGuest } from '../../src/lab/linux-guest/linux-guest.ts';
import { ACCOUNTS } from '../../src/lab/site-config.ts';
import { startUnisphere } from '../../src/lab/unisphere/unisphere.ts';
import { startVcenter } from '../../src/lab/vcenter/vcenter.ts';
import { startWindowsGuest } from '../../src/lab/windows-guest/windows-guest.ts';
import { createAuthority, issueCertificate, type LabAuthority } from '../../src/lab/world/certificates.ts';
import { EventLog } from '../../src/lab/world/events.ts';
import { FaultRules } from '../../src/lab/world/faults.ts';
import { Pace } from '../../src/lab/world/pace.ts';
import { type BenchVm, benchEstate, CYLINDERS, GUEST_ACCOUNT } from './estate.ts';

export interface BenchSiteOptions {
  readonly vms: number;
  readonly disksPerVm: number;
  /** Injected before every answer of vCenter, Unisphere and the guests. */
  readonly rttMs: number;
  /** What runs in the VMs and can be frozen: `mixed` has a Windows in every second one. With `none` only plans can be made. */
  readonly guests: 'none' | 'linux' | 'mixed';
}

export interface BenchSite {
  readonly configFile: string;
  readonly events: EventLog;
  /** Time the array spends on an establish. */
  setEstablishMs(durationMs: number): void;
  close(): Promise<void>;
}

/** A site of any size for measuring: vCenter, Unisphere and an array with real devices, and guests on request. */
export async function startBenchSite(options: BenchSiteOptions): Promise<BenchSite> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'snaphook-bench-'));
  const isWindows = (index: number) => options.guests === 'mixed' && index % 2 === 0;
  const estate = benchEstate(options.vms, options.disksPerVm, isWindows);
  const events = new EventLog();
  const world = {
    events,
    faults: new FaultRules(events),
    pace: new Pace(1),
    latency: { latencyMs: options.rttMs, jitterMs: 0 },
  };
  const authority = await createAuthority();
  const caFile = path.join(directory, 'ca.pem');
  writeFileSync(caFile, authority.certificate);
  const store = DeviceStore.open(path.join(directory, 'array'), { pace: world.pace, events, generation: 'V4' });
  for (const id of estate.devices) store.createDevice({ id, cylinders: CYLINDERS });
  const unisphere = await startUnisphere({
    ...world,
    tls: await issueCertificate(authority, 'unisphere.lab'),
    version: '10.3',
    users: [{ ...ACCOUNTS.array, role: 'admin' }],
    configFolder: path.join(directory, 'unisphere'),
    arrays: [
      {
        id: ARRAY_ID,
        model: 'PowerMax_2500',
        microcode: '6079.225.0',
        local: true,
        snapVxLicensed: true,
        store,
        config: estate.array,
        knobs: { vvolSnapVx: 'accepted' },
      },
    ],
  });
  const vcenter = await startVcenter({
    ...world,
    tls: await issueCertificate(authority, 'vcenter.lab'),
    users: [{ ...ACCOUNTS.vcenter, privileges: 'all' }],
    inventory: estate.vcenter,
  });
  const guests: BenchGuest[] = [];
  for (const vm of options.guests === 'none' ? [] : estate.vms)
    guests.push(vm.isWindows ? await startWindows(vm, store, world, authority) : await startLinux(vm, store, world));
  return {
    configFile: writeConfig({ directory, caFile, vcenter: vcenter.url, unisphere: unisphere.url, guests }),
    events,
    setEstablishMs: (establishMs) => {
      const array = unisphere.array(ARRAY_ID);
      array.knobs = { ...array.knobs, establishMs };
    },
    close: async () => {
      await Promise.all(guests.map((guest) => guest.close()));
      await vcenter.close();
      await unisphere.close();
      store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

type World = Pick<Parameters<typeof startLinuxGuest>[0], 'events' | 'faults' | 'pace' | 'latency'>;
type Secret = (name: 'vcenter' | 'array' | 'linuxGuest' | 'guest') => string;

interface BenchGuest {
  readonly vm: string;
  /** Its entry under `guests:`. */
  settings(secret: Secret, tls: object): object;
  close(): Promise<void>;
}

async function startLinux({ name, disks }: BenchVm, store: DeviceStore, world: World): Promise<BenchGuest> {
  const guest = await startLinuxGuest({
    ...world,
    name,
    users: [GUEST_ACCOUNT],
    disks: disks.map(({ uuid, device }, index) => ({
      uuid,
      device: store.open(device),
      label: `${name} disk ${index + 1}`,
      mount: { mountPoint: index === 0 ? '/' : `/srv/${index}`, fileSystem: 'ext4' },
    })),
  });
  guest.knobs.freezeMs = 0; // what a guest's own flush takes is not measured here
  return {
    vm: name,
    settings: (secret) => ({
      ssh: {
        port: guest.port,
        username: GUEST_ACCOUNT.name,
        password: secret('linuxGuest'),
        hostKeys: [guest.hostKeyFingerprint],
        sudo: true,
        leaseSeconds: 60,
      },
    }),
    close: () => guest.close(),
  };
}

async function startWindows(
  { name, disks }: BenchVm,
  store: DeviceStore,
  world: World,
  authority: LabAuthority,
): Promise<BenchGuest> {
  const guest = await startWindowsGuest({
    ...world,
    name,
    hostName: 'BENCH',
    tls: await issueCertificate(authority, `${name}.lab`),
    users: [ACCOUNTS.guest],
    disks: disks.map(({ uuid, device }, index) => ({
      uuid,
      device: store.open(device),
      label: `${name} disk ${index + 1}`,
      volumes: [{ mountPoint: `${'CDEFGH'[index] ?? 'Z'}:\\`, guid: volumeGuid(`${name}-${index}`) }],
    })),
  });
  guest.vss.writerFreezeMs = 0;
  return {
    vm: name,
    settings: (secret, tls) => ({
      winrm: { port: guest.httpsPort, username: `BENCH\\${ACCOUNTS.guest.name}`, password: secret('guest'), tls },
    }),
    close: () => guest.close(),
  };
}

interface ConfigInput {
  readonly directory: string;
  readonly caFile: string;
  readonly vcenter: string;
  readonly unisphere: string;
  readonly guests: readonly BenchGuest[];
}

function writeConfig({ directory, caFile, vcenter, unisphere, guests }: ConfigInput): string {
  const secret: Secret = (name) => {
    const file = path.join(directory, 'secrets', name);
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, `${ACCOUNTS[name].password}\n`, { mode: 0o600 });
    return `file:${file}`;
  };
  mkdirSync(path.join(directory, 'by-id'), { recursive: true });
  const tls = { caFile };
  const config = {
    version: 1,
    stateDirectory: path.join(directory, 'state'),
    vcenter: { url: vcenter, username: ACCOUNTS.vcenter.name, password: secret('vcenter'), tls },
    arrays: [{ id: ARRAY_ID, unisphere, username: ACCOUNTS.array.name, password: secret('array'), tls }],
    guests: guests.map(({ vm, settings }) => ({ vms: [vm], ...settings(secret, tls) })),
    proxy: { host: PROXY_HOST, devices: path.join(directory, 'by-id') },
    jobs: {
      bench: {
        vms: [],
        freeze: guests.length > 0 ? 'auto' : 'none',
        grade: 'crash',
        targetPool: POOL,
        exportDirectory: path.join(directory, 'export'),
        limits: { establishSeconds: 60, freezeSeconds: 60, settleSeconds: 0.1 },
      },
    },
  };
  const file = path.join(directory, 'snaphook.yaml');
  writeFileSync(file, stringify(config));
  return file;
}

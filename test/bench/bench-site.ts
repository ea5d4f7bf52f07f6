import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { DeviceStore } from '../../src/lab/devices/device-store.ts';
import { ARRAY_ID, POOL, PROXY_HOST } from '../../src/lab/estate-array.ts';
import { type LabLinuxGuest, startLinuxGuest } from '../../src/lab/linux-guest/linux-guest.ts';
import { ACCOUNTS } from '../../src/lab/site-config.ts';
import { startUnisphere } from '../../src/lab/unisphere/unisphere.ts';
import { startVcenter } from '../../src/lab/vcenter/vcenter.ts';
import { createAuthority, issueCertificate } from '../../src/lab/world/certificates.ts';
import { EventLog } from '../../src/lab/world/events.ts';
import { FaultRules } from '../../src/lab/world/faults.ts';
import { Pace } from '../../src/lab/world/pace.ts';
import { type BenchEstate, benchEstate, CYLINDERS, GUEST_ACCOUNT } from './estate.ts';

export interface BenchSiteOptions {
  readonly vms: number;
  readonly disksPerVm: number;
  /** Injected before every answer of vCenter, Unisphere and the guests. */
  readonly rttMs: number;
  /** A Linux guest that can be frozen in every VM; without them only plans can be made. */
  readonly guests: boolean;
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
  const estate = benchEstate(options.vms, options.disksPerVm);
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
  const guests = options.guests ? await startGuests(estate, store, world) : [];
  return {
    configFile: writeConfig({ directory, caFile, vcenter: vcenter.url, unisphere: unisphere.url, estate, guests }),
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

async function startGuests(
  estate: BenchEstate,
  store: DeviceStore,
  world: Pick<Parameters<typeof startLinuxGuest>[0], 'events' | 'faults' | 'pace' | 'latency'>,
): Promise<readonly LabLinuxGuest[]> {
  const guests: LabLinuxGuest[] = [];
  for (const { name, disks } of estate.vms) {
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
    guests.push(guest);
  }
  return guests;
}

interface ConfigInput {
  readonly directory: string;
  readonly caFile: string;
  readonly vcenter: string;
  readonly unisphere: string;
  readonly estate: BenchEstate;
  readonly guests: readonly LabLinuxGuest[];
}

function writeConfig({ directory, caFile, vcenter, unisphere, estate, guests }: ConfigInput): string {
  const secret = (name: 'vcenter' | 'array' | 'linuxGuest'): string => {
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
    guests: guests.map(({ port, hostKeyFingerprint }, index) => ({
      vms: [estate.vms[index]?.name ?? ''],
      ssh: {
        port,
        username: GUEST_ACCOUNT.name,
        password: secret('linuxGuest'),
        hostKeys: [hostKeyFingerprint],
        sudo: true,
        leaseSeconds: 60,
      },
    })),
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

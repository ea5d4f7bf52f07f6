import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DeviceStore } from '../../src/lab/devices/device-store.ts';
import type { DeviceStoreOptions } from '../../src/lab/devices/store-contract.ts';
import type { InitialArrayConfig } from '../../src/lab/unisphere/array-config.ts';
import type { ArrayKnobs, LabArray } from '../../src/lab/unisphere/lab-array.ts';
import type { UnisphereRelease } from '../../src/lab/unisphere/releases.ts';
import { type LabUnisphere, type SecondServer, startUnisphere } from '../../src/lab/unisphere/unisphere.ts';
import { createAuthority, issueCertificate } from '../../src/lab/world/certificates.ts';
import { EventLog } from '../../src/lab/world/events.ts';
import { FaultRules } from '../../src/lab/world/faults.ts';
import { Pace } from '../../src/lab/world/pace.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { arrayId, deviceId } from '../../src/ports/identity.ts';
import type { StorageArray } from '../../src/ports/storage-array.ts';
import type { Governor } from '../../src/powermax/governor.ts';
import { createPowerMax } from '../../src/powermax/powermax.ts';
import type { StorageArrayWorld } from './storage-array.ts';

const ARRAY = arrayId('000197900046');
const MICROCODE = { V3: '5978.711.711', V4: '6079.325.0' };

const idOf = (number: number) => deviceId(number.toString(16).padStart(5, '0'));
export const wwnOf = (device: string): string =>
  `60000970${ARRAY}53${Buffer.from(device, 'ascii').toString('hex')}`.toLowerCase();
export const nguidOf = (wwn: string): string => wwn.slice(16) + wwn.slice(1, 7) + wwn.slice(0, 1) + wwn.slice(7, 16);

/** Sources and targets of one size, and devices of every kind of identity. */
export const SOURCES = Array.from({ length: 16 }, (_, index) => idOf(0x10 + index));
export const TARGETS = Array.from({ length: 16 }, (_, index) => idOf(0x100 + index));
export const INHERITED = { device: idOf(0x200), effectiveWwn: '60000970000197900099533030303032' };
export const MOBILE = { device: idOf(0x201), wwn: '600009700bcbb7113a1d000000000201' };
export const VVOL = { device: idOf(0x202), wwn: '600009700bcbb71139ff017800000600' };
const SOURCE_GROUP = 'datastores';
export const POOL = 'SG-snaphook-pool';
const CYLINDERS = 4;

const port = { director: 'FA-1D', port: '5' };
const configOf = (sources: readonly string[], targets: readonly string[]): InitialArrayConfig => ({
  storageGroups: [
    { id: 'cluster', children: [SOURCE_GROUP] },
    { id: SOURCE_GROUP, srp: 'SRP_1', serviceLevel: 'Diamond', volumes: [...sources, INHERITED.device, MOBILE.device] },
    { id: POOL, volumes: [...targets] },
    { id: 'presented' },
  ],
  initiators: ['10000090faa02c20', '10000090faa02d01', '10000090faa02d02'].map((id) => ({ id, ports: [port] })),
  hosts: [
    { id: 'proxy01', initiators: ['10000090faa02c20'] },
    { id: 'esx01', initiators: ['10000090faa02d01'] },
    { id: 'esx02', initiators: ['10000090faa02d02'] },
  ],
  hostGroups: [{ id: 'esx-cluster', hosts: ['esx01', 'esx02'] }],
  portGroups: [{ id: 'pg1', protocol: 'SCSI_FC', ports: [port] }],
  maskingViews: [
    { id: 'mv-proxy', host: 'proxy01', portGroup: 'pg1', storageGroup: POOL },
    { id: 'mv-cluster', hostGroup: 'esx-cluster', portGroup: 'pg1', storageGroup: 'cluster' },
  ],
  devices: {
    [INHERITED.device]: { effectiveWwn: INHERITED.effectiveWwn },
    [MOBILE.device]: { mobilityWwn: MOBILE.wwn },
  },
  storageContainers: [
    {
      id: 'SC1',
      uuid: '600009700BCBB71139FF01780000050A',
      resources: [
        { id: 'SC1-res', uuid: '6000097011C1992A3A7401E000000025', volumes: [{ device: VVOL.device, wwn: VVOL.wwn }] },
      ],
    },
  ],
});

export interface LabArrayOptions {
  readonly version: UnisphereRelease;
  readonly generation: 'V3' | 'V4';
  readonly knobs?: Partial<ArrayKnobs>;
  /** A second server of the array. */
  readonly second?: SecondServer;
  readonly store?: Partial<DeviceStoreOptions>;
  /** How many of the sources and of the targets there are; default 4. */
  readonly pairs?: number;
  /** More devices that nothing refers to. */
  readonly ballast?: number;
  readonly latestEffectMs?: number;
  readonly requestTimeoutMs?: { readonly read: number; readonly write: number };
}

export interface LabArrayWorld extends StorageArrayWorld {
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly lab: LabArray;
  readonly unisphere: LabUnisphere;
  /** Operations asked for since the event, as the lab names them. */
  operationsSince(seq: number): readonly string[];
  loseNextAnswer(request: keyof typeof LOSABLE, of?: 'first' | 'second'): void;
  connections(): number;
  later(options?: {
    readonly username?: string;
    readonly password?: string;
    readonly governor?: Governor;
  }): StorageArray;
}

let pki: Promise<{ readonly ca: string; readonly server: { readonly key: string; readonly cert: string } }> | undefined;
const sharedPki = () => {
  pki ??= createAuthority().then(async (authority) => ({
    ca: authority.certificate,
    server: await issueCertificate(authority, 'unisphere.lab'),
  }));
  return pki;
};

/** The lab's Unisphere with one array, and the product's client connected to it. */
export async function openLabArray(options: LabArrayOptions): Promise<LabArrayWorld> {
  const folder = mkdtempSync(path.join(tmpdir(), 'lab-array-'));
  const events = new EventLog();
  const faults = new FaultRules(events);
  const pace = new Pace(0.01);
  const { ca, server } = await sharedPki();
  const { generation } = options;
  const store = DeviceStore.open(path.join(folder, 'array'), { pace, events, generation, ...options.store });
  const sources = SOURCES.slice(0, options.pairs ?? 4);
  const targets = TARGETS.slice(0, options.pairs ?? 4);
  const ballast = Array.from({ length: options.ballast ?? 0 }, (_, index) => idOf(0x1000 + index));
  for (const id of [...sources, ...targets, INHERITED.device, MOBILE.device, VVOL.device, ...ballast]) {
    store.createDevice({ id, cylinders: CYLINDERS });
  }
  const unisphere = await startUnisphere({
    events,
    faults,
    pace,
    latency: { latencyMs: 0, jitterMs: 0 },
    tls: server,
    version: options.version,
    ...(options.second && { second: options.second }),
    users: [
      { name: 'snaphook', password: 'lab-secret', role: 'admin' },
      { name: 'watcher', password: 'lab-secret', role: 'monitor' },
    ],
    configFolder: path.join(folder, 'config'),
    arrays: [
      {
        id: ARRAY,
        model: generation === 'V4' ? 'PowerMax_2500' : 'PowerMax_2000',
        microcode: MICROCODE[generation],
        local: true,
        snapVxLicensed: true,
        store,
        config: configOf(sources, targets),
        knobs: options.knobs ?? {},
      },
    ],
  });
  const opened: StorageArray[] = [];
  const open: LabArrayWorld['later'] = ({ username = 'snaphook', password = 'lab-secret', governor } = {}) => {
    const array = createPowerMax({
      arrayId: ARRAY,
      servers: unisphere.urls.map((url) => ({ url, tls: { ca } })),
      username,
      password: async () => password,
      clock: systemClock,
      ...(governor && { governorFor: () => governor }),
      busyPauseMs: 5,
      latestEffectMs: options.latestEffectMs ?? 5,
      modelLagMs: 300,
      ...(options.requestTimeoutMs && { requestTimeoutMs: options.requestTimeoutMs }),
    });
    opened.push(array);
    return array;
  };
  const lab = unisphere.array(ARRAY);
  return {
    array: open(),
    later: open,
    generation,
    sources: sources.map((device) => ({ identity: `naa.${wwnOf(device)}`, device })),
    pool: { storageGroup: POOL, host: 'proxy01', devices: targets },
    emptyGroup: 'presented',
    write: (device, text) => store.open(device).write(0, Buffer.from(text, 'latin1')),
    read: (device, length) => store.open(device).read(0, length).toString('latin1'),
    membersOf: (group) => (lab.config.storageGroups.find(({ id }) => id === group)?.volumes ?? []).map(deviceId),
    loseNextAnswer(request, of: 'first' | 'second' = 'first') {
      const resource = options.knobs?.deviceListSnapVx === 'absent' ? 'storagegroup/snapshot' : 'private/snapshot';
      const operation = LOSABLE[request].replace('private/snapshot', resource);
      const rules = of === 'first' ? faults : unisphere.secondFaults;
      rules.add({ system: 'array', operation, nth: 1, when: 'after', action: { do: 'drop' } });
    },
    events,
    faults,
    unisphere,
    lab,
    operationsSince: (seq) =>
      events
        .since(seq)
        .filter(({ kind }) => kind === 'request')
        .map(({ operation }) => operation),
    connections: () => events.events.filter(({ kind }) => kind === 'connection').length,
    async close() {
      for (const array of opened) await array.close();
      await unisphere.close();
      store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const LOSABLE = {
  establish: 'POST private/snapshot',
  link: 'PUT private/snapshot Link',
  unlink: 'PUT private/snapshot Unlink',
  terminate: 'DELETE private/snapshot',
};

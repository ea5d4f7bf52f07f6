import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DeviceStore } from '../../../src/lab/devices/device-store.ts';
import type { DeviceStoreOptions } from '../../../src/lab/devices/store-contract.ts';
import type { InitialArrayConfig } from '../../../src/lab/unisphere/array-config.ts';
import type { ArrayKnobs, LabArray } from '../../../src/lab/unisphere/lab-array.ts';
import type { PresentationChange } from '../../../src/lab/unisphere/presentation.ts';
import type { UnisphereRelease } from '../../../src/lab/unisphere/releases.ts';
import { type LabUnisphere, type SecondServer, startUnisphere } from '../../../src/lab/unisphere/unisphere.ts';
import {
  createAuthority,
  issueCertificate,
  type LabAuthority,
  type LabServerCertificate,
} from '../../../src/lab/world/certificates.ts';
import { EventLog } from '../../../src/lab/world/events.ts';
import { FaultRules } from '../../../src/lab/world/faults.ts';
import { Pace } from '../../../src/lab/world/pace.ts';
import { type RawAnswer, RawClient, type RawRequest } from './raw-client.ts';

export const ARRAY = '000197900046';

/** Devices 00001-00003 are sources, 00011-00013 targets of the same size, 00021 is smaller, 00022 larger. */
export const DEVICES: readonly (readonly [string, number])[] = [
  ['00001', 4],
  ['00002', 4],
  ['00003', 4],
  ['00011', 4],
  ['00012', 4],
  ['00013', 4],
  ['00021', 2],
  ['00022', 9],
  ['00030', 3],
  ['00031', 8],
];

export const VVOL_WWN = '600009700BCBB71139FF017800000600';

/** A proxy behind FC with a pool group, a host group of two, a vVol container with one vVol (00031) and its endpoint (00030). */
export const CONFIG: InitialArrayConfig = {
  storageGroups: [
    { id: 'prod', srp: 'SRP_1', serviceLevel: 'Diamond', volumes: ['00001', '00002'] },
    { id: 'pool', volumes: ['00011', '00012'] },
    { id: 'pe', volumes: ['00030'] },
  ],
  initiators: [
    { id: '10000090faa02c20', ports: [{ director: 'FA-1D', port: '5' }] },
    { id: '10000090faa02c21', ports: [{ director: 'FA-2D', port: '5' }] },
    { id: '10000090faa02d01', ports: [{ director: 'FA-1D', port: '5' }] },
    { id: '10000090faa02d02', ports: [{ director: 'FA-1D', port: '5' }] },
    { id: 'iqn.1994-05.com.redhat:proxy', ports: [{ director: 'SE-1E', port: '000' }] },
  ],
  hosts: [
    { id: 'proxy1', initiators: ['10000090faa02c20', '10000090faa02c21'] },
    { id: 'esx1', initiators: ['10000090faa02d01'] },
    { id: 'esx2', initiators: ['10000090faa02d02'] },
  ],
  hostGroups: [{ id: 'cluster', hosts: ['esx1', 'esx2'] }],
  portGroups: [
    {
      id: 'pg1',
      protocol: 'SCSI_FC',
      ports: [
        { director: 'FA-1D', port: '5' },
        { director: 'FA-2D', port: '5' },
      ],
    },
  ],
  maskingViews: [
    { id: 'mv-proxy', host: 'proxy1', portGroup: 'pg1', storageGroup: 'pool' },
    { id: 'mv-esx', hostGroup: 'cluster', portGroup: 'pg1', storageGroup: 'prod' },
    { id: 'mv-pe', hostGroup: 'cluster', portGroup: 'pg1', storageGroup: 'pe' },
  ],
  devices: { '00001': { identifier: 'db-data' }, '00002': { effectiveWwn: '60000970000197900099533030303032' } },
  storageContainers: [
    {
      id: 'SC1',
      uuid: '600009700BCBB71139FF01780000050A',
      resources: [
        { id: 'SC1_res', uuid: '6000097011C1992A3A7401E000000025', volumes: [{ device: '00031', wwn: VVOL_WWN }] },
      ],
    },
  ],
  protocolEndpoints: ['00030'],
  vasaProviders: [{ address: '10.60.141.234' }],
};

export interface SiteOptions {
  readonly version?: UnisphereRelease;
  readonly microcode?: string;
  readonly knobs?: Partial<ArrayKnobs>;
  readonly second?: SecondServer;
  readonly store?: Partial<DeviceStoreOptions>;
  readonly pace?: number;
  readonly local?: boolean;
  readonly snapVxLicensed?: boolean;
  readonly devices?: readonly (readonly [string, number])[];
  readonly config?: InitialArrayConfig;
  /** Go on with the folder of an earlier site. */
  readonly folder?: string;
}

let pki: Promise<{ authority: LabAuthority; certificate: LabServerCertificate }> | undefined;
const sharedPki = () => {
  pki ??= createAuthority().then(async (authority) => ({
    authority,
    certificate: await issueCertificate(authority, 'unisphere.lab'),
  }));
  return pki;
};

export class TestSite {
  readonly folder: string;
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly store: DeviceStore;
  readonly unisphere: LabUnisphere;
  readonly seen: string[];
  readonly #client: RawClient;
  readonly #version: string;

  private constructor(parts: {
    folder: string;
    events: EventLog;
    faults: FaultRules;
    store: DeviceStore;
    unisphere: LabUnisphere;
    client: RawClient;
    version: string;
    seen: string[];
  }) {
    this.folder = parts.folder;
    this.events = parts.events;
    this.faults = parts.faults;
    this.store = parts.store;
    this.unisphere = parts.unisphere;
    this.seen = parts.seen;
    this.#client = parts.client;
    this.#version = parts.version;
  }

  static async start(options: SiteOptions = {}): Promise<TestSite> {
    const folder = options.folder ?? mkdtempSync(path.join(tmpdir(), 'lab-unisphere-'));
    const events = new EventLog();
    const faults = new FaultRules(events);
    const pace = new Pace(options.pace ?? 0.01);
    const microcode = options.microcode ?? '5978.711.711';
    const generation = microcode.startsWith('6') ? 'V4' : 'V3';
    const store = DeviceStore.open(path.join(folder, 'array'), { pace, events, generation, ...options.store });
    for (const [id, cylinders] of options.devices ?? DEVICES)
      if (!store.device(id)) store.createDevice({ id, cylinders });
    const { authority, certificate } = await sharedPki();
    writeFileSync(path.join(folder, 'ca.pem'), authority.certificate);
    const seen: string[] = [];
    const describe = (sign: string, change: PresentationChange) => seen.push(`${sign}${change.host}:${change.device}`);
    const unisphere = await startUnisphere({
      events,
      faults,
      pace,
      latency: { latencyMs: 0, jitterMs: 0 },
      tls: certificate,
      version: options.version ?? '10.3',
      ...(options.second && { second: options.second }),
      users: [
        { name: 'admin', password: 'admin-secret', role: 'admin' },
        { name: 'watcher', password: 'watch-secret', role: 'monitor' },
      ],
      configFolder: path.join(folder, 'config'),
      arrays: [
        {
          id: ARRAY,
          model: generation === 'V4' ? 'PowerMax_2500' : 'PowerMax_2000',
          microcode,
          local: options.local ?? true,
          snapVxLicensed: options.snapVxLicensed ?? true,
          store,
          config: options.config ?? CONFIG,
          ...(options.knobs && { knobs: options.knobs }),
        },
      ],
      onPresentation: {
        presented: (change) => describe('+', change),
        withdrawn: (change) => describe('-', change),
      },
    });
    const client = new RawClient(unisphere.port, authority.certificate);
    const version = (options.version ?? '10.3') === '9.2' ? '92' : '100';
    return new TestSite({ folder, events, faults, store, unisphere, client, version, seen });
  }

  get array(): LabArray {
    return this.unisphere.array(ARRAY);
  }

  send(request: RawRequest): Promise<RawAnswer> {
    return this.#client.send(request);
  }

  /** Of its second server. */
  secondClient(): RawClient {
    const [, url = ''] = this.unisphere.urls;
    return new RawClient(Number(new URL(url).port), readFileSync(path.join(this.folder, 'ca.pem'), 'utf8'));
  }

  /** Below `/univmax/restapi/{ver}/sloprovisioning/symmetrix/{array}`. */
  sloprovisioning = (path: string): string =>
    `/univmax/restapi/${this.#version}/sloprovisioning/symmetrix/${ARRAY}${path}`;
  replication = (path: string): string => `/univmax/restapi/${this.#version}/replication/symmetrix/${ARRAY}${path}`;
  privateReplication = (path: string): string =>
    `/univmax/restapi/private/${this.#version}/replication/symmetrix/${ARRAY}${path}`;
  system = (path: string): string => `/univmax/restapi/${this.#version}/system${path}`;
  vvol = (path: string): string => `/univmax/restapi/${this.#version}/vvol/symmetrix/${ARRAY}${path}`;
  v1 = (path: string): string => `/univmax/rest/v1/systems/${path}`;

  /** Sends and insists on the status; returns the parsed body. */
  async call(method: string, path: string, body?: unknown, status = method === 'POST' ? 201 : 200): Promise<Json> {
    const answer = await this.send({ method, path, ...(body !== undefined && { body }) });
    if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.text === '' ? {} : (JSON.parse(answer.text) as Json);
  }

  get(path: string, status = 200): Promise<Json> {
    return this.call('GET', path, undefined, status);
  }

  /** Sends a call that must be refused; returns the message. */
  async refused(method: string, path: string, body: unknown, status: number): Promise<string> {
    return String((await this.call(method, path, body, status)).message);
  }

  async stop(keep = false): Promise<void> {
    this.#client.close();
    await this.unisphere.close();
    this.store.close();
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}

export type Json = Readonly<Record<string, unknown>>;

/** The value at a path such as `snapshotSrcs.0.snap_id`. */
export const at = (value: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>(
      (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Json)[key] : undefined),
      value,
    );

export const fixture = (name: string): Json =>
  JSON.parse(readFileSync(path.join(__dirname, '../../fixtures/unisphere', `${name}.json`), 'utf8')) as Json;

/** Polls until the job is final. */
export const finished = (site: TestSite, job: Json): Promise<Json> =>
  until(
    () => site.get(site.system(`/job/${String(job.jobId)}`)),
    ({ status }) => status === 'SUCCEEDED' || status === 'FAILED',
  );

export async function until<T>(read: () => Promise<T>, good: (value: T) => boolean, deadlineMs = 5000): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const value = await read();
    if (good(value)) return value;
    if (performance.now() > endMs) throw new Error(`still ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { ARRAY_ID } from '../../src/lab/estate-array.ts';
import { DeviceNodes } from '../../src/lab/proxy/device-nodes.ts';
import { ACCOUNTS } from '../../src/lab/site-config.ts';
import { startUnisphere } from '../../src/lab/unisphere/unisphere.ts';
import { startVcenter } from '../../src/lab/vcenter/vcenter.ts';
import { createAuthority, issueCertificate } from '../../src/lab/world/certificates.ts';
import { FaultRules } from '../../src/lab/world/faults.ts';
import { type ArrayGuest, startArrayGuest } from './array-guest.ts';
import { DISKS } from './guest-disks.ts';
import { frozenPlaces, helperRemains, installHelper } from './guest-helper.ts';
import { ARRAY_CONFIG, INVENTORY, OTHER_DEVICES, POOL, PROXY_HOST, TARGETS, VM } from './site-inventory.ts';

export const JOB = 'real';
/** What the settings of the guest name as an application. */
export const APPLICATION = 'counter';
export const LEASE_SECONDS = 5;
const HOOKS = path.join(__dirname, '../../dist');

/** The lab's vCenter and array around a real guest, and the product's hooks as a backup job calls them. */
export interface QemuSite {
  readonly array: ArrayGuest;
  readonly faults: FaultRules;
  readonly exportDirectory: string;
  /** Starts a hook for the job; it prints JSON. */
  hook(program: 'pre-backup' | 'post-backup'): RunningHook;
  /** What is there on array, proxy and guest that was not there before any run. */
  leftBehind(): Promise<readonly string[]>;
  vcenterSessions(): number;
  close(): Promise<void>;
}

export interface RunningHook {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }>;
}

export async function openQemuSite(): Promise<QemuSite> {
  const array = await startArrayGuest(DISKS, [...TARGETS, ...OTHER_DEVICES]);
  try {
    await installHelper(array);
    return await aroundGuest(array);
  } catch (error) {
    await array.close();
    throw error;
  }
}

async function aroundGuest(array: ArrayGuest): Promise<QemuSite> {
  const { events, folder, pace, store } = array;
  const faults = new FaultRules(events);
  const world = { events, faults, pace, latency: { latencyMs: 0, jitterMs: 0 } };
  const authority = await createAuthority();
  const devices = path.join(folder, 'by-id');
  const nodes = new DeviceNodes(devices, { store, pace, events });
  const unisphere = await startUnisphere({
    ...world,
    tls: await issueCertificate(authority, 'unisphere.lab'),
    version: '10.3',
    users: [{ ...ACCOUNTS.array, role: 'admin' }],
    configFolder: path.join(folder, 'unisphere'),
    arrays: [
      {
        id: ARRAY_ID,
        model: 'PowerMax_2500',
        microcode: '6079.225.0',
        local: true,
        snapVxLicensed: true,
        store,
        config: ARRAY_CONFIG,
        knobs: { vvolSnapVx: 'accepted', objectModelLagMs: 100 },
      },
    ],
    onPresentation: {
      presented: ({ host, device, effectiveWwn }) => {
        if (host === PROXY_HOST) nodes.present(device, effectiveWwn);
      },
      withdrawn: ({ host, device }) => {
        if (host === PROXY_HOST) nodes.withdraw(device);
      },
    },
  });
  const vcenter = await startVcenter({
    ...world,
    tls: await issueCertificate(authority, 'vcenter.lab'),
    users: [{ ...ACCOUNTS.vcenter, privileges: 'all' }],
    inventory: INVENTORY,
  });
  const urls = { vcenter: vcenter.url, unisphere: unisphere.url };
  const configFile = writeConfig(array, urls, authority.certificate, devices);
  const members = () => JSON.stringify(unisphere.array(ARRAY_ID).config.storageGroups);
  const membersAtStart = members();
  return {
    array,
    faults,
    exportDirectory: path.join(folder, 'export'),
    hook: (program) => startHook(program, ['--config', configFile, '--job', JOB, '--json']),
    leftBehind: async () => [
      ...store.devices().flatMap(({ id }) => store.snapshots(id).map(({ name }) => `snapshot ${name} on ${id}`)),
      ...store.devices().flatMap(({ id, isTarget }) => (isTarget ? [`link on ${id}`] : [])),
      ...(members() === membersAtStart ? [] : [`storage groups ${members()}`]),
      ...['export', 'state/locks', 'state/runs/open'].flatMap((name) => filesBelow(path.join(folder, name))),
      ...(await frozenPlaces(array)).map((place) => `frozen ${place}`),
      ...(await helperRemains(array)),
    ],
    vcenterSessions: () => vcenter.sessions,
    close: async () => {
      await vcenter.close();
      await unisphere.close();
      nodes.close();
      await array.close();
    },
  };
}

function writeConfig(
  { folder, guest }: ArrayGuest,
  urls: { readonly vcenter: string; readonly unisphere: string },
  certificate: string,
  devices: string,
): string {
  const write = (name: string, text: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  const tls = { caFile: write('ca.pem', certificate) };
  const account = (name: 'vcenter' | 'array') => ({
    username: ACCOUNTS[name].name,
    password: `file:${write(`${name}.password`, ACCOUNTS[name].password)}`,
    tls,
  });
  mkdirSync(path.join(folder, 'state'), { mode: 0o700 });
  return write(
    'snaphook.yaml',
    stringify({
      version: 1,
      stateDirectory: path.join(folder, 'state'),
      vcenter: { url: urls.vcenter, ...account('vcenter') },
      arrays: [{ id: ARRAY_ID, unisphere: urls.unisphere, ...account('array') }],
      guests: [
        {
          vms: [VM],
          ssh: {
            port: guest.sshPort,
            privateKey: `file:${guest.privateKeyFile}`,
            hostKeys: [guest.hostKeyFingerprint],
            leaseSeconds: LEASE_SECONDS,
            applications: [APPLICATION],
          },
        },
      ],
      proxy: { host: PROXY_HOST, devices },
      jobs: {
        [JOB]: {
          vms: [VM],
          grade: 'filesystem',
          targetPool: POOL,
          exportDirectory: path.join(folder, 'export'),
          timeToLiveHours: 4,
          limits: { settleSeconds: 0.5, unlinkSeconds: 20 },
        },
      },
    }),
  );
}

function startHook(program: string, args: readonly string[]): RunningHook {
  const child = spawn(process.execPath, [path.join(HOOKS, `${program}.cjs`), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
    cwd: '/',
  });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].on('data', (data) => {
      said[stream] += data;
    });
  return {
    child,
    ended: new Promise((resolve) => child.once('close', (exitCode) => resolve({ exitCode, ...said }))),
  };
}

function filesBelow(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() || !folder.endsWith('export'))
      .map(({ name }) => `${folder}: ${name}`);
  } catch {
    return []; // not made yet
  }
}

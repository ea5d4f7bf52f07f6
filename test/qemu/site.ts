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
import { type ArrayDisk, type ArrayGuest, startArrayGuest } from './array-guest.ts';
import { frozenPlaces, helperRemains, installHelper } from './guest-helper.ts';
import { type HookSite, startHook } from './hooks.ts';
import { arrayConfig, otherDevices, POOL, PROXY_HOST, siteInventory, VM } from './site-inventory.ts';

const JOB = 'real';

export interface SiteTerms {
  readonly disks: readonly ArrayDisk[];
  /** Settings of the guest, beside how it is reached. */
  readonly ssh: {
    readonly leaseSeconds: number;
    readonly scriptSeconds?: number;
    readonly applications: readonly string[];
  };
  /** Settings of the job, beside where its images go. */
  readonly job: {
    readonly grade: 'application' | 'filesystem';
    readonly onLowerGrade?: 'degrade';
    readonly freeze?: 'linux-fsfreeze';
  };
}

/** The lab's vCenter and array around a real guest, and the product's hooks as a backup job calls them. */
export interface QemuSite extends HookSite {
  readonly array: ArrayGuest;
  readonly faults: FaultRules;
  /** What is there on array, proxy and guest that was not there before any run. */
  leftBehind(): Promise<readonly string[]>;
  vcenterSessions(): number;
  close(): Promise<void>;
}

export async function openQemuSite(terms: SiteTerms): Promise<QemuSite> {
  const array = await startArrayGuest(terms.disks, otherDevices(terms.disks));
  try {
    await installHelper(array);
    return await aroundGuest(array, terms);
  } catch (error) {
    await array.close();
    throw error;
  }
}

async function aroundGuest(array: ArrayGuest, terms: SiteTerms): Promise<QemuSite> {
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
        config: arrayConfig(terms.disks),
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
    inventory: siteInventory(terms.disks),
  });
  const urls = { vcenter: vcenter.url, unisphere: unisphere.url };
  const configFile = writeConfig(array, terms, urls, authority.certificate, devices);
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
  terms: SiteTerms,
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
            ...terms.ssh,
          },
        },
      ],
      proxy: { host: PROXY_HOST, devices },
      jobs: {
        [JOB]: {
          vms: [VM],
          ...terms.job,
          targetPool: POOL,
          exportDirectory: path.join(folder, 'export'),
          timeToLiveHours: 4,
          limits: { settleSeconds: 0.5, unlinkSeconds: 20 },
        },
      },
    }),
  );
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

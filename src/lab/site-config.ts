import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { DATABASE_VM, LINUX_VM, PROXY_VM } from './estate.ts';
import { ARRAY_ID, CLONE_GROUP, POOL, PRESENT_GROUP, PROXY_HOST, UNMASKED_POOL } from './estate-array.ts';
import { ESX } from './estate-vms.ts';

/** Accounts of the lab. They open simulators on loopback and nothing else. */
export const ACCOUNTS = {
  vcenter: { name: 'svc-snaphook@vsphere.local', password: 'lab-vcenter-password' },
  array: { name: 'svc-snaphook', password: 'lab-array-password' },
  guest: { name: 'svc-snaphook', password: 'lab-guest-password' },
  linuxGuest: { name: 'svc-snaphook', password: 'lab-linux-password' },
} as const;

export interface SiteConfigInput {
  readonly directory: string;
  readonly caFile: string;
  readonly vcenterUrl: string;
  readonly unisphereUrls: readonly string[];
  readonly guestHttpsPort: number;
  readonly linuxGuest: {
    readonly port: number;
    /** SHA-256 fingerprint of its host key. */
    readonly hostKey: string;
    readonly applications: readonly string[];
  };
  readonly devices: string;
  /** The route `managed` is for VMs whose disks are all vVols. */
  readonly vvolsOnly: boolean;
  /** Settling times of real arrays make no sense when the lab's own delays are shrunk. */
  readonly limits: Readonly<Record<string, number>>;
}

/** Writes the configuration a site with these systems would have; returns its path. */
export function writeSiteConfig(input: SiteConfigInput): string {
  const secret = (name: keyof typeof ACCOUNTS): string => {
    const file = path.join(input.directory, 'secrets', name);
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, `${ACCOUNTS[name].password}\n`, { mode: 0o600 });
    return `file:${file}`;
  };
  const tls = { caFile: input.caFile };
  const job = (vms: readonly string[], extra: object = {}) => ({
    vms,
    targetPool: POOL,
    timeToLiveHours: 4,
    limits: input.limits,
    ...extra,
  });
  const exportTo = (name: string) => ({ exportDirectory: path.join(input.directory, 'export', name) });
  const managedJobs = {
    managed: job([DATABASE_VM], {
      ...exportTo('managed'),
      route: 'managed',
      clones: { host: ESX, folder: 'DC1/vm/test' },
    }),
    'managed-both': job([DATABASE_VM, LINUX_VM], { ...exportTo('managed-both'), route: 'managed' }),
    'managed-tools': job([DATABASE_VM], {
      ...exportTo('managed-tools'),
      route: 'managed',
      freeze: 'vmware-tools',
      grade: 'filesystem',
    }),
  };
  const clones = { presentGroup: CLONE_GROUP, host: ESX };
  const config = {
    version: 1,
    stateDirectory: path.join(input.directory, 'state'),
    vcenter: { url: input.vcenterUrl, username: ACCOUNTS.vcenter.name, password: secret('vcenter'), tls },
    arrays: [
      {
        id: ARRAY_ID,
        unisphere: input.unisphereUrls.length === 1 ? input.unisphereUrls[0] : input.unisphereUrls,
        username: ACCOUNTS.array.name,
        password: secret('array'),
        tls,
      },
    ],
    guests: [
      {
        vms: [DATABASE_VM],
        winrm: {
          port: input.guestHttpsPort,
          username: `SQL01\\${ACCOUNTS.guest.name}`,
          password: secret('guest'),
          tls,
        },
      },
      {
        vms: [LINUX_VM],
        ssh: {
          port: input.linuxGuest.port,
          username: ACCOUNTS.linuxGuest.name,
          password: secret('linuxGuest'),
          hostKeys: [input.linuxGuest.hostKey],
          sudo: true,
          applications: input.linuxGuest.applications,
        },
      },
    ],
    proxy: { host: PROXY_HOST, devices: input.devices, vm: PROXY_VM },
    jobs: {
      nightly: job([DATABASE_VM], exportTo('nightly')),
      presented: {
        ...job([DATABASE_VM], exportTo('presented')),
        targetPool: UNMASKED_POOL,
        presentGroup: PRESENT_GROUP,
      },
      linux: job([LINUX_VM], exportTo('linux')),
      mixed: job([DATABASE_VM, LINUX_VM], exportTo('mixed')),
      'no-freeze': job([DATABASE_VM], { ...exportTo('no-freeze'), freeze: 'none', grade: 'crash' }),
      ...(input.vvolsOnly ? managedJobs : {}),
      datastore: job(['web01'], {
        ...exportTo('datastore'),
        freeze: 'none',
        grade: 'crash',
        collateral: 'warn',
        clones,
      }),
    },
  };
  const file = path.join(input.directory, 'snaphook.yaml');
  writeFileSync(file, stringify(config));
  return file;
}

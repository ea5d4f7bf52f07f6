import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { deviceRange } from './devices/device-range.ts';
import { DeviceStore } from './devices/device-store.ts';
import { writeVmfsHeaders } from './devices/vmfs-header.ts';
import { createEstate, DATABASE_VM, type Estate, type EstateOptions, LINUX_VM, PROXY_VM } from './estate.ts';
import { ARRAY_ID, ESX_ON_ARRAY, PROXY_HOST, VVOL_PLACE } from './estate-array.ts';
import { ESX } from './estate-vms.ts';
import { EsxPaths } from './esx-paths.ts';
import type { GuestApplication } from './guest/guest-application.ts';
import { APPLICATION, type LabLinuxGuest, startLinuxGuest } from './linux-guest/linux-guest.ts';
import { DeviceNodes } from './proxy/device-nodes.ts';
import { HotAddedDisks } from './proxy/hot-added-disks.ts';
import { ACCOUNTS, writeSiteConfig } from './site-config.ts';
import type { ArrayKnobs } from './unisphere/lab-array.ts';
import { type LabUnisphere, type SecondServer, startUnisphere } from './unisphere/unisphere.ts';
import { type LabVcenter, startVcenter } from './vcenter/vcenter.ts';
import { VvolVolumes } from './vvol-volumes.ts';
import { type LabWindowsGuest, startWindowsGuest } from './windows-guest/windows-guest.ts';
import { createAuthority, issueCertificate } from './world/certificates.ts';
import { EventLog } from './world/events.ts';
import { FaultRules } from './world/faults.ts';
import { Pace } from './world/pace.ts';

export interface LabOptions {
  /** Where devices, certificates, and the configuration of the product live. An array found there goes on where it stood. */
  readonly directory: string;
  readonly estate?: Partial<EstateOptions>;
  /** Every simulated answer takes this long. */
  readonly latencyMs?: number;
  /** Factor for the lab's own long delays; 1 is real time. */
  readonly pace?: number;
  /** Real pause of the Windows guest's application after each transfer; default 5. A longer one leaves the processor to others. */
  readonly transferPauseMs?: number;
  readonly unisphereVersion?: '9.2' | '10.0' | '10.1' | '10.2' | '10.3' | '10.4';
  readonly generation?: 'V3' | 'V4';
  /** A second Unisphere server of the array; the configuration then names both. */
  readonly secondServer?: SecondServer;
  readonly vvolSnapVx?: 'accepted' | 'refused';
  /** Anything else about the array that is not as usual. */
  readonly arrayKnobs?: Partial<ArrayKnobs>;
  /** Also append every event to `events.jsonl` in the directory. */
  readonly eventFile?: boolean;
}

/** The running lab: a small site of simulated systems around real data. */
export interface Lab {
  readonly directory: string;
  /** Configuration of the product for this site. */
  readonly configFile: string;
  readonly caFile: string;
  readonly urls: { readonly vcenter: string; readonly unisphere: string; readonly guest: string };
  readonly latencyMs: number;
  /** Whether the array takes user snapshots of vVol devices; real ones probably refuse. */
  readonly vvolSnapVx: 'accepted' | 'refused';
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly estate: Estate;
  readonly store: DeviceStore;
  readonly vcenter: LabVcenter;
  readonly unisphere: LabUnisphere;
  readonly guest: LabWindowsGuest;
  readonly guestName: string;
  readonly linuxGuest: LabLinuxGuest;
  readonly linuxGuestName: string;
  /** The application in the guest. Errors when the database VM has a single disk: it then runs none. */
  readonly application: GuestApplication;
  readonly databaseDevices: { readonly database: string; readonly journal: string };
  isFrozen(): boolean;
  guestShells(): number;
  vcenterSessions(): number;
  /** Storage groups and members of them that were not there at the start, and those that are missing now. */
  changedMembers(): readonly string[];
  pause(durationMs: number): Promise<void>;
  /** Resolves when the array has defined every linked target, as it has long before a real backup ends. At once on V4. */
  linksDefined(): Promise<void>;
  close(): Promise<void>;
}

/** The second application of the lab leaves the processor to the first. */
const LINUX_TRANSFER_PAUSE_MS = 40;
const DEFAULT_ESTATE: EstateOptions = { disks: 3, cylinders: 54 };

export async function startLab(options: LabOptions): Promise<Lab> {
  const { directory } = options;
  const estateOptions = { ...DEFAULT_ESTATE, ...options.estate };
  const generation = options.generation ?? 'V3';
  const vvolSnapVx = options.vvolSnapVx ?? 'accepted';
  const latency = { latencyMs: options.latencyMs ?? 0, jitterMs: 0 };
  mkdirSync(path.join(directory, 'proxy', 'by-id'), { recursive: true });
  const events = new EventLog(options.eventFile ? path.join(directory, 'events.jsonl') : undefined);
  const faults = new FaultRules(events);
  const pace = new Pace(options.pace ?? 1);
  const world = { events, faults, pace, latency };
  const authority = await createAuthority();
  const caFile = path.join(directory, 'ca.pem');
  writeFileSync(caFile, authority.certificate);

  const estate = createEstate(estateOptions);
  const store = DeviceStore.open(path.join(directory, 'array'), { pace, events, generation });
  for (const { id, cylinders } of estate.devices) if (!store.device(id)) store.createDevice({ id, cylinders });
  writeContent(store, estate);
  const nodes = new DeviceNodes(path.join(directory, 'proxy', 'by-id'), { store, pace, events, rescanMs: 500 });

  const volumes = new VvolVolumes(store, estate.vvolDevices, {
    bind: (device, wwn) => unisphere.array(ARRAY_ID).bindVvol({ ...VVOL_PLACE, device, wwn }),
    unbind: (device) => unisphere.array(ARRAY_ID).unbindVvol(device),
  });
  const hotAdded = new HotAddedDisks(path.join(directory, 'proxy', 'by-id'), {
    vm: PROXY_VM,
    events,
    pace,
    read: (objectId, lengthBytes) => volumes.read(objectId, lengthBytes),
  });

  const esxPaths = new EsxPaths(store, new Map([[ESX_ON_ARRAY, ESX]]));
  const unisphere = await startUnisphere({
    ...world,
    tls: await issueCertificate(authority, 'unisphere.lab'),
    version: options.unisphereVersion ?? '10.3',
    ...(options.secondServer && { second: options.secondServer }),
    users: [
      { ...ACCOUNTS.array, role: 'admin' },
      { name: 'monitor', password: 'lab-monitor-password', role: 'monitor' },
    ],
    configFolder: path.join(directory, 'unisphere'),
    arrays: [
      {
        id: ARRAY_ID,
        model: generation === 'V4' ? 'PowerMax_2500' : 'PowerMax_2000',
        microcode: generation === 'V4' ? '6079.225.0' : '5978.711.711',
        local: true,
        snapVxLicensed: true,
        store,
        config: estate.array,
        knobs: {
          vvolSnapVx,
          establishMs: 2,
          afterEstablishMs: 1,
          objectModelLagMs: 100,
          ...options.arrayKnobs,
        },
      },
    ],
    onPresentation: {
      presented: (change) => {
        const { host, device, effectiveWwn, protocol } = change;
        if (host === PROXY_HOST) nodes.present(device, effectiveWwn, protocol.startsWith('NVMe') ? 'NVMe' : 'SCSI');
        esxPaths.presented(change);
      },
      withdrawn: (change) => {
        if (change.host === PROXY_HOST) nodes.withdraw(change.device);
        esxPaths.withdrawn(change);
      },
    },
  });
  const vcenter = await startVcenter({
    ...world,
    tls: await issueCertificate(authority, 'vcenter.lab'),
    hostTls: await issueCertificate(await createAuthority('another CA'), ESX),
    users: [{ ...ACCOUNTS.vcenter, privileges: 'all' }],
    inventory: estate.vcenter,
    volumes,
    hotPlug: hotAdded,
    hostPaths: esxPaths,
  });
  const databaseIndex = estateOptions.disks >= 3 ? 1 : 0;
  const hasDatabase = estateOptions.disks >= 2;
  const uuidOf = (index: number) => estate.guestDisks[index]?.uuid ?? '';
  const guest = await startWindowsGuest({
    ...world,
    name: DATABASE_VM,
    hostName: 'SQL01',
    tls: await issueCertificate(authority, 'sql01.lab'),
    users: [ACCOUNTS.guest],
    disks: estate.guestDisks.map(({ device, uuid, mountPoint, volumeGuid }, index) => ({
      uuid,
      device: store.open(device),
      label: `Hard disk ${index + 1}`,
      volumes: [{ mountPoint, guid: volumeGuid }],
    })),
    ...(hasDatabase
      ? {
          database: {
            databaseDisk: uuidOf(databaseIndex),
            journalDisk: uuidOf(databaseIndex + 1),
            ...(options.transferPauseMs !== undefined && { transferPauseMs: options.transferPauseMs }),
          },
        }
      : {}),
  });
  const [systemDisk, dataDisk] = estate.linuxDisks;
  const linuxGuest = await startLinuxGuest({
    ...world,
    name: LINUX_VM,
    users: [{ ...ACCOUNTS.linuxGuest, sudo: true }],
    disks: estate.linuxDisks.map(({ device, uuid, mount, range }, index) => ({
      uuid,
      device: range ? deviceRange(store.open(device), range.atBytes, range.sizeBytes) : store.open(device),
      label: `${LINUX_VM} disk ${index + 1}`,
      mount,
    })),
    database: {
      databaseDisk: dataDisk?.uuid ?? '',
      journalDisk: systemDisk?.uuid ?? '',
      transferPauseMs: LINUX_TRANSFER_PAUSE_MS,
    },
  });
  vcenter.setTools(DATABASE_VM, guest.tools);
  vcenter.setTools(LINUX_VM, linuxGuest.tools);
  vcenter.setAgent(DATABASE_VM, guest.agent);
  vcenter.setAgent(LINUX_VM, linuxGuest.agent);
  const urls = { vcenter: vcenter.url, unisphere: unisphere.url, guest: `https://127.0.0.1:${guest.httpsPort}/wsman` };
  const configFile = writeSiteConfig({
    directory,
    caFile,
    vcenterUrl: urls.vcenter,
    unisphereUrls: unisphere.urls,
    guestHttpsPort: guest.httpsPort,
    linuxGuest: { port: linuxGuest.port, hostKey: linuxGuest.hostKeyFingerprint, applications: [APPLICATION] },
    devices: path.join(directory, 'proxy', 'by-id'),
    vvolsOnly: estateOptions.disksAre === 'vvol',
    limits: { settleSeconds: Math.max(0.3, 2 * pace.factor), unlinkSeconds: 20 },
  });
  const membersAtStart = groupMembers(unisphere);

  return {
    directory,
    configFile,
    caFile,
    urls,
    latencyMs: latency.latencyMs,
    vvolSnapVx,
    events,
    faults,
    estate,
    store,
    vcenter,
    unisphere,
    guest,
    guestName: DATABASE_VM,
    linuxGuest,
    linuxGuestName: LINUX_VM,
    get application() {
      if (!guest.database) throw new Error('the database VM has one disk only and runs no database');
      return guest.database;
    },
    databaseDevices: {
      database: estate.guestDisks[databaseIndex]?.device ?? '',
      journal: estate.guestDisks[databaseIndex + 1]?.device ?? '',
    },
    isFrozen: () => guest.isFrozen() || linuxGuest.isFrozen(),
    guestShells: () => guest.shellCount(),
    vcenterSessions: () => vcenter.sessions,
    changedMembers: () => {
      const now = groupMembers(unisphere);
      const added = [...now].filter((member) => !membersAtStart.has(member));
      return [
        ...added,
        ...[...membersAtStart].filter((member) => !now.has(member)).map((member) => `missing ${member}`),
      ];
    },
    pause: (durationMs) => sleepFor(durationMs),
    linksDefined: async () => {
      const isUndefined = ({ id }: { readonly id: string }) =>
        store.linkOf(id)?.info.backgroundDefineInProgress ?? false;
      while (store.devices().some(isUndefined)) await sleepFor(10);
    },
    close: async () => {
      await guest.close();
      await linuxGuest.close();
      await vcenter.close();
      await unisphere.close();
      hotAdded.close();
      nodes.close();
      store.close();
    },
  };
}

function groupMembers(unisphere: LabUnisphere): ReadonlySet<string> {
  const groups = unisphere.array(ARRAY_ID).config.storageGroups;
  return new Set(groups.flatMap(({ id, volumes }) => [id, ...volumes.map((volume) => `${id}/${volume}`)]));
}

const CONTENT_BYTES = 2 * 1024 * 1024;

/** Recognisable bytes on disks the application does not use: an image of zeros would prove nothing. */
function writeContent(store: DeviceStore, estate: Estate): void {
  for (const { extents, volume } of estate.datastores) {
    if (extents.some((device) => (store.device(device)?.allocatedTracks ?? 0) > 0)) continue;
    writeVmfsHeaders(
      extents.map((device) => store.open(device)),
      volume,
    );
  }
  const withoutDatabase =
    estate.guestDisks.length === 2 ? [] : estate.guestDisks.filter((_, index) => index !== 1 && index !== 2);
  for (const disk of withoutDatabase) {
    if ((store.device(disk.device)?.allocatedTracks ?? 0) > 0) continue;
    const line = Buffer.from(`snaphook lab, disk ${disk.uuid}, device ${disk.device}\n`);
    store.open(disk.device).write(1024 * 1024, Buffer.alloc(CONTENT_BYTES, line));
  }
}

import { DEFAULT_LIMITS, type JobSpec } from '../../src/job/job-spec.ts';
import type { JobPorts } from '../../src/job/ports.ts';
import { installationMark } from '../../src/platform/installation-mark.ts';
import { SnaphookError } from '../../src/ports/errors.ts';
import type { VirtualDisk, VmRecord } from '../../src/ports/hypervisor.ts';
import { arrayId, type DeviceId, instanceUuid, moRef } from '../../src/ports/identity.ts';
import { noBands } from '../contract/no-bands.ts';
import { noExposures } from '../contract/no-exposures.ts';
import { noFileSystems } from '../contract/no-file-systems.ts';
import { noHostStorage } from '../contract/no-host-storage.ts';
import { noRestores } from '../contract/no-restores.ts';
import { PLAIN_DISK, QUIET_VM } from '../contract/quiet-conditions.ts';
import type { FaultSource } from './faults.ts';
import { EPOCH_MS, type HookProcess, type World } from './hook-process.ts';
import type { Random } from './random.ts';
import { ArraySystem, type SimDevice } from './simulators/array-system.ts';
import { DiskshadowMachine } from './simulators/diskshadow-machine.ts';
import { drawScripts } from './simulators/guest-scripts.ts';
import { type SimulatedMachine, simulatedGuests } from './simulators/guests.ts';
import { simulatedHypervisor, type VcenterSystem } from './simulators/hypervisor.ts';
import { HandOverFiles, simulatedImages } from './simulators/images.ts';
import { LinuxMachine, type SimFileSystem } from './simulators/linux-machine.ts';
import { simulatedLocks } from './simulators/locks.ts';
import { simulatedProxy } from './simulators/proxy.ts';
import { StateDirectory, simulatedJournals } from './simulators/state-directory.ts';
import { simulatedArray } from './simulators/storage-array.ts';
import { WindowsMachine } from './simulators/windows-machine.ts';
import { drawWriters } from './simulators/writers.ts';
import type { Timeline } from './timeline.ts';

const ARRAY = arrayId('000197900046');
export const POOL = 'SG-snaphook-pool';
export const PRESENT_GROUP = 'SG-proxy';
export const PROXY_HOST = 'proxy01';
const CYLINDERS = 4;
const CYLINDER_BYTES = 1_966_080;
const WINDOWS_LEASE_MS = 9000;
const INSTALLATION = 'site-a';

/** Everything a schedule takes place in. */
export interface Site {
  readonly world: World;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly array: ArraySystem;
  readonly guests: readonly SimulatedMachine[];
  readonly vms: readonly VmRecord[];
  readonly files: HandOverFiles;
  readonly state: StateDirectory;
  readonly jobs: readonly JobSpec[];
  /** Devices that belong to nobody here but strangers. */
  readonly strangerDevices: readonly DeviceId[];
  portsFor(process: HookProcess): JobPorts;
}

/** What is decided apart from the rest of a life, so that it changes no life without it. */
interface Peculiarities {
  readonly guardsDie: () => boolean;
  /** A Windows guest is frozen by diskshadow. */
  readonly makesShadowCopies: () => boolean;
}

/** A site drawn from the seed: array generation, guests, disks of every kind, jobs, targets. */
export function drawSite(
  random: Random,
  timeline: Timeline,
  faults: FaultSource,
  world: World,
  { guardsDie, makesShadowCopies }: Peculiarities = { guardsDie: () => false, makesShadowCopies: () => false },
): Site {
  const arrayClockErrorMs = random.pick([0, -2000, 5000, -90_000, 240_000, random.chance(0.3) ? 3_600_000 : 0]);
  const array = new ArraySystem(timeline, {
    generation: random.pick(['V3', 'V4']),
    defineMs: random.pick([500, 20_000, 200_000]),
    lagMs: random.pick([0, 3000, 10_000]),
    maxSnapshotsPerSource: random.chance(0.05) ? 2 : 256,
    clock: () => EPOCH_MS + timeline.nowMs + arrayClockErrorMs,
  });
  const bulkReads = random.chance(0.6);
  const tellsSnapIds = array.options.generation === 'V4' || random.chance(0.85);
  const devices = new DeviceMaker(array);
  const vms = drawVms(random, devices);
  const guests = vms.map((vm) => drawGuest(random, timeline, faults, vm, { guardsDie, makesShadowCopies }));
  const copied = new Set(guests.filter(({ strategy }) => strategy === 'vss-diskshadow').map(({ name }) => name));
  const jobs = drawJobs(random, vms).map((job) => takesImagesOf(copied, job));
  const mayBeFew = jobs.some(({ createTargets }) => createTargets !== undefined);
  const least = mayBeFew ? random.whole(0, devices.sourceCount) : devices.sourceCount;
  const targets = Array.from({ length: least + random.whole(0, 4) }, () => devices.make().id);
  array.addGroup(POOL, targets, 'stranger');
  const strangerDevices = Array.from({ length: 3 }, () => devices.make().id);
  array.addGroup(PRESENT_GROUP, strangerDevices.slice(0, 1), 'stranger');
  const isPresented = jobs.some(({ presentGroup }) => presentGroup !== undefined);
  array.views.push({ id: 'mv-proxy', host: PROXY_HOST, group: isPresented ? PRESENT_GROUP : POOL });
  const vcenter: VcenterSystem = {
    facts: { product: 'vCenter', version: '8.0.2', apiVersion: '8.0.2.0', instanceUuid: 'vc' },
    vms,
    paths: new Map(),
    sessions: new Set(),
    namesSessions: false,
  };
  const files = new HandOverFiles();
  const state = new StateDirectory();
  const seen = () => new Map([...array.seenBy(PROXY_HOST)].map((id) => [wwnOf(array, id), CYLINDERS * CYLINDER_BYTES]));
  const textAt = (path: string) => {
    const device = [...array.devices.values()].find(({ wwn }) => path.endsWith(wwn));
    if (device && array.seenBy(PROXY_HOST).has(device.id)) return array.textOf(device.id);
    // As Linux answers when all paths of a device are gone.
    throw new SnaphookError('E_EXPORT', `"${path}" cannot be read: EIO`);
  };
  return {
    world,
    timeline,
    random,
    array,
    guests,
    vms,
    files,
    state,
    jobs,
    strangerDevices,
    portsFor: (process) => ({
      vmSnapshots: undefined,
      hostStorage: noHostStorage,
      ...noRestores,
      vvolAnswers: { recall: async () => undefined, remember: async () => undefined },
      guestFacts: { recall: async () => new Map(), remember: async () => undefined },
      establishTimes: { recall: async () => [], remember: async () => undefined },
      hypervisor: simulatedHypervisor(vcenter, process, random),
      arrays: [simulatedArray({ id: ARRAY, process, system: array, random, bulkReads, tellsSnapIds })],
      guests: simulatedGuests(process, random, guests),
      proxy: simulatedProxy(seen, process, random),
      bands: noBands,
      fileSystems: noFileSystems,
      exposures: noExposures,
      images: simulatedImages(files, textAt, process, random),
      journals: simulatedJournals(state, process, random),
      locks: simulatedLocks(state, process, random),
      clock: process.clock,
      reporter: { info: () => undefined, warn: () => undefined, progress: () => undefined },
      randomText: () => random.text(6),
      tidyMemory: () => undefined,
      toolVersion: 'snaphook 0.0.0',
      installation: {
        name: INSTALLATION,
        markOf: (run, id) => installationMark(INSTALLATION, run, id),
        proxyVm: undefined,
        jobs,
        clones: [],
      },
    }),
  };
}

const wwnOf = (array: ArraySystem, id: DeviceId): string => array.devices.get(id)?.wwn ?? '';

class DeviceMaker {
  readonly #array: ArraySystem;
  #count = 0;
  sourceCount = 0;

  constructor(array: ArraySystem) {
    this.#array = array;
  }

  make(): SimDevice {
    this.#count += 1;
    return this.#array.addDevice(0x100 + this.#count, CYLINDERS);
  }

  makeSource(): SimDevice {
    this.sourceCount += 1;
    return this.make();
  }
}

function drawVms(random: Random, devices: DeviceMaker): readonly VmRecord[] {
  const extents = Array.from({ length: random.whole(1, 2) }, () => `naa.${devices.makeSource().wwn}`);
  const hasDatastore = random.chance(0.3);
  const linuxShare = random.pick([0, 0.5, 0.5, 1]);
  return Array.from({ length: random.whole(1, 4) }, (_, index): VmRecord => {
    const diskCount = random.whole(1, 3);
    return {
      instanceUuid: instanceUuid(`5026d1d0-0000-4000-8000-00000000000${index}`),
      moRef: moRef(`vm-${index}`),
      name: `sql0${index}`,
      poweredOn: random.chance(0.96),
      template: false,
      connected: true,
      guestHostName: undefined,
      guestAddress: `192.0.2.${index}`,
      guestFamily: random.chance(linuxShare) ? 'linuxGuest' : 'windowsGuest',
      condition: QUIET_VM,
      disks: Array.from({ length: diskCount }, (__, key) =>
        drawDisk(random, devices, index, key, hasDatastore, extents),
      ),
    };
  });
}

function drawDisk(
  random: Random,
  devices: DeviceMaker,
  vm: number,
  key: number,
  hasDatastore: boolean,
  extents: readonly string[],
): VirtualDisk {
  const onDatastore = hasDatastore && random.chance(0.4);
  const name = onDatastore ? '' : `naa.${devices.makeSource().wwn}`;
  return {
    key: 2000 + key,
    label: `Hard disk ${key + 1}`,
    capacityBytes: CYLINDERS * CYLINDER_BYTES,
    guestDiskUuid: random.chance(0.97) ? `6000c29${vm}${key}`.padEnd(32, '0') : undefined,
    diskMode: 'persistent',
    onSnapshot: false,
    sharedByWriters: random.chance(0.04),
    condition: PLAIN_DISK,
    backing: onDatastore
      ? {
          kind: 'vmfs',
          fileName: `[ds1] ${vm}-${key}.vmdk`,
          datastore: 'ds1',
          datastoreRef: moRef('datastore-1'),
          extents,
          vmfsUuid: undefined,
          datastoreBytes: undefined,
        }
      : random.chance(0.5)
        ? {
            kind: 'rdm',
            canonicalName: name,
            compatibilityMode: 'physical',
            lunBytes: CYLINDERS * CYLINDER_BYTES,
            mappingFile: `[ds1] ${vm}-${key}.vmdk`,
          }
        : {
            kind: 'vvol',
            objectId: name,
            datastore: 'vv1',
            datastoreRef: moRef('datastore-1'),
            containerId: undefined,
            vasaArrays: [],
          },
  };
}

function drawGuest(
  random: Random,
  timeline: Timeline,
  faults: FaultSource,
  vm: VmRecord,
  { guardsDie, makesShadowCopies }: Peculiarities,
): SimulatedMachine {
  const diskUuids = vm.disks.flatMap(({ guestDiskUuid }) => (guestDiskUuid === undefined ? [] : [guestDiskUuid]));
  const troubleShare = random.pick([0, 0, 0.02, 0.2]);
  const isCalm = () => !faults.isOn;
  const slowShare = random.pick([0, 0.1, 0.5]);
  const drawWindows = vm.guestFamily !== 'linuxGuest' && makesShadowCopies() ? drawDiskshadowGuest : drawWindowsGuest;
  const draw = vm.guestFamily === 'linuxGuest' ? drawLinuxGuest : drawWindows;
  return draw(random, timeline, { name: vm.name, diskUuids, troubleShare, isCalm, slowShare, guardsDie });
}

interface GuestDraft {
  readonly name: string;
  readonly diskUuids: readonly string[];
  readonly troubleShare: number;
  readonly slowShare: number;
  readonly isCalm: () => boolean;
  readonly guardsDie: () => boolean;
}

function drawWindowsGuest(random: Random, timeline: Timeline, draft: GuestDraft): WindowsMachine {
  const { name, diskUuids, troubleShare, isCalm, slowShare } = draft;
  return new WindowsMachine(timeline, random, {
    name,
    // Now and then a disk without a volume: the preparation is refused.
    volumeDisks: random.chance(0.03) ? diskUuids.slice(1) : diskUuids,
    leaseMs: WINDOWS_LEASE_MS,
    slowShare,
    failShare: troubleShare,
    vetoShare: troubleShare,
    isCalm,
    makeWriters: () => drawWriters(random, isCalm() ? 0 : troubleShare),
  });
}

function drawDiskshadowGuest(random: Random, timeline: Timeline, draft: GuestDraft): DiskshadowMachine {
  const { name, diskUuids, troubleShare, isCalm, slowShare } = draft;
  return new DiskshadowMachine(timeline, random, {
    name,
    volumeDisks: random.chance(0.03) ? diskUuids.slice(1) : diskUuids,
    slowShare,
    troubleShare,
    isCalm,
    makeWriters: () => drawWriters(random, isCalm() ? 0 : troubleShare),
  });
}

/** Images do not show shadow copies: a job that does not take the lower grade is refused before anything is done. */
function takesImagesOf(copied: ReadonlySet<string>, job: JobSpec): JobSpec {
  const has = job.vms.some((selector) => selector.by === 'name' && copied.has(selector.name));
  return has ? { ...job, onLowerGrade: 'degrade' } : job;
}

const MOUNT_POINTS = ['/', '/data', '/var', '/srv', '/home', '/opt'];

function drawLinuxGuest(random: Random, timeline: Timeline, draft: GuestDraft): LinuxMachine {
  const { name, diskUuids, troubleShare, isCalm, slowShare, guardsDie } = draft;
  const fileSystems: SimFileSystem[] = [];
  const swapDisks: string[] = [];
  const add = (disks: readonly string[], isFreezable = true) =>
    fileSystems.push({ mountPoint: MOUNT_POINTS[fileSystems.length] ?? '/more', diskUuids: disks, isFreezable });
  for (const [index, disk] of diskUuids.entries()) {
    if (index > 0 && random.chance(0.15)) swapDisks.push(disk);
    else add([disk]);
    if (random.chance(0.2)) add([disk]);
    if (random.chance(0.04)) add([disk], false);
  }
  if (diskUuids.length > 1 && random.chance(0.2)) add(diskUuids.slice(0, 2));
  // Now and then a file system lies on a disk that no VM record shows: the preparation is refused.
  if (random.chance(0.02)) add([...diskUuids.slice(0, 1), 'f'.repeat(32)]);
  const applications = random.pick([['postgresql'], ['postgresql', 'mysql'], []]);
  return new LinuxMachine(timeline, random, {
    name,
    fileSystems,
    swapDisks,
    leaseMs: random.pick([5000, 10_000, 10_000, 20_000]),
    required: random.chance(0.1) ? [...applications, 'redis'] : applications,
    slowShare,
    strangerShare: troubleShare,
    isCalm,
    guardsDie,
    makeScripts: () => drawScripts(random, applications, isCalm() ? 0 : troubleShare),
  });
}

function drawJobs(random: Random, vms: readonly VmRecord[]): readonly JobSpec[] {
  const presentGroup = random.chance(0.5) ? PRESENT_GROUP : undefined;
  const first = drawJob(random, 'nightly', vms.slice(0, random.whole(1, vms.length)), presentGroup);
  if (random.chance(0.6)) return [first];
  const second = drawJob(random, 'weekly', vms.slice(random.whole(0, vms.length - 1)), presentGroup);
  return [first, random.chance(0.2) ? { ...second, exportDirectory: first.exportDirectory } : second];
}

function drawJob(random: Random, name: string, vms: readonly VmRecord[], presentGroup: string | undefined): JobSpec {
  const freeze = random.chance(0.92) ? ('auto' as const) : ('none' as const);
  return {
    name,
    vms: vms.map((vm) => ({ by: 'name', name: vm.name })),
    freeze,
    grade: freeze === 'none' ? 'crash' : random.pick(['application', 'application', 'filesystem', 'crash']),
    onLowerGrade: random.pick(['fail', 'degrade']),
    collateral: 'warn',
    hostCaches: 'refuse',
    exclude: [],
    onNoMatch: 'fail',
    onOpenRun: random.pick(['fail', 'replace', 'replace', 'wait']),
    targetPool: POOL,
    presentGroup,
    proxyHost: PROXY_HOST,
    route: 'snapvx',
    proxyVm: undefined,
    timeToLiveHours: 48,
    exportDirectory: `/backup/${name}`,
    ...(random.chance(0.3) ? { createTargets: { maxPoolDevices: random.whole(2, 12) } } : {}),
    limits: random.chance(0.8) ? DEFAULT_LIMITS : { ...DEFAULT_LIMITS, deadlineMs: random.whole(30, 120) * 1000 },
  };
}

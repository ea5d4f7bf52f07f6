import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { BlockDevice } from '../devices/block-device.ts';
import { GuestApplication } from '../guest/guest-application.ts';
import { GuestClock } from '../guest/guest-clock.ts';
import { VmwareTools } from '../guest/vmware-tools.ts';
import { WriteHold } from '../guest/write-hold.ts';
import type { LabHttpServer } from '../world/http-server.ts';
import { ApplicationService } from './application-service.ts';
import { channelBindingOf } from './channel-binding.ts';
import { mappedUser } from './client-certificates.ts';
import { createProgramFinder } from './command-line.ts';
import type { GuestDisk } from './guest-disks.ts';
import { GuestFiles } from './guest-files.ts';
import { GuestProcesses } from './guest-processes.ts';
import type { KerberosService } from './kerberos/kerberos-acceptor.ts';
import { startOpenSsh } from './openssh.ts';
import { powershellProgram } from './powershell.ts';
import { RemoteShells } from './remote-shells.ts';
import { ShadowCopies, ShadowKnobs } from './shadow-copies.ts';
import { shadowPowerShell, shadowPrograms } from './shadow-powershell.ts';
import type { QueryMachine } from './shadow-queries.ts';
import { toolsRequestor } from './tools-requestor.ts';
import { VssCoordinator } from './vss-coordinator.ts';
import { vssHelperProgram } from './vss-helper.ts';
import { VssKnobs } from './vss-knobs.ts';
import { ResidentSets } from './vss-resident-sets.ts';
import { inBoxWriters, sqlServerWriter, type WriterConfig } from './vss-writers.ts';
import { WindowsGuestAgent } from './windows-guest-agent.ts';
import type {
  GuestDatabaseOptions,
  LabWindowsGuest,
  WindowsGuestOptions,
  WinRmServiceConfig,
} from './windows-guest-types.ts';
import { createWsmanListener } from './wsman-listener.ts';

export type { LabWindowsGuest, WindowsGuestOptions, WinRmServiceConfig } from './windows-guest-types.ts';

const DEFAULT_SERVICE: WinRmServiceConfig = {
  allowUnencrypted: false,
  basic: false,
  negotiate: true,
  certificate: false,
  strictChannelBinding: false,
  programQuoting: 'either',
  maxEnvelopeKb: 500,
  maxTimeoutMs: 60_000,
  maxShellsPerUser: 30,
  maxProcessesPerShell: 25,
  maxOperationsPerUser: 1500,
  shellIdleTimeoutMs: 7_200_000,
};
const SYSTEM_VOLUME = 'C:\\';
const HELPER_NAME = 'snaphook-vss';
/** What stands in them is not run: a program of that name is the lab's own helper. */
const HELPER_FILES = [`${HELPER_NAME}.exe`, `${HELPER_NAME}-provider.dll`];
const HELPER_FOLDER = 'C:\\Program Files\\snaphook';

/** Starts a Windows guest: WinRM on loopback, VSS with writers, the snaphook helper, an application on real disks. */
export async function startWindowsGuest(options: WindowsGuestOptions): Promise<LabWindowsGuest> {
  const { name, hostName, events, pace } = options;
  const service = { ...DEFAULT_SERVICE, ...options.service };
  const hold = new WriteHold();
  const copies = new ShadowCopies({ guestName: name, events });
  const shadowKnobs = new ShadowKnobs();
  const disks = options.disks.map((disk) => {
    if (!/^6000c29[0-9a-f]{25}$/.test(disk.uuid)) throw new Error(`"${disk.uuid}" is no serial of a virtual disk`);
    return { ...disk, device: hold.guard(copies.watch(disk), disk.label) };
  });
  const database = options.database && (await openDatabase(options, options.database, disks, hold));
  const knobs = new VssKnobs();
  const coordinator = new VssCoordinator({
    guestName: name,
    disks,
    writers: options.writers ?? defaultWriters(options, disks),
    application: database,
    hold,
    knobs,
    pace,
    events,
  });
  const residents = new ResidentSets(pace);
  let bootId = randomUUID();
  const files = new GuestFiles();
  for (const file of HELPER_FILES) files.write(`${HELPER_FOLDER}\\${file}`, Buffer.from(`the lab's ${file}`));
  const processes = new GuestProcesses();
  const whenWritable = (path: string) => hold.whenWritable(devicesOf(disks, path));
  const clock = new GuestClock(pace);
  const applications = new ApplicationService({
    pace,
    clock,
    knobs: knobs.applications,
    isInstalled: () => knobs.providerRegistered,
  });
  const program = vssHelperProgram(
    {
      coordinator,
      residents,
      applications,
      pace,
      clock,
      os: 'Windows Server 2022 Standard 10.0.20348',
      get bootId() {
        return bootId;
      },
    },
    { files, whenWritable },
  );
  const helper = processes.track(HELPER_NAME, program);
  const shadows: QueryMachine = {
    guestName: name,
    hostName,
    events,
    files,
    copies,
    coordinator,
    knobs: shadowKnobs,
    running: new Set(),
    disks,
    osName: 'Windows Server 2022 Standard',
  };
  const shells = new RemoteShells({ hostName, limits: service, pace, events });
  const findProgram = createProgramFinder({
    hostName,
    guestName: name,
    events,
    programQuoting: service.programQuoting,
    powershell: shadowPowerShell(
      shadows,
      powershellProgram({ architecture: 'AMD64', files, processes, guestName: name, events, knobs }),
    ),
    files: {
      read: (path) => files.read(path),
      write: async (path, content) => {
        await whenWritable(path);
        files.write(path, content);
      },
    },
    installed: () =>
      new Map([
        ...shadowPrograms(shadows),
        ...(knobs.helperInstalled && files.read(`${HELPER_FOLDER}\\${HELPER_NAME}.exe`)
          ? [[`${HELPER_NAME}.exe`, { folder: HELPER_FOLDER, program: helper }] as const]
          : []),
        ...(options.programs ?? []),
      ]),
  });
  const agent = new WindowsGuestAgent({
    guestName: name,
    hostName,
    users: options.users,
    files,
    findProgram,
    whenWritable,
    pace,
    events,
  });
  const kerberos = options.kerberos && kerberosService(options.kerberos);
  const { clientCertificates } = options;
  const certificateUser = (socket: Socket) => mappedUser(socket, clientCertificates?.mappings ?? [], options.users);
  const listen = async (tls: WindowsGuestOptions['tls'], port: number | undefined) => {
    const listener = createWsmanListener({
      events,
      faults: options.faults,
      latency: options.latency,
      ...(tls ? { tls: { ...tls, ca: clientCertificates?.authority } } : {}),
      limits: service,
      allowUnencrypted: service.allowUnencrypted,
      login: {
        hostName,
        users: options.users,
        basic: service.basic,
        negotiate: service.negotiate,
        strictChannelBinding: service.strictChannelBinding,
        ...(kerberos ? { kerberos } : {}),
        ...(tls && service.certificate ? { certificateUser } : {}),
        ...(tls ? { channelBinding: channelBindingOf(tls.cert) } : {}),
      },
      shell: { shells, findProgram, pace, events, guestName: name },
    });
    listeners.push(listener);
    return listener.listen(port ?? 0);
  };
  const listeners: LabHttpServer[] = [];
  const httpPort = await listen(undefined, options.httpPort);
  const httpsPort = options.tls ? await listen(options.tls, options.httpsPort) : 0;
  const { ssh: sshd } = options;
  const ssh =
    sshd &&
    (await startOpenSsh({
      ...sshd,
      guestName: name,
      hostName,
      events,
      faults: options.faults,
      latency: options.latency,
      users: options.users,
      findProgram,
    }));
  database?.start();

  return {
    httpPort,
    httpsPort,
    ssh,
    vss: knobs,
    shadows: {
      knobs: shadowKnobs,
      all: () => copies.all,
      running: () => shadows.running.size,
      removeAll: () => copies.remove(copies.all),
    },
    files,
    agent,
    database,
    writeDisk: (uuid, offsetBytes, data) => deviceOf(name, disks, uuid).write(offsetBytes, data),
    tools: new VmwareTools(
      toolsRequestor(
        coordinator,
        disks.map(({ uuid }) => uuid),
      ),
    ),
    isFrozen: () => coordinator.frozen,
    shellCount: () => shells.count,
    parkedBackups: () => residents.count,
    quietSets: () => applications.quietCount,
    killService: () => {
      residents.failAll();
      return applications.kill();
    },
    forgetBoot: () => {
      shells.closeAll();
      agent.restart();
      residents.failAll();
      applications.forget();
      bootId = randomUUID();
    },
    helperCount: () => processes.count(HELPER_NAME),
    close: async () => {
      for (const listener of listeners) await listener.close();
      await ssh?.close();
      shells.closeAll();
      await database?.close();
    },
  };
}

/** Of the volume with that path. */
const devicesOf = (disks: readonly GuestDisk[], path: string): readonly BlockDevice[] =>
  disks
    .filter(({ volumes }) => volumes.some(({ mountPoint }) => path.toLowerCase().startsWith(mountPoint.toLowerCase())))
    .map(({ device }) => device);

function deviceOf(guest: string, disks: readonly GuestDisk[], uuid: string): BlockDevice {
  const disk = disks.find((candidate) => candidate.uuid === uuid);
  if (disk === undefined) throw new Error(`guest "${guest}" has no disk "${uuid}"`);
  return disk.device;
}

function kerberosService({ domain, service, now }: NonNullable<WindowsGuestOptions['kerberos']>): KerberosService {
  const { realm, netbiosName } = domain;
  return { realm, netbiosName, service, key: domain.keyOf(service), seen: new Map(), now: now ?? (() => new Date()) };
}

function openDatabase(
  options: WindowsGuestOptions,
  database: GuestDatabaseOptions,
  disks: readonly GuestDisk[],
  hold: WriteHold,
): Promise<GuestApplication> {
  if (database.databaseDisk === database.journalDisk) throw new Error('database and journal need two disks');
  return GuestApplication.open({
    database: deviceOf(options.name, disks, database.databaseDisk),
    journal: deviceOf(options.name, disks, database.journalDisk),
    hold,
    ...(database.transferPauseMs === undefined ? {} : { transferPauseMs: database.transferPauseMs }),
    onFailure: (error) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      options.events.add('guest', 'effect', 'application failed', options.name, { error: text });
    },
  });
}

function defaultWriters(options: WindowsGuestOptions, disks: readonly GuestDisk[]): readonly WriterConfig[] {
  const { database } = options;
  const inBox = inBoxWriters(SYSTEM_VOLUME);
  if (database === undefined) return inBox;
  const mountPoints = disks
    .filter((disk) => disk.uuid === database.databaseDisk || disk.uuid === database.journalDisk)
    .flatMap((disk) => disk.volumes.map((volume) => volume.mountPoint));
  return [sqlServerWriter(options.hostName, [...new Set(mountPoints)]), ...inBox];
}

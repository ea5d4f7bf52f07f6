import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { BlockDevice } from '../devices/block-device.ts';
import { GuestApplication } from '../guest/guest-application.ts';
import { GuestClock } from '../guest/guest-clock.ts';
import type { Program } from '../guest/program.ts';
import { VmwareTools } from '../guest/vmware-tools.ts';
import { WriteHold } from '../guest/write-hold.ts';
import type { EventLog } from '../world/events.ts';
import type { FaultRules } from '../world/faults.ts';
import type { LabHttpServer, LabTls } from '../world/http-server.ts';
import type { Latency, Pace } from '../world/pace.ts';
import { channelBindingOf } from './channel-binding.ts';
import { type CertificateMapping, mappedUser } from './client-certificates.ts';
import { createProgramFinder, type ProgramQuoting } from './command-line.ts';
import type { GuestUser } from './guest-accounts.ts';
import type { GuestDisk } from './guest-disks.ts';
import { GuestFiles } from './guest-files.ts';
import { GuestProcesses } from './guest-processes.ts';
import type { KerberosService } from './kerberos/kerberos-acceptor.ts';
import type { LabKerberosDomain } from './kerberos/lab-domain.ts';
import { type LabOpenSsh, type OpenSshOptions, startOpenSsh } from './openssh.ts';
import { powershellProgram } from './powershell.ts';
import { RemoteShells, type ShellLimits } from './remote-shells.ts';
import { ShadowCopies, ShadowKnobs, type VolumeShadow } from './shadow-copies.ts';
import { shadowPowerShell, shadowPrograms } from './shadow-powershell.ts';
import type { QueryMachine } from './shadow-queries.ts';
import { toolsRequestor } from './tools-requestor.ts';
import { VssCoordinator } from './vss-coordinator.ts';
import { vssHelperProgram } from './vss-helper.ts';
import { VssKnobs } from './vss-knobs.ts';
import { ResidentSets } from './vss-resident-sets.ts';
import { inBoxWriters, sqlServerWriter, type WriterConfig } from './vss-writers.ts';
import { createWsmanListener } from './wsman-listener.ts';
import type { WsmanLimits } from './wsman-request.ts';

/** WinRM's configuration, as `winrm get winrm/config` names it. */
export interface WinRmServiceConfig extends WsmanLimits, ShellLimits {
  /** Accept plain text, and with it Basic, over HTTP. */
  readonly allowUnencrypted: boolean;
  readonly basic: boolean;
  readonly negotiate: boolean;
  /** Log-on by client certificate over HTTPS; off unless an administrator switched it on. */
  readonly certificate: boolean;
  /** CbtHardeningLevel Strict; Relaxed otherwise. */
  readonly strictChannelBinding: boolean;
  /** Not among WinRM's own settings: which of the forms nobody has documented this guest takes. */
  readonly programQuoting: ProgramQuoting;
}

interface GuestDatabaseOptions {
  /** Serials of the two disks; they must differ. */
  readonly databaseDisk: string;
  readonly journalDisk: string;
  /** Real pause after each of the 25 transfers of a transaction. Default 5. */
  readonly transferPauseMs?: number;
}

export interface WindowsGuestOptions {
  /** Name in events and fault rules. */
  readonly name: string;
  readonly hostName: string;
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly pace: Pace;
  readonly latency: Latency;
  /** Absent: no HTTPS listener. */
  readonly tls?: LabTls;
  readonly httpsPort?: number;
  readonly httpPort?: number;
  readonly users: readonly GuestUser[];
  /** The domain the guest is a member of, and its own service there; absent: none. */
  readonly kerberos?: { readonly domain: LabKerberosDomain; readonly service: string; readonly now?: () => Date };
  /** Whose client certificates the guest believes, and which accounts they stand for. */
  readonly clientCertificates?: { readonly authority: string; readonly mappings: readonly CertificateMapping[] };
  /** Absent: the optional feature OpenSSH Server is not installed. */
  readonly ssh?: Pick<OpenSshOptions, 'defaultShell'>;
  readonly service?: Partial<WinRmServiceConfig>;
  readonly disks: readonly GuestDisk[];
  /** Further programs, by lower-case file name; one of Windows' own of that name is replaced. */
  readonly programs?: ReadonlyMap<string, { readonly folder: string; readonly program: Program }>;
  readonly database?: GuestDatabaseOptions;
  /** Absent: the in-box writers, and SqlServerWriter when there is a database. */
  readonly writers?: readonly WriterConfig[];
}

export interface LabWindowsGuest {
  /** 0 without HTTPS listener. */
  readonly httpsPort: number;
  readonly httpPort: number;
  /** Absent without OpenSSH Server. */
  readonly ssh: LabOpenSsh | undefined;
  readonly vss: VssKnobs;
  readonly shadows: {
    readonly knobs: ShadowKnobs;
    all(): readonly VolumeShadow[];
    /** How many diskshadows are at work. */
    running(): number;
    /** As an administrator does it. */
    removeAll(): void;
  };
  readonly files: GuestFiles;
  /** The application with its workload running; absent when the guest was given no database. */
  readonly database: GuestApplication | undefined;
  readonly tools: VmwareTools;
  /** As a program of the guest does it. */
  writeDisk(uuid: string, offsetBytes: number, data: Uint8Array): void;
  /** A writer is frozen or writes are held. */
  isFrozen(): boolean;
  shellCount(): number;
  /** Full backups that wait for their end. */
  parkedBackups(): number;
  /** What a new start of the guest does to sessions and to VSS; the application goes on. */
  forgetBoot(): void;
  /** Processes of the snaphook helper, however they were started. */
  helperCount(): number;
  close(): Promise<void>;
}

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
  const program = vssHelperProgram({
    coordinator,
    residents,
    pace,
    clock: new GuestClock(pace),
    os: 'Windows Server 2022 Standard 10.0.20348',
    get bootId() {
      return bootId;
    },
  });
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
    installed: () =>
      new Map([
        ...shadowPrograms(shadows),
        ...(knobs.helperInstalled && files.read(`${HELPER_FOLDER}\\${HELPER_NAME}.exe`)
          ? [[`${HELPER_NAME}.exe`, { folder: HELPER_FOLDER, program: helper }] as const]
          : []),
        ...(options.programs ?? []),
      ]),
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
    forgetBoot: () => {
      shells.closeAll();
      residents.failAll();
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

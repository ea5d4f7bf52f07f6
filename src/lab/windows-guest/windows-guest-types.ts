import type { GuestApplication } from '../guest/guest-application.ts';
import type { Program } from '../guest/program.ts';
import type { VmwareTools } from '../guest/vmware-tools.ts';
import type { EventLog } from '../world/events.ts';
import type { FaultRules } from '../world/faults.ts';
import type { LabTls } from '../world/http-server.ts';
import type { Latency, Pace } from '../world/pace.ts';
import type { CertificateMapping } from './client-certificates.ts';
import type { ProgramQuoting } from './command-line.ts';
import type { GuestUser } from './guest-accounts.ts';
import type { GuestDisk } from './guest-disks.ts';
import type { GuestFiles } from './guest-files.ts';
import type { LabKerberosDomain } from './kerberos/lab-domain.ts';
import type { LabOpenSsh, OpenSshOptions } from './openssh.ts';
import type { ShellLimits } from './remote-shells.ts';
import type { ShadowKnobs, VolumeShadow } from './shadow-copies.ts';
import type { VssKnobs } from './vss-knobs.ts';
import type { WriterConfig } from './vss-writers.ts';
import type { WindowsGuestAgent } from './windows-guest-agent.ts';
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

export interface GuestDatabaseOptions {
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
  /** VMware Tools, for guest operations. */
  readonly agent: WindowsGuestAgent;
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
  /** Sets whose scripts and plug-ins hold their applications. */
  quietSets(): number;
  /** The process of the service `snaphook-vss` is killed, with the full backups it keeps. True: it had scripts or plug-ins to let go on. */
  killService(): Promise<boolean>;
  /** What a new start of the guest does to sessions and to VSS; the application goes on. */
  forgetBoot(): void;
  /** Processes of the snaphook helper, however they were started. */
  helperCount(): number;
  close(): Promise<void>;
}

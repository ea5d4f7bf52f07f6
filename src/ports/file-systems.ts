import type { FilesIndex } from './files-index.ts';

/** A stretch of a disk that may hold a file system: a partition, a disk without a partition table, or a logical volume of LVM in one of these. */
export interface VolumePlace {
  /** Number in the partition table; undefined: the disk has none. */
  readonly partition: number | undefined;
  /** Absent: it is none. */
  readonly logicalVolume?: LogicalVolumeName;
  readonly partitionUuid: string | undefined;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** What its signature says, in the words of libblkid, such as `ext4` or `crypto_LUKS`; undefined: none is known. */
  readonly holds: string | undefined;
  readonly uuid: string | undefined;
  readonly label: string | undefined;
}

/** As the guest names it: `/dev/{group}/{name}`. */
export interface LogicalVolumeName {
  readonly group: string;
  readonly name: string;
}

/** A line of an `/etc/fstab`: what is mounted, and where. */
export interface FstabEntry {
  /** As it was written, such as `UUID=…` or `/dev/sda1`. */
  readonly source: string;
  readonly mountPoint: string;
  /** Of a btrfs: what of its tree is mounted there, such as `@home`; undefined where the table does not say. */
  readonly subvolume?: string | undefined;
}

export interface MountedVolume extends VolumePlace {
  readonly state: 'mounted';
  /** Where, relative to the hand-over directory. The same on every run. */
  readonly path: string;
  /** The program that found it sound; undefined: it was not checked. */
  readonly checkedBy: string | undefined;
  /** What the system on it, if there is one, mounts where. */
  readonly fstab: readonly FstabEntry[];
  /** The id of the shadow copy that is mounted in place of what the volume was at the instant. Absent: that itself is. */
  readonly shadowCopy?: string;
}

/**
 * `unreadable`: it may hold files, and they cannot be reached. `damaged`: its own checker, or the kernel, says that it is not sound.
 * `no-files`: by its kind it holds none, such as swap.
 */
export interface OtherVolume extends VolumePlace {
  readonly state: 'unreadable' | 'damaged' | 'no-files';
  readonly why: string;
}

export type Volume = MountedVolume | OtherVolume;

/** A disk as the proxy sees it, of which everything may be written: it is a copy. */
export interface DiskToMount {
  /** Where its file systems are mounted, relative to the hand-over directory, `/` separators. */
  readonly folder: string;
  readonly devicePath: string;
  /** Devices of the other disks of its VM, over which volume groups of LVM may reach. They are only read. Absent: there are none. */
  readonly beside?: readonly string[];
  /** Its guest wrote nothing at the instant of the copy, so that a journal needs no replay. */
  readonly isQuiet: boolean;
  /** Ids of shadow copies (VSS) that its guest left: where a volume holds one of these, that is mounted. Absent: it left none. */
  readonly shadowCopies?: readonly string[];
}

export interface CheckOptions {
  readonly check: boolean;
  /** Also by checkers that count as defects what guests' own systems live with. Absent: not by these. */
  readonly strict?: boolean;
}

export interface DiskToRelease {
  readonly folder: string;
  /** Where the disk is or was seen: only mounts of it are released. Undefined: of any disk. */
  readonly devicePaths: readonly string[] | undefined;
}

/** A disk that was mounted. */
export type DiskToCount = DiskToRelease & Pick<DiskToMount, 'shadowCopies'>;

export const APPLICATION_KINDS = ['sqlite', 'postgresql'] as const;
/** Whose data a probe opens: a database file of SQLite, or the data directory of a PostgreSQL server. */
export type ApplicationKind = (typeof APPLICATION_KINDS)[number];

export interface ApplicationProbe {
  readonly kind: ApplicationKind;
  /** Of the disk that it is on, as it was given to `mount`. */
  readonly folder: string;
  /** Of a mounted volume of that disk, relative to the hand-over directory. */
  readonly volume: string;
  /** Of the database, from the root of the volume: absolute. */
  readonly path: string;
}

/** What a database said of itself. */
export interface ProbedApplication {
  /** The program that opened it, with its version where that matters. */
  readonly checkedBy: string;
  /** For people. */
  readonly found: string;
}

/** What must be looked into before a hand-over. */
export interface WantedChecks {
  readonly fileSystems: boolean;
  readonly files: boolean;
  /** Of all files that are handed over. */
  readonly fileHashes: boolean;
  /** To be probed. */
  readonly applications: readonly ApplicationKind[];
}

/**
 * File systems of disks, mounted on this machine read-only, without devices, set-user-id and programs.
 * Errors: `E_PROXY`, `E_PROXY_DEVICE`, `E_EXPORT`, and the signal's reason.
 */
export interface FileSystems {
  /**
   * Fails where nothing can be mounted at all, where the backup product may not see what is mounted, or where something lies in one of
   * the folders. Changes nothing.
   */
  preflight(directory: string, folders: readonly string[], signal: AbortSignal): Promise<void>;
  /**
   * Replays journals, checks if asked to, and mounts what can be mounted. What cannot is told, and no error. Who is killed or fails in
   * between leaves mounts and folders, which `release` finds.
   */
  mount(directory: string, disk: DiskToMount, options: CheckOptions, signal: AbortSignal): Promise<readonly Volume[]>;
  /**
   * How many mounts there are in the folders now, whoever made them. What leads to a shadow copy counts where that is a wanted one of that
   * disk: what it led to may be another's by now. Changes nothing.
   */
  mountedIn(directory: string, disks: readonly DiskToCount[], signal: AbortSignal): Promise<number>;
  /** Fails with `E_PROXY` where something of this could not be looked into at all. Changes nothing. */
  preflightChecks(wanted: WantedChecks, signal: AbortSignal): Promise<void>;
  /** Reads a file of a mounted volume to its end; `path` is absolute, from the root of the volume. Errors: `E_VERIFY`. */
  readWhole(directory: string, volume: string, path: string, signal: AbortSignal): Promise<{ readonly bytes: number }>;
  /**
   * Reads every file of mounted volumes to its end, and writes an index of them to `path`, a name in the hand-over directory. In memory
   * are the names of one folder and of those above it. `progress` is told the bytes read. Errors: `E_VERIFY` where one cannot be read,
   * `E_EXPORT`, `E_PROXY_SPACE`.
   */
  writeIndex(
    directory: string,
    index: { readonly path: string; readonly volumes: readonly string[] },
    progress: (doneBytes: number) => void,
    signal: AbortSignal,
  ): Promise<FilesIndex>;
  /**
   * Opens a database on a view of its folder that takes writes and leaves the volume as it is, by its own program, which has no rights and no
   * network. What the view took lies in the folder of the disk until the probe has ended; of one that was killed, until `release`.
   * Errors: `E_VERIFY` where it is not sound.
   */
  probe(directory: string, probe: ApplicationProbe, signal: AbortSignal): Promise<ProbedApplication>;
  /**
   * Unmounts, lets the devices go and removes the empty folders; what is not there is success. Verified: when it returns, nothing of the
   * disks is mounted, and nothing holds them. Returns mounts in the folders that are of other devices, which are left alone.
   * Errors: `E_PROXY` while somebody uses a mount.
   */
  release(directory: string, disks: readonly DiskToRelease[], signal: AbortSignal): Promise<readonly ForeignMount[]>;
}

export interface ForeignMount {
  /** Absolute. */
  readonly mountPoint: string;
  readonly device: string;
}

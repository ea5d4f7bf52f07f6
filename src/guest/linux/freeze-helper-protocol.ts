import type { HelperScript } from '../script-protocol.ts';

/**
 * The line protocol between snaphook and `snaphook-freeze`, the helper inside a Linux guest, version 2.
 *
 * The helper is started as root with the argument `serve`, over an SSH channel without a terminal. `--scripts FOLDER` after it allows
 * scripts in and below that folder, too; without it only in and below /etc/snaphook, whatever `prepare` says. Commands are lines of words
 * separated by one blank; events are JSON objects, one a line. Both are ASCII: a path is written as /proc/self/mountinfo writes
 * it, every byte that is no printable ASCII character, and blank, backslash and double quote, as a backslash with three octal digits.
 *
 *   helper   {"event":"hello","protocol":2,"helper":"snaphook-freeze 0.1.0","os":"Linux 6.1.0-13-amd64","bootId":"...","token":"..."}
 *   client   facts
 *   helper   {"event":"facts","mounts":[...],"blocks":[...],"btrfs":[["sdb","sdc"]],"swaps":["/dev/sda2"]}
 *   client   prepare 10000 120000 30000 /etc/snaphook/scripts.d     <- lease, life, script time in ms; `-`: no scripts
 *   client   plug-ins /etc/snaphook/plug-ins.d                      <- may be left out; `-`: none
 *   client   filesystem 8:1 /data                                   <- in the order in which they are frozen
 *   client   ready
 *   helper   {"event":"ready","ownFileSystem":"/","scripts":[
 *             {"kind":"script","name":"10-db","phase":"freeze","exitCode":0,"output":"quiet db\n"}]}
 *   client   freeze
 *   helper   {"event":"frozen","freezeMs":12.5}                     <- every file system stands still
 *   client   T                                                      <- ONE byte, 0x54, no line end: thaw now
 *   helper   {"event":"thawed","heldMs":40.1}                       or {"event":"expired","heldMs":10000}
 *   helper   {"event":"finished","reason":"released","fileSystems":[{"mountPoint":"/data","frozen":true,"held":true,"errno":0}],
 *             "scripts":[{"kind":"script","name":"10-db","phase":"thaw","exitCode":0,"output":""}]}
 *   client   quit
 *
 * `ready` makes the helper check everything (is each mount point still that device?), open it, `syncfs` it, start the watchdog, and
 * run the scripts, then start the plug-ins (docs/application-plug-ins.md), which stay until after the thaw. `freeze` makes it `syncfs` and FIFREEZE one after the other. `failed` may come in place of any answer and
 * promises that nothing of ours is frozen (any more) and that scripts which had frozen something were told `freezeFail`.
 * `abort` thaws whatever stands still, runs `freezeFail`, and is answered by `aborted`; `status` tells the phase. A release byte
 * while nothing is held is ignored, also directly before a line. End of input means that the client is gone: as `abort`, then exit.
 * While everything stands still only `T`, `abort` and the end of the input are heard. Other lines are answered after `finished`;
 * `abort` then is, too: `expired`, `finished`, `aborted`. While the freeze is under way, `abort` gives `failed`, `aborted`.
 * After `ready` a session is for one freeze, and `failed` ends it: then `quit`. A refused `prepare`, `plug-ins` or `filesystem` is forgotten,
 * with all that was named before.
 * `life` limits a session from `ready` on: a client that neither freezes nor ends it in that time is gone too.
 *
 * The keeper speaks this protocol; the watchdog is a session of its own without the caller's pipes; the freezer sits in FIFREEZE;
 * the thawer calls FITHAW. Everything is thawed when the lease is over, or at once when one of them dies.
 * Until everything is thawed the session has a record `/run/snaphook/<token>`; `snaphook-freeze release <boot id> <token>` (another
 * SSH channel) makes the watchdog thaw, or thaws by the record when all of them are dead, and prints
 * `{"event":"released","found":true}` (`false`: there is no such session any more, so nothing of it stands still). `failed` with
 * exit code 1 says that it may stand still: the record stays.
 */
export const FREEZE_HELPER_PROTOCOL = 2;

/** 0x54, `T`: thaw. */
export const RELEASE_BYTE = 0x54;

export type FreezeHelperPhase = 'idle' | 'prepared' | 'freeze' | 'frozen' | 'finished';

/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)); paths as written there. */
export interface HelperMount {
  readonly id: number;
  /** `major:minor` of the superblock: what the helper compares before it freezes. */
  readonly device: string;
  /** Path inside the file system that is mounted: `/` unless it is a bind mount or a subvolume. */
  readonly root: string;
  readonly mountPoint: string;
  readonly fileSystem: string;
  readonly source: string;
}

/** One entry of /sys/class/block. Texts are trimmed; empty where the kernel shows none. */
export interface HelperBlock {
  /** Such as `sda1`, `dm-0`, `loop3`. */
  readonly name: string;
  readonly device: string;
  /** The disk of a partition. */
  readonly parent: string;
  /** Devices that it is made of (device mapper, md). */
  readonly slaves: readonly string[];
  /** Unit serial number: page 0x80 of a SCSI disk, else what the driver shows. */
  readonly serial: string;
  /** Such as `naa.6000c29…`. */
  readonly wwid: string;
  /** 0 where the kernel shows none. */
  readonly sizeBytes: number;
  /** The file behind a loop device, as a path. */
  readonly backingFile: string;
}

export interface HelperFileSystem {
  readonly mountPoint: string;
  /** FIFREEZE answered success. */
  readonly frozen: boolean;
  /** It was still frozen when this session thawed it because of the release byte. */
  readonly held: boolean;
  /** Of the last FIFREEZE or FITHAW that failed; 0 for none. */
  readonly errno: number;
}

export type FreezeHelperEvent =
  | {
      readonly event: 'hello';
      readonly protocol: number;
      readonly helper: string;
      readonly os: string;
      /** /proc/sys/kernel/random/boot_id */
      readonly bootId: string;
      /** 32 hex digits, by chance: names this session in `release`. */
      readonly token: string;
    }
  | {
      readonly event: 'facts';
      readonly mounts: readonly HelperMount[];
      readonly blocks: readonly HelperBlock[];
      /** Block device names of each btrfs file system. */
      readonly btrfs: readonly (readonly string[])[];
      /** Names of /proc/swaps. */
      readonly swaps: readonly string[];
    }
  | {
      readonly event: 'ready';
      /** Mount point of a file system to be frozen that holds the helper's own program, or else its record; empty when none does. */
      readonly ownFileSystem: string;
      readonly scripts: readonly HelperScript[];
    }
  | { readonly event: 'frozen'; readonly freezeMs: number }
  | { readonly event: 'thawed'; readonly heldMs: number }
  | { readonly event: 'expired'; readonly heldMs: number }
  | {
      readonly event: 'finished';
      /** `peer`: another process of the session died, so the freeze was ended. `foreign`: somebody else had thawed before us. */
      readonly reason: 'released' | 'lease' | 'end-of-input' | 'aborted' | 'peer' | 'foreign';
      readonly fileSystems: readonly HelperFileSystem[];
      readonly scripts: readonly HelperScript[];
    }
  | { readonly event: 'status'; readonly phase: FreezeHelperPhase }
  | { readonly event: 'aborted' }
  | { readonly event: 'released'; readonly found: boolean }
  | {
      readonly event: 'failed';
      readonly phase: FreezeHelperPhase;
      /** What it was about: a mount point or a script; may be empty. */
      readonly object: string;
      readonly message: string;
      readonly errno: number;
      readonly scripts: readonly HelperScript[];
    };

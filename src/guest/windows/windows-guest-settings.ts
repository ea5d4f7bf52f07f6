import { MAX_HOLD_MS } from './vss-helper-protocol.ts';
import type { WindowsAccess } from './windows-access.ts';

/** How to reach one Windows guest and how to freeze it. */
export interface WindowsGuestSettings {
  readonly access: WindowsAccess;
  /** Default `C:\Program Files\snaphook\snaphook-vss.exe`. */
  readonly helperPath?: string;
  /**
   * `copy` leaves backup histories and logs of applications alone. A full backup would need its BackupComplete to wait
   * until the data is stored for good, long after this session.
   */
  readonly backupType?: 'copy';
  /**
   * Writers that must succeed, by name; a trailing `*` matches any ending. Each must take part.
   * Absent: every writer with a selected component on the captured volumes.
   */
  readonly requiredWriters?: readonly string[];
  /** After this time the guest writes again, whatever happens to us. Default and maximum 9000. */
  readonly holdMs?: number;
  /** Windows ends a hold of writes after this time, whatever became of the helper. Default 10 000, which is Windows' own. */
  readonly windowsHoldMs?: number;
  /** From its start to its first line. Default 30 000. */
  readonly helperStartTimeoutMs?: number;
  /** An idle connection is used again after this time, before servers and firewalls drop it. Default 30 000. */
  readonly keepWarmMs?: number;
  /** A thaw that nobody confirmed is sent again after this time. Default 1000. */
  readonly thawResendMs?: number;
  /** After this time without confirmation the freeze is aborted, after twice this time the helper is ended. Default 3000. */
  readonly thawPatienceMs?: number;
  /** For ending helper and session. Default 10 000. */
  readonly closeTimeoutMs?: number;
}

export interface ResolvedSettings extends Required<Omit<WindowsGuestSettings, 'requiredWriters'>> {
  readonly requiredWriters: readonly string[] | undefined;
}

export function resolveSettings(settings: WindowsGuestSettings): ResolvedSettings {
  return {
    access: settings.access,
    helperPath: settings.helperPath ?? 'C:\\Program Files\\snaphook\\snaphook-vss.exe',
    backupType: settings.backupType ?? 'copy',
    requiredWriters: settings.requiredWriters,
    holdMs: Math.min(settings.holdMs ?? MAX_HOLD_MS.commit, MAX_HOLD_MS.commit),
    windowsHoldMs: settings.windowsHoldMs ?? 10_000,
    helperStartTimeoutMs: settings.helperStartTimeoutMs ?? 30_000,
    keepWarmMs: settings.keepWarmMs ?? 30_000,
    thawResendMs: settings.thawResendMs ?? 1000,
    thawPatienceMs: settings.thawPatienceMs ?? 3000,
    closeTimeoutMs: settings.closeTimeoutMs ?? 10_000,
  };
}

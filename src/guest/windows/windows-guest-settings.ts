import type { BackupType, FreezeWay, HoldMode } from '../../ports/guest.ts';
import { MAX_EXCHANGE_HOLD_MS, MAX_HOLD_MS, MAX_SCRIPT_MS } from './vss-helper-protocol.ts';
import type { WindowsAccess } from './windows-access.ts';

/** How to reach one Windows guest and how to freeze it. */
export interface WindowsGuestSettings {
  readonly access: WindowsAccess;
  /** `vss-provider`: by the helper. `vss-diskshadow` needs no helper. Absent: either. */
  readonly strategy?: 'vss-provider' | 'vss-diskshadow' | undefined;
  /** Default `C:\Program Files\snaphook\snaphook-vss.exe`. */
  readonly helperPath?: string;
  /** Default `copy`, which leaves backup histories and logs of applications alone. */
  readonly backupType?: BackupType;
  /** Absent: either, `commit` first. */
  readonly hold?: HoldMode | undefined;
  /**
   * Writers that must succeed, by name; a trailing `*` matches any ending. Each must take part.
   * Absent: every writer with a selected component on the captured volumes.
   */
  readonly requiredWriters?: readonly string[];
  /** Class ids of writers that take no part: none of their components is selected, and their failures do not count. */
  readonly excludedWriters?: readonly string[];
  /**
   * After this time the guest goes on, whatever happens to us. Default and maximum 9000 for `commit`; for `precommit` default 18 000, which
   * Exchange bears, and maximum 55 000.
   */
  readonly holdMs?: number;
  /**
   * Windows ends a hold after this time, whatever became of the helper. Default Windows' own: 10 000 for writes, and 60 000 for the
   * freeze of writers, which is all that `precommit` holds.
   */
  readonly windowsHoldMs?: number;
  /** For all scripts and plug-ins of one phase together; `vss-provider` alone runs them. Default 30 000, maximum 300 000. */
  readonly scriptLimitMs?: number;
  /** Applications that scripts or plug-ins must confirm as quiet. Default none. */
  readonly applications?: readonly string[];
  /** From its start to its first line. Default 30 000. */
  readonly helperStartTimeoutMs?: number;
  /** An idle connection is used again after this time, before servers and firewalls drop it. Default 30 000. */
  readonly keepWarmMs?: number;
  /** A thaw that nobody confirmed is sent again after this time. Default 1000; by guest operations 3000. */
  readonly thawResendMs?: number;
  /** After this time without confirmation the freeze is aborted, after twice this time the helper is ended. Default 3000; by guest operations 6000. */
  readonly thawPatienceMs?: number;
  /** For ending helper and session. Default 10 000; by guest operations 30 000. */
  readonly closeTimeoutMs?: number;
}

export interface ResolvedSettings
  extends Required<Omit<WindowsGuestSettings, 'requiredWriters' | 'strategy' | 'hold'>> {
  readonly hold: HoldMode;
  readonly requiredWriters: readonly string[] | undefined;
}

const DEFAULT_HOLD_MS: Readonly<Record<HoldMode, number>> = {
  commit: MAX_HOLD_MS.commit,
  precommit: MAX_EXCHANGE_HOLD_MS,
};
const WINDOWS_HOLD_MS: Readonly<Record<HoldMode, number>> = { commit: 10_000, precommit: 60_000 };

const NETWORK_WAITS = { thawResendMs: 1000, thawPatienceMs: 3000, closeTimeoutMs: 10_000 };

/** A full backup must be told its end hours later, by the same requestor: what diskshadow begins ends with it. */
export function waysOf(settings: WindowsGuestSettings): readonly FreezeWay[] {
  const { strategy, hold, backupType, applications = [] } = settings;
  const holds: readonly HoldMode[] = hold === undefined ? ['commit', 'precommit'] : [hold];
  const byProvider = holds.map((mode): FreezeWay => {
    const { holdMs: leaseMs } = resolveSettings(settings, mode);
    return { strategy: 'vss-provider', hold: mode, leaseMs, ...(backupType === 'full' && { backupType }) };
  });
  const unspoken = applications.length > 0 ? { unspoken: applications } : {};
  const byCopies: FreezeWay = { strategy: 'vss-diskshadow', leaseMs: undefined, ...unspoken };
  return [
    ...(strategy === 'vss-diskshadow' ? [] : byProvider),
    ...(strategy === 'vss-provider' || (strategy === undefined && backupType === 'full') ? [] : [byCopies]),
  ];
}

export function resolveSettings(settings: WindowsGuestSettings, wished?: HoldMode): ResolvedSettings {
  const hold = wished ?? settings.hold ?? 'commit';
  const waits = settings.access.waits ?? NETWORK_WAITS;
  return {
    access: settings.access,
    helperPath: settings.helperPath ?? 'C:\\Program Files\\snaphook\\snaphook-vss.exe',
    backupType: settings.backupType ?? 'copy',
    hold,
    requiredWriters: settings.requiredWriters,
    excludedWriters: settings.excludedWriters ?? [],
    holdMs: Math.min(settings.holdMs ?? DEFAULT_HOLD_MS[hold], MAX_HOLD_MS[hold]),
    windowsHoldMs: settings.windowsHoldMs ?? WINDOWS_HOLD_MS[hold],
    scriptLimitMs: Math.min(settings.scriptLimitMs ?? 30_000, MAX_SCRIPT_MS),
    applications: settings.applications ?? [],
    helperStartTimeoutMs: settings.helperStartTimeoutMs ?? 30_000,
    keepWarmMs: settings.keepWarmMs ?? 30_000,
    thawResendMs: settings.thawResendMs ?? waits.thawResendMs,
    thawPatienceMs: settings.thawPatienceMs ?? waits.thawPatienceMs,
    closeTimeoutMs: settings.closeTimeoutMs ?? waits.closeTimeoutMs,
  };
}

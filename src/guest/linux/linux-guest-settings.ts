import { CONNECT_TIMEOUT_MS, KEEPALIVE_MS, SSH_PORT, type SshSettings } from '../ssh/ssh-connector.ts';

/** How to reach one Linux guest and how to freeze it. */
export interface LinuxGuestSettings extends Omit<SshSettings, 'username'> {
  /** Default `root`. */
  readonly username?: string;
  /** Start the helper by `sudo -n`. Default false. */
  readonly sudo?: boolean;
  /** Default `/usr/local/sbin/snaphook-freeze`. */
  readonly helperPath?: string;
  /** Default `/etc/snaphook/scripts.d`; undefined: no scripts are run. */
  readonly scriptsDirectory?: string | undefined;
  /** For all scripts of one phase together. Default 30 000. */
  readonly scriptLimitMs?: number;
  /** Applications that scripts must confirm as quiet. Default none. */
  readonly applications?: readonly string[];
  /** After this time the guest writes again, whatever happens to us. Default 10 000. */
  readonly leaseMs?: number;
  /** From its start to its first line. Default 30 000. */
  readonly helperStartTimeoutMs?: number;
  /** A thaw that nobody confirmed is sent again after this time. Default 1000. */
  readonly thawResendMs?: number;
  /** After this time without confirmation the release goes over a connection of its own as well. Default 3000. */
  readonly thawPatienceMs?: number;
  /** For ending helper and connection. Default 10 000. */
  readonly closeTimeoutMs?: number;
}

export interface ResolvedSettings extends Required<Omit<LinuxGuestSettings, 'scriptsDirectory'>> {
  readonly scriptsDirectory: string | undefined;
}

export function resolveSettings(settings: LinuxGuestSettings): ResolvedSettings {
  return {
    address: settings.address,
    port: settings.port ?? SSH_PORT,
    username: settings.username ?? 'root',
    login: settings.login,
    trust: settings.trust,
    sudo: settings.sudo ?? false,
    helperPath: settings.helperPath ?? '/usr/local/sbin/snaphook-freeze',
    scriptsDirectory: 'scriptsDirectory' in settings ? settings.scriptsDirectory : '/etc/snaphook/scripts.d',
    scriptLimitMs: settings.scriptLimitMs ?? 30_000,
    applications: settings.applications ?? [],
    leaseMs: settings.leaseMs ?? 10_000,
    connectTimeoutMs: settings.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    keepaliveMs: settings.keepaliveMs ?? KEEPALIVE_MS,
    helperStartTimeoutMs: settings.helperStartTimeoutMs ?? 30_000,
    thawResendMs: settings.thawResendMs ?? 1000,
    thawPatienceMs: settings.thawPatienceMs ?? 3000,
    closeTimeoutMs: settings.closeTimeoutMs ?? 10_000,
  };
}

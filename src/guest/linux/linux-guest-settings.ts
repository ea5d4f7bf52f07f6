import type { HostTrust } from './ssh/host-keys.ts';

/** How to log in: by key or by password. Resolved as late as possible, once for each session with the guest. */
export type SshLogin =
  | { readonly kind: 'key'; readonly privateKey: () => Promise<string>; readonly passphrase?: () => Promise<string> }
  | { readonly kind: 'password'; readonly password: () => Promise<string> };

/** How to reach one Linux guest and how to freeze it. */
export interface LinuxGuestSettings {
  /** Host name or IP address of the SSH service; known_hosts is searched for it as it stands here. */
  readonly address: string;
  /** Default 22. */
  readonly port?: number;
  /** Default `root`. */
  readonly username?: string;
  readonly login: SshLogin;
  /** Read when a connection is made. */
  readonly trust: () => HostTrust;
  /** Start the helper by `sudo -n`. Default false. */
  readonly sudo?: boolean;
  /** Default `/usr/local/sbin/snaphook-freeze`. */
  readonly helperPath?: string;
  /** Default `/etc/snaphook/scripts.d`; undefined: no scripts and no plug-ins are run. */
  readonly scriptsDirectory?: string | undefined;
  /** For all scripts and plug-ins of one phase together. Default 30 000. */
  readonly scriptLimitMs?: number;
  /** Applications that scripts or plug-ins must confirm as quiet. Default none. */
  readonly applications?: readonly string[];
  /** After this time the guest writes again, whatever happens to us. Default 10 000. */
  readonly leaseMs?: number;
  /** For one connection with its login. Default 15 000. */
  readonly connectTimeoutMs?: number;
  /** Between two signs of life of the connection; after three without answer it counts as broken. Default 5000. */
  readonly keepaliveMs?: number;
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
    port: settings.port ?? 22,
    username: settings.username ?? 'root',
    login: settings.login,
    trust: settings.trust,
    sudo: settings.sudo ?? false,
    helperPath: settings.helperPath ?? '/usr/local/sbin/snaphook-freeze',
    scriptsDirectory: 'scriptsDirectory' in settings ? settings.scriptsDirectory : '/etc/snaphook/scripts.d',
    scriptLimitMs: settings.scriptLimitMs ?? 30_000,
    applications: settings.applications ?? [],
    leaseMs: settings.leaseMs ?? 10_000,
    connectTimeoutMs: settings.connectTimeoutMs ?? 15_000,
    keepaliveMs: settings.keepaliveMs ?? 5000,
    helperStartTimeoutMs: settings.helperStartTimeoutMs ?? 30_000,
    thawResendMs: settings.thawResendMs ?? 1000,
    thawPatienceMs: settings.thawPatienceMs ?? 3000,
    closeTimeoutMs: settings.closeTimeoutMs ?? 10_000,
  };
}

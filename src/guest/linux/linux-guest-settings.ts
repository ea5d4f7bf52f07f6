import { GUEST_OPERATIONS_WAITS } from '../guest-operations-waits.ts';
import type { SshSettings } from '../ssh/ssh-connector.ts';

/** How the freeze helper is started in a Linux guest and what is asked of it, whatever the way to it. */
interface HelperOptions {
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
  /** After this time the guest writes again, whatever happens to us. Default 10 000; by guest operations 20 000. */
  readonly leaseMs?: number;
  /** From its start to its first line. Default 30 000. */
  readonly helperStartTimeoutMs?: number;
  /** A thaw that nobody confirmed is sent again after this time. Default 1000; by guest operations 3000. */
  readonly thawResendMs?: number;
  /** After this time without confirmation the release goes another way as well. Default 3000; by guest operations 6000. */
  readonly thawPatienceMs?: number;
  /** For the last words of a helper and for its end, once its scripts are through. Default 2000; by guest operations 10 000. */
  readonly answerLimitMs?: number;
  /** For ending helper and session. Default 10 000; by guest operations 30 000. */
  readonly closeTimeoutMs?: number;
}

/** How to reach one Linux guest by SSH and how to freeze it. */
export interface LinuxGuestSettings extends HelperOptions, Omit<SshSettings, 'username'> {
  /** Default `root`. */
  readonly username?: string;
}

/** How to reach one Linux guest by VMware Tools and how to freeze it. */
export interface LinuxGuestOperationsSettings extends HelperOptions {
  /** Default `root`. */
  readonly username?: string;
  /** Resolved as late as possible, once for each session with the guest. */
  readonly password: () => Promise<string>;
  /** Folder in memory (tmpfs) where the helper's input and output lie. Default `/dev/shm`. */
  readonly memoryFolder?: string;
}

/** What the helper and the messages about it need. */
export interface HelperSettings extends Required<Omit<HelperOptions, 'scriptsDirectory'>> {
  readonly scriptsDirectory: string | undefined;
  readonly username: string;
}

type Waits = Pick<HelperSettings, 'leaseMs' | 'thawResendMs' | 'thawPatienceMs' | 'answerLimitMs' | 'closeTimeoutMs'>;

const SSH_WAITS: Waits = {
  leaseMs: 10_000,
  thawResendMs: 1000,
  thawPatienceMs: 3000,
  answerLimitMs: 2000,
  closeTimeoutMs: 10_000,
};

const BY_GUEST_OPERATIONS: Waits = { ...GUEST_OPERATIONS_WAITS, leaseMs: 20_000, answerLimitMs: 10_000 };

export const sshHelperSettings = (settings: LinuxGuestSettings): HelperSettings => resolveHelper(settings, SSH_WAITS);

export const guestOperationsHelperSettings = (settings: LinuxGuestOperationsSettings): HelperSettings =>
  resolveHelper(settings, BY_GUEST_OPERATIONS);

function resolveHelper(settings: HelperOptions & { readonly username?: string }, waits: Waits): HelperSettings {
  return {
    username: settings.username ?? 'root',
    sudo: settings.sudo ?? false,
    helperPath: settings.helperPath ?? '/usr/local/sbin/snaphook-freeze',
    scriptsDirectory: 'scriptsDirectory' in settings ? settings.scriptsDirectory : '/etc/snaphook/scripts.d',
    scriptLimitMs: settings.scriptLimitMs ?? 30_000,
    applications: settings.applications ?? [],
    leaseMs: settings.leaseMs ?? waits.leaseMs,
    helperStartTimeoutMs: settings.helperStartTimeoutMs ?? 30_000,
    thawResendMs: settings.thawResendMs ?? waits.thawResendMs,
    thawPatienceMs: settings.thawPatienceMs ?? waits.thawPatienceMs,
    answerLimitMs: settings.answerLimitMs ?? waits.answerLimitMs,
    closeTimeoutMs: settings.closeTimeoutMs ?? waits.closeTimeoutMs,
  };
}

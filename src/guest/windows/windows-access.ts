import type { HelperFacts } from './helper-facts.ts';
import type { HelperTransport } from './helper-transport.ts';
import type { WindowsCommands } from './windows-commands.ts';

/**
 * One way into a Windows guest. Made anew for each session: secrets are resolved with its first connection and kept for its
 * time, and after a refused login it tries no second one, so that no account is locked.
 */
export interface WindowsAccess {
  /** For messages, such as `https://10.0.0.7:5986/wsman`. */
  readonly endpoint: string;
  /** For messages. */
  readonly username: string;
  openHelper(facts: HelperFacts): HelperTransport;
  openCommands(signal: AbortSignal): Promise<WindowsCommands>;
  /**
   * Ends what a crashed run left in the guest; `resume` is what the transport gave its `onSession`. `ended`: there may have been a
   * helper, and it is gone now. `released`: the same, and it said itself that it let go. `none`: the session never came as far as a helper.
   */
  endLeftover(resume: Readonly<Record<string, string>>, signal: AbortSignal): Promise<'ended' | 'released' | 'none'>;
  /** Where this way takes longer than a network does; the settings of a guest go before. */
  readonly waits?: {
    readonly thawResendMs: number;
    readonly thawPatienceMs: number;
    readonly closeTimeoutMs: number;
  };
}

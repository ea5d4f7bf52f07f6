import type { Clock } from '../../ports/clock.ts';
import { SSH_PORT, type SshSettings, sshConnector } from '../ssh/ssh-connector.ts';
import { openSshCommands } from './ssh-commands.ts';
import { endHelper, SshHelperChannel } from './ssh-helper-channel.ts';
import type { WindowsAccess } from './windows-access.ts';

/** A Windows guest over its OpenSSH server. `resume` records hold `helperPath` and `process`. */
export function sshAccess(settings: SshSettings, clock: Clock): WindowsAccess {
  const connect = sshConnector(settings, clock);
  return {
    endpoint: `ssh://${settings.address}:${settings.port ?? SSH_PORT}`,
    username: settings.username,
    openHelper: (facts) => new SshHelperChannel(connect, clock, facts),
    openCommands: (signal) => openSshCommands(connect, signal),
    async endLeftover({ helperPath, process }, signal) {
      if (helperPath === undefined || process === undefined) return 'none';
      const commands = await openSshCommands(connect, signal);
      try {
        await endHelper(commands, { helperPath, process }, signal);
      } finally {
        await commands.close();
      }
      return 'ended';
    },
  };
}

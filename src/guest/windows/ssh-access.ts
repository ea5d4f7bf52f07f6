import type { Clock } from '../../ports/clock.ts';
import { SSH_PORT, type SshConnect, type SshSettings, sshConnector } from '../ssh/ssh-connector.ts';
import { SshError } from '../ssh/ssh-error.ts';
import { AccountLogins } from './account-logins.ts';
import { openSshCommands } from './ssh-commands.ts';
import { endHelper, SshHelperChannel } from './ssh-helper-channel.ts';
import type { WindowsAccess } from './windows-access.ts';

/** A Windows guest over its OpenSSH server. `resume` records hold `helperPath` and `process`. `logins`: those of all guests of the process. */
export function sshAccess(settings: SshSettings, clock: Clock, logins = new AccountLogins()): WindowsAccess {
  const connect = connector(settings, clock, logins);
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

/** A refused key locks no account. */
function connector(settings: SshSettings, clock: Clock, logins: AccountLogins): SshConnect {
  const connect = sshConnector(settings, clock);
  if (settings.login.kind !== 'password') return connect;
  const isRefusal = (thrown: unknown) => thrown instanceof SshError && thrown.problem.kind === 'login';
  const notTried = (reason: string) => new SshError({ kind: 'login', reason });
  return (signal) => logins.login(settings.username, { attempt: () => connect(signal), isRefusal, notTried });
}

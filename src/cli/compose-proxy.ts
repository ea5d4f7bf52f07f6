import type { Config } from '../config/schema.ts';
import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { FileSystems } from '../ports/file-systems.ts';
import type { BackupProxy } from '../ports/proxy.ts';
import { createLinuxFileSystems } from '../proxy/linux/linux-file-systems.ts';
import { createLinuxProxy } from '../proxy/linux/linux-proxy.ts';
import { createPowerShell } from '../proxy/windows/powershell-session.ts';
import { disksOf, OFFLINE_REASON, requireElevated, SeenDevices, sanPolicy } from '../proxy/windows/windows-disks.ts';
import { createWindowsFileSystems } from '../proxy/windows/windows-file-systems.ts';
import { createWindowsProxy } from '../proxy/windows/windows-proxy.ts';

/** This machine as proxy: a Windows one on Windows, or where a PowerShell is configured. */
export function composeProxy(
  { proxy }: Pick<Config, 'proxy'>,
  clock: Clock,
): { readonly proxy: BackupProxy; readonly fileSystems: FileSystems } {
  const program = powerShellOf({ proxy });
  if (program === undefined) {
    return {
      proxy: createLinuxProxy({ byIdFolder: proxy.devices, clock }),
      fileSystems: createLinuxFileSystems(clock, proxy.mountNamespace),
    };
  }
  const shell = createPowerShell(program);
  const seen = new SeenDevices();
  return { proxy: createWindowsProxy(shell, clock, seen), fileSystems: createWindowsFileSystems(shell, clock, seen) };
}

/** Windows PowerShell by its place in the system: never by the PATH, in which anybody may have put another. */
function powerShellOf({ proxy }: Pick<Config, 'proxy'>): string | undefined {
  if (proxy.powershell !== undefined) return proxy.powershell;
  if (process.platform !== 'win32') return undefined;
  return `${process.env.SystemRoot ?? 'C:\\Windows'}\\System32\\WindowsPowerShell\\v1.0\\powershell.exe`;
}

/** What a person should know of this machine as proxy. Errors: of what makes it unfit or dangerous. */
export async function checkProxy(config: Config, proxy: BackupProxy, signal: AbortSignal): Promise<string> {
  const program = powerShellOf(config);
  if (program === undefined) {
    await proxy.visible([], signal);
    return `devices appear in ${config.proxy.devices}`;
  }
  const shell = createPowerShell(program);
  await requireElevated(shell, signal);
  const policy = await sanPolicy(shell, signal);
  if (policy === 'OnlineAll') {
    throw new SnaphookError(
      'E_PROXY',
      'the SAN policy of this machine is "OnlineAll": Windows writes to what it sees',
      {
        hint: 'Set-StorageSetting -NewDiskPolicy OfflineShared',
      },
    );
  }
  const disks = await disksOf(shell, signal);
  if (disks.some(({ OfflineReason }) => OfflineReason === OFFLINE_REASON.redundantPath)) {
    throw new SnaphookError('E_PROXY', 'Windows takes each path of a device for a disk of its own', {
      hint: 'Install the feature Multipath-IO and let it claim the array, then restart the proxy.',
    });
  }
  const colliding = disks.filter(({ OfflineReason }) => OfflineReason === OFFLINE_REASON.collision).length;
  const collisions = colliding === 0 ? '' : `; ${colliding} disk(s) offline because their signature is taken`;
  return `Windows, ${disks.length} disk(s), SAN policy ${policy}${collisions}`;
}

import type { GuestConfig } from '../config/schema.ts';
import { resolveSecret } from '../config/secrets.ts';
import { createLinuxGuests } from '../guest/linux/linux-guest.ts';
import type { LinuxGuestSettings } from '../guest/linux/linux-guest-settings.ts';
import type { SshLogin, SshSettings } from '../guest/ssh/ssh-connector.ts';
import { sshAccess } from '../guest/windows/ssh-access.ts';
import { createWindowsGuests } from '../guest/windows/windows-guest.ts';
import type { WindowsGuestSettings } from '../guest/windows/windows-guest-settings.ts';
import { type WinRmSettings, winRmAccess } from '../guest/windows/winrm-access.ts';
import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { Guests } from '../ports/guest.ts';
import { matchesName } from '../ports/name-pattern.ts';
import { readTrusted, trust } from './compose-trust.ts';

type Vm = Parameters<Guests['open']>[0];
type WinRm = NonNullable<GuestConfig['winrm']>;
type Ssh = NonNullable<GuestConfig['ssh']>;
type WindowsSsh = Extract<Ssh, { os: 'windows' }>;
type LinuxSsh = Exclude<Ssh, WindowsSsh>;

/** One set of guests over all adapters: the settings of a VM say which one it is for. */
export function composeGuests(guests: readonly GuestConfig[], clock: Clock): Guests {
  const windows = createWindowsGuests({
    clock,
    settingsFor: (vm) => settingsOf(guests, vm, (guest, address) => windowsSettings(guest, address, clock)),
  });
  const linux = createLinuxGuests({
    clock,
    settingsFor: (vm) =>
      settingsOf(guests, vm, ({ ssh }, address) =>
        ssh && ssh.os !== 'windows' ? linuxSettings(ssh, address) : undefined,
      ),
  });
  const adapterFor = (vm: Vm): Guests => {
    if (linux.strategyFor(vm)) return linux;
    if (windows.strategyFor(vm)) return windows;
    throw new SnaphookError('E_CONFIG', `there are no guest settings for VM "${vm.name}"`, {
      hint: 'Add the guest under `guests:` with `winrm` or `ssh`, or choose freeze: none for the job.',
    });
  };
  return {
    strategyFor: (vm) => linux.strategyFor(vm) ?? windows.strategyFor(vm),
    open: (vm) => adapterFor(vm).open(vm),
    closeLeftover: async (vm, session, signal) => await adapterFor(vm).closeLeftover(vm, session, signal),
  };
}

/** How the configuration says that a guest is reached and recognised; for people. */
export interface GuestAccess {
  readonly kind: 'winrm' | 'ssh';
  readonly endpoint: string;
  readonly username: string;
  /** What says that it is the right guest; undefined for WinRM over http, where only the password does. */
  readonly trustedBy: string | undefined;
}

/** Undefined when there are no settings for the VM, or no address. */
export const guestAccess = (guests: readonly GuestConfig[], vm: Vm): GuestAccess | undefined =>
  settingsOf(guests, vm, ({ winrm, ssh }, address) => {
    if (winrm) return windowsAccess(winrm, address);
    return (
      ssh && {
        kind: 'ssh',
        endpoint: `ssh://${address}:${ssh.port}`,
        username: ssh.username,
        trustedBy: ssh.knownHosts === undefined ? 'pinned host key' : `known_hosts file ${ssh.knownHosts}`,
      }
    );
  });

function windowsAccess(winrm: WinRm, address: string): GuestAccess {
  const { transport, username, tls } = winrm;
  const authority = tls?.caFile === undefined ? 'authorities of this system' : `authority in ${tls.caFile}`;
  const certificate = tls?.fingerprint256 === undefined ? authority : 'pinned certificate';
  const trustedBy = transport === 'https' ? certificate : undefined;
  return { kind: 'winrm', endpoint: `${transport}://${address}:${portOf(winrm)}/wsman`, username, trustedBy };
}

const portOf = ({ port, transport }: WinRm): number => port ?? (transport === 'https' ? 5986 : 5985);

/** From the first settings whose patterns match the VM's name; undefined when they are of the other kind. */
function settingsOf<Settings>(
  guests: readonly GuestConfig[],
  { name, address: reported }: Vm,
  settings: (guest: GuestConfig, address: string) => Settings | undefined,
): Settings | undefined {
  const guest = guests.find(({ vms }) => vms.some((pattern) => matchesName(pattern, name)));
  const address = guest?.address ?? reported;
  return guest && address !== undefined ? settings(guest, address) : undefined;
}

function windowsSettings({ winrm, ssh }: GuestConfig, address: string, clock: Clock): WindowsGuestSettings | undefined {
  if (winrm) return { access: winRmAccess(winRmSettings(winrm, address), clock), helperPath: winrm.helperPath };
  if (ssh?.os !== 'windows') return undefined;
  return { access: sshAccess(sshSettings(ssh, address), clock), helperPath: ssh.helperPath };
}

function winRmSettings(winrm: WinRm, address: string): WinRmSettings {
  return {
    address,
    port: portOf(winrm),
    scheme: winrm.transport,
    authentication: winrm.authentication,
    username: winrm.username,
    password: () => resolveSecret(winrm.password),
    tls: trust(winrm.tls),
  };
}

function sshSettings(ssh: Ssh, address: string): SshSettings {
  return {
    address,
    port: ssh.port,
    username: ssh.username,
    login: loginOf(ssh),
    trust: () => hostTrust(ssh),
  };
}

function linuxSettings(ssh: LinuxSsh, address: string): LinuxGuestSettings {
  return {
    ...sshSettings(ssh, address),
    sudo: ssh.sudo,
    helperPath: ssh.helperPath,
    scriptsDirectory: ssh.scriptsDirectory,
    scriptLimitMs: ssh.scriptSeconds * 1000,
    applications: ssh.applications,
    leaseMs: ssh.leaseSeconds * 1000,
  };
}

function loginOf({ privateKey, passphrase, password }: Ssh): SshLogin {
  if (privateKey === undefined) return { kind: 'password', password: () => resolveSecret(password ?? '') };
  return {
    kind: 'key',
    privateKey: () => resolveSecret(privateKey),
    ...(passphrase === undefined ? {} : { passphrase: () => resolveSecret(passphrase) }),
  };
}

function hostTrust({ hostKeys, knownHosts }: Ssh): ReturnType<LinuxGuestSettings['trust']> {
  if (knownHosts === undefined) return { kind: 'fingerprints', fingerprints: hostKeys ?? [] };
  return { kind: 'known-hosts', text: readTrusted(knownHosts, 'known_hosts file', 'Check `ssh.knownHosts`.') };
}

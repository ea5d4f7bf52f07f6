import type { GuestConfig } from '../config/schema.ts';
import { resolveSecret } from '../config/secrets.ts';
import { createLinuxGuests, createLinuxGuestsByGuestOperations } from '../guest/linux/linux-guest.ts';
import type { LinuxGuestOperationsSettings, LinuxGuestSettings } from '../guest/linux/linux-guest-settings.ts';
import type { SshLogin, SshSettings } from '../guest/ssh/ssh-connector.ts';
import { AccountLogins } from '../guest/windows/account-logins.ts';
import { GUEST_OPERATIONS_ENDPOINT, guestOperationsAccess } from '../guest/windows/guest-operations/access.ts';
import { sshAccess } from '../guest/windows/ssh-access.ts';
import { createWindowsGuests } from '../guest/windows/windows-guest.ts';
import type { WindowsGuestSettings } from '../guest/windows/windows-guest-settings.ts';
import { createWindowsHelper } from '../guest/windows/windows-helper.ts';
import { KeytabLogins } from '../guest/windows/winrm/kerberos/keytab-logins.ts';
import { type WinRmSettings, winRmAccess } from '../guest/windows/winrm-access.ts';
import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { Guests, GuestVm } from '../ports/guest.ts';
import type { GuestHelper } from '../ports/guest-helper.ts';
import type { GuestOperationsServer } from '../ports/guest-operations.ts';
import { matchesName } from '../ports/name-pattern.ts';
import { readTrusted, trust } from './compose-trust.ts';
import { winRmAccount, winRmLogin } from './compose-winrm.ts';

type WinRm = NonNullable<GuestConfig['winrm']>;
type Ssh = NonNullable<GuestConfig['ssh']>;
type WindowsSsh = Extract<Ssh, { os: 'windows' }>;
type LinuxSsh = Exclude<Ssh, WindowsSsh>;
type GuestOperationsConfig = NonNullable<GuestConfig['guestOperations']>;
type WindowsGuestOperations = Extract<GuestOperationsConfig, { os: 'windows' }>;
type LinuxGuestOperations = Exclude<GuestOperationsConfig, WindowsGuestOperations>;

/** What guests of one process share of their accounts. */
interface Accounts {
  readonly passwords: AccountLogins;
  readonly keytabs: KeytabLogins;
}

const accountsOfProcess = (): Accounts => ({ passwords: new AccountLogins(), keytabs: new KeytabLogins() });

/** One set of guests over all adapters: the settings of a VM say which one it is for. */
export function composeGuests(guests: readonly GuestConfig[], clock: Clock, server: GuestOperationsServer): Guests {
  const logins = accountsOfProcess();
  const windows = createWindowsGuests({
    clock,
    settingsFor: (vm) => windowsSettings(guests, vm, { clock, logins, server }),
  });
  const linux = createLinuxGuests({
    clock,
    settingsFor: (vm) =>
      settingsOf(guests, vm, ({ ssh }, address) =>
        ssh && ssh.os !== 'windows' ? linuxSettings(ssh, address) : undefined,
      ),
  });
  const byGuestOperations = createLinuxGuestsByGuestOperations({
    clock,
    server,
    settingsFor: (vm) => {
      const settings = guestOf(guests, vm)?.guestOperations;
      return settings && settings.os !== 'windows' ? guestOperationsSettings(settings) : undefined;
    },
  });
  const adapters = [linux, windows, byGuestOperations];
  const adapterFor = (vm: GuestVm): Guests => {
    const adapter = adapters.find((one) => one.waysFor(vm).length > 0);
    if (adapter) return adapter;
    throw new SnaphookError('E_CONFIG', `there are no guest settings for VM "${vm.name}"`, {
      hint: 'Add the guest under `guests:` with `winrm`, `ssh` or `guestOperations`, or choose freeze: none for the job.',
    });
  };
  return {
    waysFor: (vm) => adapters.map((adapter) => adapter.waysFor(vm)).find((ways) => ways.length > 0) ?? [],
    open: (vm, way) => adapterFor(vm).open(vm, way),
    endBackup: async (vm, backup, signal) => {
      const { endBackup } = adapterFor(vm);
      if (endBackup) return await endBackup(vm, backup, signal);
      throw new SnaphookError(
        'E_CONFIG',
        `VM "${vm.name}" waits for the end of a full backup, but is configured otherwise now`,
        {
          hint: 'Give it back its settings for Windows under `guests:` until the run is cleaned up.',
        },
      );
    },
    closeLeftover: async (vm, session, signal) => await adapterFor(vm).closeLeftover(vm, session, signal),
    close: () => server.close(),
  };
}

/** The helper of a Windows guest; undefined when the settings of the VM are not of one, or no address is known that they need. */
export function composeGuestHelper(
  guests: readonly GuestConfig[],
  vm: GuestVm,
  clock: Clock,
  server: GuestOperationsServer,
): GuestHelper | undefined {
  const settings = windowsSettings(guests, vm, { clock, logins: accountsOfProcess(), server });
  return settings && createWindowsHelper(vm.name, settings);
}

/** How the configuration says that a guest is reached and recognised; for people. */
export interface GuestAccess {
  readonly kind: 'winrm' | 'ssh' | 'guestOperations';
  readonly os: 'windows' | 'linux';
  readonly endpoint: string;
  readonly username: string;
  /** What says that it is the right guest; undefined for WinRM over http by password, where only that does. */
  readonly trustedBy: string | undefined;
}

/** Undefined when there are no settings for the VM, or no address that they need. */
export function guestAccess(guests: readonly GuestConfig[], vm: GuestVm): GuestAccess | undefined {
  const settings = guestOf(guests, vm)?.guestOperations;
  if (settings) {
    const { os = 'linux', username } = settings;
    return { kind: 'guestOperations', os, endpoint: GUEST_OPERATIONS_ENDPOINT, username, trustedBy: 'vCenter' };
  }
  return accessByNetwork(guests, vm);
}

const accessByNetwork = (guests: readonly GuestConfig[], vm: GuestVm): GuestAccess | undefined =>
  settingsOf(guests, vm, ({ winrm, ssh }, address) => {
    if (winrm) return winRmWay(winrm, address);
    return (
      ssh && {
        kind: 'ssh',
        os: ssh.os ?? 'linux',
        endpoint: `ssh://${address}:${ssh.port}`,
        username: ssh.username,
        trustedBy: ssh.knownHosts === undefined ? 'pinned host key' : `known_hosts file ${ssh.knownHosts}`,
      }
    );
  });

function winRmWay(winrm: WinRm, address: string): GuestAccess {
  const { transport, tls } = winrm;
  const authority = tls?.caFile === undefined ? 'authorities of this system' : `authority in ${tls.caFile}`;
  const certificate = tls?.fingerprint256 === undefined ? authority : 'pinned certificate';
  const proof = winrm.authentication === 'kerberos' ? 'its proof to Kerberos' : undefined;
  const trustedBy = transport === 'https' ? certificate : proof;
  return {
    kind: 'winrm',
    os: 'windows',
    endpoint: `${transport}://${address}:${portOf(winrm)}/wsman`,
    username: winRmAccount(winrm),
    trustedBy,
  };
}

const portOf = ({ port, transport }: WinRm): number => port ?? (transport === 'https' ? 5986 : 5985);

/** The first settings whose patterns match the VM's name. */
const guestOf = (guests: readonly GuestConfig[], { name }: GuestVm): GuestConfig | undefined =>
  guests.find(({ vms }) => vms.some((pattern) => matchesName(pattern, name)));

/** From those settings; undefined when they are of another kind, or no address is known. */
function settingsOf<Settings>(
  guests: readonly GuestConfig[],
  vm: GuestVm,
  settings: (guest: GuestConfig, address: string) => Settings | undefined,
): Settings | undefined {
  const guest = guestOf(guests, vm);
  const address = guest?.address ?? vm.address;
  return guest && address !== undefined ? settings(guest, address) : undefined;
}

/** What the ways into guests share. */
interface Ways {
  readonly clock: Clock;
  readonly logins: Accounts;
  readonly server: GuestOperationsServer;
}

function windowsSettings(guests: readonly GuestConfig[], vm: GuestVm, ways: Ways): WindowsGuestSettings | undefined {
  const guest = guestOf(guests, vm);
  const found = guest && (windowsByGuestOperations(guest, vm, ways) ?? windowsByNetwork(guests, vm, ways));
  return found && { ...found, strategy: guest.strategy === 'auto' ? undefined : guest.strategy };
}

function windowsByGuestOperations(
  { guestOperations }: GuestConfig,
  { name, moRef }: GuestVm,
  { clock, logins, server }: Ways,
): WindowsGuestSettings | undefined {
  if (guestOperations?.os !== 'windows' || moRef === undefined) return undefined;
  const { username, password } = guestOperations;
  const settings = { server, vm: { name, moRef }, username, password: () => resolveSecret(password) };
  return { access: guestOperationsAccess(settings, clock, logins.passwords), ...vssOf(guestOperations) };
}

const windowsByNetwork = (
  guests: readonly GuestConfig[],
  vm: GuestVm,
  { clock, logins }: Ways,
): WindowsGuestSettings | undefined =>
  settingsOf(guests, vm, ({ winrm, ssh }, address) => {
    if (winrm) {
      const settings = winRmSettings(winrm, address, clock, logins.keytabs);
      return { access: winRmAccess(settings, clock, logins.passwords), ...vssOf(winrm) };
    }
    if (ssh?.os !== 'windows') return undefined;
    return { access: sshAccess(sshSettings(ssh, address), clock, logins.passwords), ...vssOf(ssh) };
  });

function winRmSettings(winrm: WinRm, address: string, clock: Clock, keytabs: KeytabLogins): WinRmSettings {
  return {
    address,
    port: portOf(winrm),
    scheme: winrm.transport,
    tls: trust(winrm.tls),
    ...winRmLogin(winrm, address, clock, keytabs),
  };
}

/** How VSS freezes it, whatever the way in. */
function vssOf(settings: WinRm | WindowsSsh | WindowsGuestOperations): Omit<WindowsGuestSettings, 'access'> {
  const { helperPath, backupType, hold, holdSeconds, requiredWriters, excludedWriters } = settings;
  const { scriptSeconds, applications } = settings;
  return {
    helperPath,
    backupType,
    hold: hold === 'auto' ? undefined : hold,
    ...(holdSeconds !== undefined && { holdMs: holdSeconds * 1000 }),
    ...(requiredWriters && { requiredWriters }),
    excludedWriters: excludedWriters.map((id) => id.toLowerCase()),
    scriptLimitMs: scriptSeconds * 1000,
    applications,
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
    ...freezeHelperSettings(ssh),
  };
}

function guestOperationsSettings(settings: LinuxGuestOperations): LinuxGuestOperationsSettings {
  return {
    username: settings.username,
    password: () => resolveSecret(settings.password),
    memoryFolder: settings.memoryFolder,
    ...freezeHelperSettings(settings),
  };
}

const freezeHelperSettings = (settings: LinuxSsh | LinuxGuestOperations) => ({
  sudo: settings.sudo,
  helperPath: settings.helperPath,
  scriptsDirectory: settings.scriptsDirectory,
  scriptLimitMs: settings.scriptSeconds * 1000,
  applications: settings.applications,
  leaseMs: settings.leaseSeconds * 1000,
});

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

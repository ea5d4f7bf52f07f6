import ssh2 from 'ssh2';
import { createLinuxGuests } from '../../src/guest/linux/linux-guest.ts';
import type { LinuxGuestSettings } from '../../src/guest/linux/linux-guest-settings.ts';
import type { SshLogin } from '../../src/guest/ssh/ssh-connector.ts';
import { type LabLinuxGuest, type LinuxGuestOptions, startLinuxGuest } from '../../src/lab/linux-guest/linux-guest.ts';
import { EventLog } from '../../src/lab/world/events.ts';
import { FaultRules } from '../../src/lab/world/faults.ts';
import { Pace } from '../../src/lab/world/pace.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { memoryDevice } from '../lab/guest/memory-device.ts';
import type { GuestWorld } from './guest.ts';

export interface LinuxGuestWorld extends GuestWorld {
  readonly lab: LabLinuxGuest;
  readonly events: EventLog;
  readonly faults: FaultRules;
  /** Settings the adapter was given. */
  readonly settings: LinuxGuestSettings;
  /** Of every account of the guest. */
  readonly accounts: { readonly password: string };
  isFrozen(): boolean;
  sessionCount(): number;
  leftoverCount(): number;
  connectionCount(): number;
}

export interface WorldChanges {
  readonly settings?: Partial<LinuxGuestSettings>;
  readonly guest?: Partial<LinuxGuestOptions>;
}

const PASSWORD = 'p<ss&wörd "1"';
const PASSPHRASE = 'key "phrase"';
export const DISKS = ['6000c29a1b2c3d4e5f60718293a4b5c6', '6000c29b1b2c3d4e5f60718293a4b5c7'];

/** Made once: an encrypted key takes longer than most tests. */
let keys: ReturnType<typeof makeKeys> | undefined;
const makeKeys = () => ({
  plain: ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }),
  encrypted: ssh2.utils.generateKeyPairSync('ecdsa', {
    bits: 256,
    passphrase: PASSPHRASE,
    cipher: 'aes256-ctr',
    rounds: 4,
  }),
});

/** How the adapter of a world logs in, and the account that takes it. */
type LoginKind = 'password' | 'keyboard-interactive' | 'key' | 'encrypted-key';

/** The lab's Linux guest with two disks and no database, and the adapter pointed at it. */
export async function startLinuxGuestWorld(kind: LoginKind, changes: WorldChanges = {}): Promise<LinuxGuestWorld> {
  const events = new EventLog();
  const faults = new FaultRules(events);
  keys ??= makeKeys();
  const { plain, encrypted } = keys;
  const lab = await startLinuxGuest({
    name: 'pg01',
    events,
    faults,
    pace: new Pace(1),
    latency: { latencyMs: 0, jitterMs: 0 },
    passwordMethod: kind === 'keyboard-interactive' ? kind : 'password',
    users: [
      { name: 'root', password: PASSWORD, authorizedKeys: [plain.public, encrypted.public] },
      { name: 'backup', password: PASSWORD, sudo: true },
      { name: 'nobody', password: PASSWORD },
    ],
    disks: DISKS.map((uuid, index) => ({
      uuid,
      device: memoryDevice(4096),
      label: `disk ${index}`,
      mount: { mountPoint: ['/', '/data'][index] ?? '', fileSystem: ['ext4', 'xfs'][index] ?? '' },
    })),
    ...changes.guest,
  });
  const logins: Readonly<Record<LoginKind, SshLogin>> = {
    password: { kind: 'password', password: async () => PASSWORD },
    'keyboard-interactive': { kind: 'password', password: async () => PASSWORD },
    key: { kind: 'key', privateKey: async () => plain.private },
    'encrypted-key': {
      kind: 'key',
      privateKey: async () => encrypted.private,
      passphrase: async () => PASSPHRASE,
    },
  };
  const settings: LinuxGuestSettings = {
    address: '127.0.0.1',
    port: lab.port,
    login: logins[kind],
    trust: () => ({ kind: 'fingerprints', fingerprints: [lab.hostKeyFingerprint] }),
    leaseMs: 400,
    thawResendMs: 60,
    thawPatienceMs: 300,
    ...changes.settings,
  };
  const guests = createLinuxGuests({
    clock: systemClock,
    settingsFor: ({ name }) => (name === 'pg01' ? settings : undefined),
  });
  return {
    guests,
    vm: { name: 'pg01', address: '127.0.0.1' },
    diskUuids: DISKS,
    holdMs: 400,
    secrets: [PASSWORD, PASSPHRASE, plain.private],
    isFrozen: () => lab.isFrozen(),
    sessionCount: () => lab.sessionCount(),
    leftoverCount: () => lab.sessionCount(),
    connectionCount: () => events.events.filter(({ kind: event }) => event === 'connection').length,
    close: () => lab.close(),
    lab,
    events,
    faults,
    settings,
    accounts: { password: PASSWORD },
  };
}

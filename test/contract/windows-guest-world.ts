import { sshAccess } from '../../src/guest/windows/ssh-access.ts';
import type { WindowsAccess } from '../../src/guest/windows/windows-access.ts';
import { createWindowsGuests } from '../../src/guest/windows/windows-guest.ts';
import type { WindowsGuestSettings } from '../../src/guest/windows/windows-guest-settings.ts';
import { type WinRmSettings, winRmAccess } from '../../src/guest/windows/winrm-access.ts';
import type { WriterConfig } from '../../src/lab/windows-guest/vss-writers.ts';
import {
  type LabWindowsGuest,
  startWindowsGuest,
  type WinRmServiceConfig,
} from '../../src/lab/windows-guest/windows-guest.ts';
import { createAuthority, issueCertificate } from '../../src/lab/world/certificates.ts';
import { EventLog } from '../../src/lab/world/events.ts';
import { FaultRules } from '../../src/lab/world/faults.ts';
import { Pace } from '../../src/lab/world/pace.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { GuestWorld } from './guest.ts';

export interface WindowsGuestWorld extends GuestWorld {
  readonly lab: LabWindowsGuest;
  readonly events: EventLog;
  readonly faults: FaultRules;
  /** Settings the adapter was given. */
  readonly winrm: WinRmSettings;
  /** A new way in. */
  access(): WindowsAccess;
  isFrozen(): boolean;
  sessionCount(): number;
  leftoverCount(): number;
  connectionCount(): number;
}

export interface WorldChanges {
  readonly settings?: Partial<Omit<WindowsGuestSettings, 'access'>>;
  readonly winrm?: Partial<Extract<WinRmSettings, { readonly password: unknown }>>;
  /** The guest has OpenSSH Server with this DefaultShell, and the adapter reaches it by SSH. */
  readonly ssh?: 'cmd' | 'powershell';
  readonly sshPassword?: string;
  readonly service?: Partial<WinRmServiceConfig>;
  /** Mount points of the two disks. Default D: and E:. */
  readonly drives?: readonly [string, string];
  /** Absent: SqlServerWriter on both disks and one in-box writer. */
  readonly writers?: readonly WriterConfig[];
}

const PASSWORD = 'p<ss&wörd "1"';
const DISKS = ['6000c29a1b2c3d4e5f60718293a4b5c6', '6000c29b1b2c3d4e5f60718293a4b5c7'];

export const SQL_WRITER_ID = 'a65faa63-5ea8-4ebc-9dbd-a0c4db26912a';
const SQL_WRITER: WriterConfig = {
  id: SQL_WRITER_ID,
  name: 'SqlServerWriter',
  windowMs: 60_000,
  components: [{ logicalPath: 'SQL01\\app', mountPoints: ['D:\\', 'E:\\'] }],
  ownsApplication: false,
};
const BITS_WRITER: WriterConfig = {
  id: '4969d978-be47-48b0-b100-f328f07ac1e0',
  name: 'BITS Writer',
  windowMs: 60_000,
  components: [],
  ownsApplication: false,
};

const device = () => {
  const bytes = Buffer.alloc(4096);
  return {
    sizeBytes: bytes.length,
    read: (offsetBytes: number, lengthBytes: number) =>
      Buffer.from(bytes.subarray(offsetBytes, offsetBytes + lengthBytes)),
    write: (offsetBytes: number, data: Uint8Array) => bytes.set(data, offsetBytes),
  };
};

/** Made once: keys take longer than most tests. */
let trust: Promise<{ readonly ca: string; readonly tls: { readonly key: string; readonly cert: string } }> | undefined;

async function makeTrust() {
  const authority = await createAuthority();
  return { ca: authority.certificate, tls: await issueCertificate(authority, 'sql01.lab') };
}

/** The lab's Windows guest with two disks and no database, and the adapter pointed at it. */
export async function startWindowsGuestWorld(
  kind: 'ntlm-http' | 'ntlm-https' | 'basic-https',
  changes: WorldChanges = {},
): Promise<WindowsGuestWorld> {
  const events = new EventLog();
  const faults = new FaultRules(events);
  trust ??= makeTrust();
  const { ca, tls } = await trust;
  const lab = await startWindowsGuest({
    name: 'sql01',
    hostName: 'SQL01',
    events,
    faults,
    pace: new Pace(1),
    latency: { latencyMs: 0, jitterMs: 0 },
    tls,
    users: [{ name: 'backup', password: PASSWORD }],
    ...(changes.ssh && { ssh: { defaultShell: changes.ssh } }),
    service: { basic: true, ...changes.service },
    disks: DISKS.map((uuid, index) => ({
      uuid,
      device: device(),
      label: `disk ${index}`,
      volumes: [
        {
          mountPoint: (changes.drives ?? ['D:\\', 'E:\\'])[index] ?? '',
          guid: `00000000-0000-4000-8000-00000000000${index}`,
        },
      ],
    })),
    writers: changes.writers ?? [SQL_WRITER, BITS_WRITER],
  });
  lab.vss.holdLimitMs = changes.settings?.windowsHoldMs ?? (changes.settings?.holdMs ?? 400) + 100;
  const secure = kind !== 'ntlm-http';
  const winrm: WinRmSettings = {
    address: '127.0.0.1',
    port: secure ? lab.httpsPort : lab.httpPort,
    scheme: secure ? 'https' : 'http',
    authentication: kind === 'basic-https' ? 'basic' : 'ntlm',
    username: 'SQL01\\backup',
    password: async () => PASSWORD,
    tls: { ca },
    ...changes.winrm,
  };
  const settings = {
    holdMs: 400,
    windowsHoldMs: lab.vss.holdLimitMs,
    thawResendMs: 60,
    thawPatienceMs: 300,
    ...changes.settings,
  };
  const access = () => {
    if (!lab.ssh) return winRmAccess(winrm, systemClock);
    const { port, hostKeyFingerprint } = lab.ssh;
    return sshAccess(
      {
        address: '127.0.0.1',
        port,
        username: 'backup',
        login: { kind: 'password', password: async () => changes.sshPassword ?? PASSWORD },
        trust: () => ({ kind: 'fingerprints', fingerprints: [hostKeyFingerprint] }),
      },
      systemClock,
    );
  };
  const guests = createWindowsGuests({
    clock: systemClock,
    settingsFor: ({ name }) => (name === 'sql01' ? { ...settings, access: access() } : undefined),
  });
  const sessions = () => (lab.ssh ? lab.helperCount() : lab.shellCount());
  return {
    guests,
    vm: { name: 'sql01', address: '127.0.0.1' },
    diskUuids: DISKS,
    holdMs: 400,
    secrets: [PASSWORD, Buffer.from(PASSWORD).toString('base64')],
    isFrozen: () => lab.isFrozen(),
    sessionCount: sessions,
    leftoverCount: sessions,
    access,
    connectionCount: () => events.events.filter(({ kind: event }) => event === 'connection').length,
    close: () => lab.close(),
    lab,
    events,
    faults,
    winrm,
  };
}

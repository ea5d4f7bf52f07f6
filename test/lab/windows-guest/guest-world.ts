import {
  type LabWindowsGuest,
  startWindowsGuest,
  type WinRmServiceConfig,
} from '../../../src/lab/windows-guest/windows-guest.ts';
import { createAuthority, issueCertificate, type LabAuthority } from '../../../src/lab/world/certificates.ts';
import { EventLog } from '../../../src/lab/world/events.ts';
import { FaultRules } from '../../../src/lab/world/faults.ts';
import { Pace } from '../../../src/lab/world/pace.ts';
import { type MemoryDevice, memoryDevice } from '../guest/memory-device.ts';
import { basicExchange, HttpConnection, ShellClient } from './winrm-client.ts';

export const DATABASE_DISK = '6000c290000000000000000000000001';
export const JOURNAL_DISK = '6000c290000000000000000000000002';
export const USER = 'Administrator';
export const PASSWORD = 'Passw0rd!';

export interface GuestWorld {
  readonly guest: LabWindowsGuest;
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly authority: LabAuthority;
  readonly certificate: string;
  readonly database: MemoryDevice;
  readonly journal: MemoryDevice;
  readonly httpsUrl: string;
  readonly httpUrl: string;
  /** A new connection to a listener; it is closed with the world. */
  connect(url: string): HttpConnection;
  /** A shell client with Basic over HTTPS, on a connection of its own. */
  client(user?: string): ShellClient;
  close(): Promise<void>;
}

let authority: Promise<LabAuthority> | undefined;

export async function startGuestWorld(
  service: Partial<WinRmServiceConfig> = {},
  pace = 1,
  withDatabase = false,
): Promise<GuestWorld> {
  authority ??= createAuthority();
  const tls = await issueCertificate(await authority, 'sql01.lab');
  const events = new EventLog();
  const faults = new FaultRules(events);
  const database = memoryDevice(2 * 1024 * 1024);
  const journal = memoryDevice(1024 * 1024);
  const volume = (mountPoint: string, digit: string) => ({
    mountPoint,
    guid: `0a6f1a52-6f0b-4f57-a9a0-${digit.repeat(12)}`,
  });
  const guest = await startWindowsGuest({
    name: 'sql01',
    hostName: 'SQL01',
    events,
    faults,
    pace: new Pace(pace),
    latency: { latencyMs: 0, jitterMs: 0 },
    tls,
    users: [
      { name: USER, password: PASSWORD },
      { name: 'other', password: PASSWORD },
    ],
    service: { basic: true, ...service },
    disks: [
      { uuid: DATABASE_DISK, device: database, label: 'database', volumes: [volume('D:\\', '1')] },
      { uuid: JOURNAL_DISK, device: journal, label: 'journal', volumes: [volume('L:\\', '2')] },
    ],
    ...(withDatabase
      ? { database: { databaseDisk: DATABASE_DISK, journalDisk: JOURNAL_DISK, transferPauseMs: 0 } }
      : {}),
  });
  const { certificate } = await authority;
  const connections: HttpConnection[] = [];
  const httpsUrl = `https://localhost:${guest.httpsPort}/wsman`;
  const connect = (url: string) => {
    const connection = new HttpConnection(url, certificate);
    connections.push(connection);
    return connection;
  };
  return {
    guest,
    events,
    faults,
    authority: await authority,
    certificate: tls.cert,
    database,
    journal,
    httpsUrl,
    httpUrl: `http://localhost:${guest.httpPort}/wsman`,
    connect,
    client: (user = USER) => new ShellClient(basicExchange(connect(httpsUrl), user, PASSWORD)),
    close: async () => {
      for (const connection of connections) connection.destroy();
      await guest.close();
    },
  };
}

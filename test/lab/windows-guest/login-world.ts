import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { WinRmCredentials } from '../../../src/guest/windows/winrm/authentication.ts';
import { openConnection, type WinRmConnection } from '../../../src/guest/windows/winrm/connection.ts';
import { createShell, deleteShell, receiveOutput, startProgram } from '../../../src/guest/windows/winrm/shell.ts';
import { LabKerberosDomain } from '../../../src/lab/windows-guest/kerberos/lab-domain.ts';
import {
  type LabWindowsGuest,
  startWindowsGuest,
  type WindowsGuestOptions,
  type WinRmServiceConfig,
} from '../../../src/lab/windows-guest/windows-guest.ts';
import { createAuthority, issueCertificate, type LabAuthority } from '../../../src/lab/world/certificates.ts';
import { EventLog } from '../../../src/lab/world/events.ts';
import { FaultRules } from '../../../src/lab/world/faults.ts';
import { Pace } from '../../../src/lab/world/pace.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { memoryDevice } from '../guest/memory-device.ts';

export const DISK = '6000c290000000000000000000000001';
export const PASSWORD = 'p<ss&wörd "1"';
export const SERVICE = 'HTTP/localhost';
export const MAPPED_NAME = 'backup.clients.lab';

/** A guest in a domain, which knows a certificate too, and this project's client. */
export interface LoginWorld {
  readonly guest: LabWindowsGuest;
  readonly domain: LabKerberosDomain;
  readonly authority: LabAuthority;
  readonly events: EventLog;
  /** Moved to make its clock differ from the client's. */
  guestClockOffsetMs: number;
  connect(scheme: 'https' | 'http', credentials: WinRmCredentials, host?: string): Promise<WinRmConnection>;
  /** Writes a file that is removed with the world. */
  file(name: string, content: Buffer): string;
  /** Reasons for which the guest refused log-ons. */
  refusals(): readonly string[];
  close(): Promise<void>;
}

export async function startLoginWorld(
  service: Partial<WinRmServiceConfig> = {},
  changes: Pick<WindowsGuestOptions, 'programs'> & { readonly maxTls?: 'TLSv1.2' } = {},
): Promise<LoginWorld> {
  const folder = mkdtempSync(path.join(tmpdir(), 'logins-'));
  const authority = await createAuthority();
  const domain = new LabKerberosDomain('LAB.EXAMPLE');
  const events = new EventLog();
  const guest = await startWindowsGuest({
    name: 'sql01',
    hostName: 'SQL01',
    events,
    faults: new FaultRules(events),
    pace: new Pace(1),
    latency: { latencyMs: 0, jitterMs: 0 },
    tls: { ...(await issueCertificate(authority, 'sql01.lab')), maxVersion: changes.maxTls },
    users: [
      { name: 'backup', domain: 'LAB', password: 'not used' },
      { name: 'localbackup', password: 'not used' },
      { name: 'backup', password: PASSWORD },
    ],
    service: { certificate: true, strictChannelBinding: true, ...service },
    kerberos: { domain, service: SERVICE, now: () => new Date(Date.now() + world.guestClockOffsetMs) },
    clientCertificates: {
      authority: authority.certificate,
      mappings: [
        {
          issuerThumbprint: new X509Certificate(authority.certificate).fingerprint,
          subject: MAPPED_NAME,
          user: 'localbackup',
        },
      ],
    },
    ...(changes.programs ? { programs: changes.programs } : {}),
    disks: [
      {
        uuid: DISK,
        device: memoryDevice(4096),
        label: 'data',
        volumes: [{ mountPoint: 'D:\\', guid: '00000000-0000-4000-8000-000000000001' }],
      },
    ],
  });
  const world: LoginWorld = {
    guest,
    domain,
    authority,
    events,
    guestClockOffsetMs: 0,
    connect: (scheme, credentials, host = 'localhost') => {
      const port = scheme === 'https' ? guest.httpsPort : guest.httpPort;
      const endpoint = { address: host, port, scheme, tls: { ca: authority.certificate }, connectTimeoutMs: 10_000 };
      return openConnection(endpoint, credentials, systemClock);
    },
    file: (name, content) => {
      const file = path.join(folder, name);
      writeFileSync(file, content, { mode: 0o600 });
      return file;
    },
    refusals: () =>
      events.events.flatMap(({ operation, detail }) =>
        operation === 'log-on refused' ? [String(detail?.reason ?? '')] : [],
      ),
    close: async () => {
      await guest.close();
      rmSync(folder, { recursive: true });
    },
  };
  return world;
}

/** Who the guest says that the connection is. */
export async function whoami(connection: WinRmConnection): Promise<string> {
  const limits = { operationTimeoutMs: 10_000 };
  try {
    const shellId = await createShell(connection, 60_000, limits);
    const commandId = await startProgram(connection, shellId, { path: 'whoami.exe', arguments: [] }, limits);
    let said = '';
    for (let state = 'running'; state === 'running'; ) {
      const output = await receiveOutput(connection, { shellId, commandId }, limits);
      said += output.stdout.toString('utf8');
      state = output.state.kind;
    }
    await deleteShell(connection, shellId, limits);
    return said.trim();
  } finally {
    connection.close();
  }
}

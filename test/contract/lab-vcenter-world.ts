import https from 'node:https';
import { startVcenter } from '../../src/lab/vcenter/vcenter.ts';
import { createAuthority, issueCertificate } from '../../src/lab/world/certificates.ts';
import { EventLog } from '../../src/lab/world/events.ts';
import { FaultRules } from '../../src/lab/world/faults.ts';
import { Pace } from '../../src/lab/world/pace.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { escapeXml } from '../../src/platform/xml.ts';
import type { Hypervisor } from '../../src/ports/hypervisor.ts';
import { createVsphere, type VsphereOptions } from '../../src/vsphere/vsphere.ts';
import { labInventory } from './lab-vcenter-inventory.ts';

const BACKUP = { name: 'backup@vsphere.local', password: 'Blue <Sky> & "Co"', privileges: 'all' } as const;
const GUEST = { name: 'guest@vsphere.local', password: 'guest', privileges: [] } as const;
const READER = { name: 'reader@vsphere.local', password: 'reader', privileges: ['System.Read'] } as const;
const ADMIN = { name: 'administrator@vsphere.local', password: 'admin', privileges: 'all' } as const;

export interface LabVcenterWorld {
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly vcenter: Awaited<ReturnType<typeof startVcenter>>;
  connect(changes?: Partial<VsphereOptions>): Hypervisor;
  /** As the user who may only see that things exist. */
  readonly guest: Partial<VsphereOptions>;
  /** As the user who may read the inventory, and no file of a datastore. */
  readonly reader: Partial<VsphereOptions>;
  /** Ends every other session the way an administrator does. */
  terminateSessions(): Promise<void>;
  /** Operations that reached the server since the last call of this. */
  takeOperations(): readonly string[];
  close(): Promise<void>;
}

export async function startLabVcenter(
  options: { extraVms?: number; apiVersion?: string } = {},
): Promise<LabVcenterWorld> {
  const authority = await createAuthority();
  const events = new EventLog();
  const faults = new FaultRules(events);
  const vcenter = await startVcenter({
    events,
    faults,
    pace: new Pace(0.01),
    latency: { latencyMs: 0, jitterMs: 0 },
    tls: await issueCertificate(authority, 'vcenter.lab'),
    users: [BACKUP, GUEST, READER, ADMIN],
    inventory: labInventory(options.extraVms ?? 0),
    ...(options.apiVersion === undefined ? {} : { apiVersion: options.apiVersion }),
  });
  let taken = 0;
  return {
    events,
    faults,
    vcenter,
    connect: (changes = {}) =>
      createVsphere({
        url: vcenter.url,
        username: BACKUP.name,
        password: async () => BACKUP.password,
        tls: { ca: authority.certificate },
        clock: systemClock,
        operationId: 'snaphook-contract',
        ...changes,
      }),
    guest: { username: GUEST.name, password: async () => GUEST.password },
    reader: { username: READER.name, password: async () => READER.password },
    terminateSessions: () => terminateSessions(vcenter.port, authority.certificate),
    takeOperations: () => {
      const fresh = events.since(taken).filter((event) => event.system === 'vcenter' && event.kind === 'request');
      taken = events.events.length;
      return fresh.map((event) => event.operation);
    },
    close: () => vcenter.close(),
  };
}

/** An administrator with a client of its own: the product's must not be needed to disturb the product's. */
async function terminateSessions(port: number, ca: string): Promise<void> {
  const login = await post(port, ca, undefined, soapLogin(ADMIN.name, ADMIN.password));
  const cookie = login.cookie;
  const list = await post(
    port,
    ca,
    cookie,
    `<RetrievePropertiesEx xmlns="urn:vim25"><_this type="PropertyCollector">propertyCollector</_this>
<specSet><propSet><type>SessionManager</type><pathSet>sessionList</pathSet></propSet>
<objectSet><obj type="SessionManager">SessionManager</obj></objectSet></specSet><options/></RetrievePropertiesEx>`,
  );
  const own = /<key>([^<]+)<\/key>/.exec(login.body)?.[1];
  for (const [, key] of list.body.matchAll(/<key>([^<]+)<\/key>/g)) {
    if (key === undefined || key === own) continue;
    await post(
      port,
      ca,
      cookie,
      `<TerminateSession xmlns="urn:vim25"><_this type="SessionManager">SessionManager</_this><sessionId>${key}</sessionId></TerminateSession>`,
    );
  }
  await post(
    port,
    ca,
    cookie,
    '<Logout xmlns="urn:vim25"><_this type="SessionManager">SessionManager</_this></Logout>',
  );
}

const soapLogin = (name: string, password: string): string =>
  `<Login xmlns="urn:vim25"><_this type="SessionManager">SessionManager</_this><userName>${escapeXml(name)}</userName><password>${escapeXml(password)}</password></Login>`;

function post(port: number, ca: string, cookie: string | undefined, body: string) {
  return new Promise<{ body: string; cookie: string | undefined }>((resolve, reject) => {
    const request = https.request(
      {
        host: '127.0.0.1',
        port,
        ca,
        agent: false,
        method: 'POST',
        path: '/sdk',
        headers: {
          'content-type': 'text/xml',
          SOAPAction: 'urn:vim25/7.0.3.0',
          ...(cookie === undefined ? {} : { cookie }),
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          const status = response.statusCode;
          if (status !== 200) reject(new Error(`HTTP ${status}: ${text}`));
          else resolve({ body: text, cookie: response.headers['set-cookie']?.[0]?.split(';')[0] });
        });
      },
    );
    request.on('error', reject);
    request.end(
      `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`,
    );
  });
}

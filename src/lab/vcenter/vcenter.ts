import type { EventLog } from '../world/events.ts';
import type { FaultRules } from '../world/faults.ts';
import { type LabCall, LabHttpServer, type LabRequest } from '../world/http-server.ts';
import type { Latency, Pace } from '../world/pace.ts';
import { folderCall } from './datastore-folder.ts';
import { GuestFileHost } from './guest/guest-file-host.ts';
import { NfcHost } from './import/nfc-host.ts';
import type { VcenterInventory } from './inventory.ts';
import { type InventoryControls, inventoryControls } from './inventory-controls.ts';
import { buildModel } from './model/build-model.ts';
import { registerSessionObjects, registerSharedObjects } from './object-registration.ts';
import { aboutHost, aboutVcenter } from './properties/service-properties.ts';
import { RestEndpoint } from './rest/rest-endpoint.ts';
import { rankOf, releasesUpTo, type VersionRank } from './schema/versions.ts';
import type { ServerContext } from './server-context.ts';
import { type LabUser, SessionTable } from './sessions.ts';
import { soapCall } from './soap-endpoint.ts';
import { contentlessVolumes, type HostPaths, type HotPlug, type VirtualVolumes } from './storage-side.ts';
import { TaskTable } from './tasks.ts';

const DEFAULT_API_VERSION = '8.0.3.0';
const DEFAULT_IDLE_MS = 30 * 60_000;
const DEFAULT_MAX_SESSIONS = 2000;
const DEFAULT_PAGE_SIZE = 100;

export interface VcenterOptions {
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly pace: Pace;
  readonly latency: Latency;
  readonly tls: { readonly key: string; readonly cert: string };
  /** Of the ESXi host that takes disks of imports, and gives files of guests; absent: nothing can be imported or moved. */
  readonly hostTls?: { readonly key: string; readonly cert: string };
  /** Absent: a free one. */
  readonly port?: number;
  /** Newest release it speaks, such as `7.0.3.0`; default `8.0.3.0`. */
  readonly apiVersion?: string;
  readonly users: readonly LabUser[];
  readonly inventory: VcenterInventory;
  /** Simulated milliseconds without a call after which a session ends; default 30 minutes. */
  readonly sessionIdleMs?: number;
  /** HTTP sessions, logged in or not, beyond which it answers 503; default 2000. */
  readonly maxSessions?: number;
  /** Objects of a page of RetrievePropertiesEx when the client names no number; default 100. */
  readonly pageSize?: number;
  /** Default: volumes without content. */
  readonly volumes?: VirtualVolumes;
  /** Told of disks that are added to and removed from running VMs. */
  readonly hotPlug?: HotPlug;
  /** Default: of no host anything is known. */
  readonly hostPaths?: HostPaths;
}

/** The controls change the inventory as if somebody else had: waiting collectors are told. */
export interface LabVcenter extends InventoryControls {
  /** Of the SOAP endpoint: `https://127.0.0.1:<port>/sdk`. */
  readonly url: string;
  readonly port: number;
  /** Sessions logged in at this moment, those of the REST API included. */
  readonly sessions: number;
  /** Ends all sessions, as an administrator can; connections stay open. */
  endSessions(): void;
  /** Ends all sessions and connections. */
  close(): Promise<void>;
}

/** A vCenter at protocol level: SOAP (`urn:vim25`) over TLS on loopback. Everything it does is in the event log. */
export async function startVcenter(options: VcenterOptions): Promise<LabVcenter> {
  const apiVersion = options.apiVersion ?? DEFAULT_API_VERSION;
  const newest = rankOf(apiVersion);
  if (newest === undefined) throw new Error(`"${apiVersion}" is no release of the vSphere API`);
  const model = buildModel(options.inventory);
  const nfcHost = options.hostTls && new NfcHost({ ...options, tls: options.hostTls });
  await nfcHost?.listen();
  const guestFileHost = options.hostTls && new GuestFileHost({ ...options, tls: options.hostTls });
  await guestFileHost?.listen();
  const sessions = new SessionTable(
    {
      idleMs: options.pace.scaledMs(options.sessionIdleMs ?? DEFAULT_IDLE_MS),
      maxSessions: options.maxSessions ?? DEFAULT_MAX_SESSIONS,
    },
    (session) => registerSessionObjects(server, session),
  );
  const server: ServerContext = {
    model,
    sessions,
    tasks: new TaskTable(model, options.pace),
    users: options.users,
    events: options.events,
    pace: options.pace,
    volumes: options.volumes ?? contentlessVolumes(),
    hotPlug: options.hotPlug ?? { appeared: () => undefined, vanished: () => undefined },
    hostPaths: options.hostPaths ?? { reached: () => undefined },
    nfcHost,
    guestFileHost,
    agents: new Map(),
    tools: new Map(),
    onClose: new Set(),
    about: aboutVcenter(apiVersion, model.instanceUuid),
    hostProduct: aboutHost(apiVersion),
    pageSize: options.pageSize ?? DEFAULT_PAGE_SIZE,
  };
  registerSharedObjects(server);
  const rest = new RestEndpoint(server, options.pace.scaledMs(options.sessionIdleMs ?? DEFAULT_IDLE_MS));
  const http = new LabHttpServer({
    system: 'vcenter',
    events: options.events,
    faults: options.faults,
    latency: options.latency,
    tls: options.tls,
    identify: (request) => identify(server, rest, newest, request),
  });
  const port = await http.listen(options.port);
  return {
    ...inventoryControls(server),
    url: `https://127.0.0.1:${port}/sdk`,
    port,
    get sessions() {
      return sessions.loggedIn.length + rest.sessionCount;
    },
    endSessions: () => {
      sessions.endAll();
      rest.endAll();
    },
    close: async () => {
      for (const stop of server.onClose) stop();
      server.tasks.close();
      await nfcHost?.close();
      await guestFileHost?.close();
      sessions.endAll();
      await http.close();
    },
  };
}

function identify(server: ServerContext, rest: RestEndpoint, newest: VersionRank, request: LabRequest): LabCall {
  const path = request.url.replace(/\?.*$/, '');
  if (request.method === 'POST' && /^\/sdk(\/|\/vimService)?$/.test(path)) return soapCall(server, newest, request);
  const operation = `${request.method} ${path}`;
  // Before 7.0 U2 there was no `/api`.
  if (/^\/api\//.test(path) && newest >= (rankOf('7.0.2.0') ?? newest)) {
    return { operation: operation.replace(/\/urn:.*/, '/*'), object: '', run: () => rest.answer(request) };
  }
  if (path.startsWith('/folder/')) return folderCall(server, request);
  if (operation === 'GET /sdk/vimServiceVersions.xml') {
    return { operation, object: '', run: () => serviceVersions(newest) };
  }
  return {
    operation,
    object: '',
    run: () => {
      server.events.add('vcenter', 'unserved', operation, '', { what: 'path' });
      return { status: 404, headers: { 'Content-Type': 'text/plain' }, body: '404 Not Found' };
    },
  };
}

function serviceVersions(newest: VersionRank) {
  const [current, ...prior] = releasesUpTo(newest);
  const body = [
    '<?xml version="1.0" encoding="UTF-8" ?>',
    '<namespaces version="1.0">',
    ' <namespace>',
    '  <name>urn:vim25</name>',
    `  <version>${current}</version>`,
    '  <priorVersions>',
    ...prior.map((release) => `   <version>${release}</version>`),
    '  </priorVersions>',
    ' </namespace>',
    '</namespaces>',
  ].join('\n');
  return { status: 200, headers: { 'Content-Type': 'text/xml' }, body };
}

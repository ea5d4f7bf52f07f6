import { createAuthority, issueCertificate } from '../../../src/lab/world/certificates.ts';
import { EventLog } from '../../../src/lab/world/events.ts';
import { FaultRules } from '../../../src/lab/world/faults.ts';
import { type LabAnswer, LabHttpServer, type LabRequest } from '../../../src/lab/world/http-server.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { Hypervisor } from '../../../src/ports/hypervisor.ts';
import { createVsphere, type VsphereOptions } from '../../../src/vsphere/vsphere.ts';
import { answerOf } from './soap-answers.ts';

export const PASSWORD = 'S3cret<&>"Pa$$word';
export const COOKIE_VALUE = 'c00kie-0123456789abcdef';

type Script = (request: LabRequest, nth: number) => LabAnswer;

const manager = (name: string, type: string): string => `<${name} type="${type}">${type}</${name}>`;

const SERVICE_CONTENT = `<returnval>${manager('rootFolder', 'Folder')}${manager('propertyCollector', 'PropertyCollector')}
${manager('viewManager', 'ViewManager')}<about><name>VMware vCenter Server</name><version>8.0.3</version>
<apiType>VirtualCenter</apiType><apiVersion>8.0.3.0</apiVersion><instanceUuid>11111111-2222-3333-4444-555555555555</instanceUuid>
</about>${manager('sessionManager', 'SessionManager')}${manager('searchIndex', 'SearchIndex')}</returnval>`;

export const ok = (body: string, headers: LabAnswer['headers'] = {}): LabAnswer => ({ status: 200, headers, body });

/** What every session needs; a test replaces single operations. */
const DEFAULTS: Readonly<Record<string, Script>> = {
  vimServiceVersions: () => ({ status: 404 }),
  RetrieveServiceContent: () => ok(answerOf('RetrieveServiceContent', SERVICE_CONTENT)),
  Login: (_request, nth) =>
    ok(answerOf('Login', '<returnval><key>k</key></returnval>'), {
      'set-cookie': [`other=1`, `vmware_soap_session="${COOKIE_VALUE}-${nth}"; Path=/; HttpOnly; Secure`],
    }),
  Logout: () => ok(answerOf('Logout', '')),
  CreateContainerView: () =>
    ok(answerOf('CreateContainerView', '<returnval type="ContainerView">session[1]2</returnval>')),
  RetrievePropertiesEx: () => ok(answerOf('RetrievePropertiesEx', '')),
};

export interface ScriptedVcenter {
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly ca: string;
  readonly port: number;
  readonly requests: { readonly operation: string; readonly request: LabRequest }[];
  operations(): readonly string[];
  /** Connects with the CA of the server; the clock's waits take no time and are noted in `sleeps`. */
  connect(changes?: Partial<VsphereOptions>): Hypervisor;
  readonly sleeps: number[];
  close(): Promise<void>;
}

/** A server that answers each operation as a test wants it, to see what the client makes of it. */
export async function startScriptedVcenter(scripts: Readonly<Record<string, Script>> = {}): Promise<ScriptedVcenter> {
  const authority = await createAuthority();
  const events = new EventLog();
  const faults = new FaultRules(events);
  const requests: { operation: string; request: LabRequest }[] = [];
  const sleeps: number[] = [];
  const server = new LabHttpServer({
    system: 'vcenter',
    events,
    faults,
    latency: { latencyMs: 0, jitterMs: 0 },
    tls: await issueCertificate(authority, 'vc.test'),
    identify: (request) => {
      const operation = request.url.endsWith('.xml')
        ? 'vimServiceVersions'
        : (/Body[^>]*><([\w.-]+:)?(\w+)/.exec(request.body.toString('utf8'))?.[2] ?? 'unknown');
      requests.push({ operation, request });
      const nth = requests.filter((other) => other.operation === operation).length;
      const script = scripts[operation] ?? DEFAULTS[operation];
      return {
        operation,
        object: '',
        run: () => script?.(request, nth) ?? { status: 500, body: 'no script' },
      };
    },
  });
  const port = await server.listen();
  const clock: Clock = {
    now: () => new Date(),
    monotonicMs: () => performance.now(),
    sleep: async (durationMs, signal) => {
      signal?.throwIfAborted();
      sleeps.push(durationMs);
    },
  };
  return {
    events,
    faults,
    ca: authority.certificate,
    port,
    requests,
    sleeps,
    operations: () => requests.map(({ operation }) => operation),
    connect: (changes = {}) =>
      createVsphere({
        url: `https://localhost:${port}`,
        username: 'snaphook@vsphere.local',
        password: async () => PASSWORD,
        tls: { ca: authority.certificate },
        clock,
        ...changes,
      }),
    close: () => server.close(),
  };
}

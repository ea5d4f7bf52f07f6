import { createAuthority, issueCertificate, type LabAuthority } from '../../../src/lab/world/certificates.ts';
import { EventLog } from '../../../src/lab/world/events.ts';
import { FaultRules } from '../../../src/lab/world/faults.ts';
import { type LabAnswer, LabHttpServer, type LabRequest } from '../../../src/lab/world/http-server.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { arrayId } from '../../../src/ports/identity.ts';
import type { StorageArray } from '../../../src/ports/storage-array.ts';
import { createPowerMax, type PowerMaxOptions, type UnisphereServer } from '../../../src/powermax/powermax.ts';

export const PASSWORD = 'pa:ss-wörd-7f3a';
export const USER = 'snapuser';
export const ARRAY = arrayId('000197900046');

/** What a test lets the server answer; undefined: 404. */
export type Script = (request: LabRequest) => LabAnswer | undefined;

/** `url` and `tls` are of its one server. */
type ScriptedArrayOptions = Partial<Omit<PowerMaxOptions, 'servers'> & UnisphereServer>;

export interface ScriptedUnisphere {
  readonly url: string;
  readonly authority: LabAuthority;
  readonly certificate: string;
  readonly events: EventLog;
  readonly faults: FaultRules;
  /** `METHOD path` of everything asked for so far. */
  requests(): readonly string[];
  array(options?: ScriptedArrayOptions): StorageArray;
  close(): Promise<void>;
}

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): LabAnswer => ({
  status,
  headers: { 'Content-Type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

/** Sleeps a thousandth of the time asked for: back-off without waiting. */
const hastyClock: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 1000, signal) };

/** A server that answers what a test tells it to, for what the lab's Unisphere never says. Version 10.3 unless scripted. */
export async function startScriptedUnisphere(script: Script): Promise<ScriptedUnisphere> {
  const authority = await createAuthority();
  const certificate = await issueCertificate(authority, 'unisphere.lab');
  const events = new EventLog();
  const faults = new FaultRules(events);
  const server = new LabHttpServer({
    system: 'array',
    events,
    faults,
    latency: { latencyMs: 0, jitterMs: 0 },
    tls: certificate,
    identify: (request) => ({
      operation: request.method,
      object: request.url,
      run: () => script(request) ?? defaultAnswer(request),
    }),
  });
  const url = `https://127.0.0.1:${await server.listen()}`;
  const opened: StorageArray[] = [];
  return {
    url,
    authority,
    certificate: certificate.cert,
    events,
    faults,
    requests: () =>
      events.events.filter((event) => event.kind === 'request').map(({ detail }) => `${detail.method} ${detail.url}`),
    array({ url: ownUrl = url, tls = { ca: authority.certificate }, ...options } = {}) {
      const array = createPowerMax({
        arrayId: ARRAY,
        servers: [{ url: ownUrl, tls }],
        username: USER,
        password: async () => PASSWORD,
        clock: hastyClock,
        snapVxApi: 'device-list',
        ...options,
      });
      opened.push(array);
      return array;
    },
    async close() {
      for (const array of opened) await array.close();
      await server.close();
    },
  };
}

function defaultAnswer({ url }: LabRequest): LabAnswer {
  if (url !== '/univmax/restapi/version') return json({ message: 'Not Found' }, 404);
  return json({ version: 'V10.3.0.1', api_version: '103', supported_api_versions: ['103', '102', '101'] });
}

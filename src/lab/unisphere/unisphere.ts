import type { EventLog } from '../world/events.ts';
import { FaultRules } from '../world/faults.ts';
import { LabHttpServer } from '../world/http-server.ts';
import type { Latency, Pace } from '../world/pace.ts';
import { Front } from './front.ts';
import { Iterators } from './iterators.ts';
import { Jobs } from './jobs.ts';
import { LabArray, type LabArrayOptions } from './lab-array.ts';
import type { PresentationListener } from './presentation.ts';
import { RELEASES, type ReleaseFacts, type UnisphereRelease } from './releases.ts';
import type { LabUser, UnisphereState } from './rest-call.ts';
import { type Route, Router } from './router.ts';
import { CLASSIC_ROUTES, ENHANCED_ROUTES } from './routes.ts';
import { behindOther } from './second-view.ts';
import { ListCursors } from './v1-cursors.ts';

/** Another server that manages the same arrays. The first shows at once what was changed through it. */
export interface SecondServer {
  /** How long what was changed through the other server (or by the array's own command line) is not shown here. Simulated. */
  readonly lagMs: number;
  /** Default: the release of the first. */
  readonly version?: UnisphereRelease;
}

/** Web servers as that of Unisphere close connections idle for about that long; which time it is there is not published. */
const KEEP_ALIVE_MS = 20_000;

export interface LabUnisphereOptions {
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly pace: Pace;
  readonly latency: Latency;
  readonly tls: { readonly key: string; readonly cert: string };
  /** Default: a free one. */
  readonly port?: number;
  readonly version: UnisphereRelease;
  readonly second?: SecondServer;
  readonly users: readonly LabUser[];
  readonly arrays: readonly LabArrayOptions[];
  /** Where the arrays' configuration and the jobs are kept; they survive a restart of the lab. */
  readonly configFolder: string;
  readonly onPresentation?: PresentationListener;
}

export interface LabUnisphere {
  readonly url: string;
  /** Of every server, the first one's first. */
  readonly urls: readonly string[];
  readonly port: number;
  /** Rules for the second server alone; those of the lab are for the first. */
  readonly secondFaults: FaultRules;
  /** The first server closes the connections that are not at work now. */
  closeIdle(): void;
  /** Nobody listens any more at the first server; the arrays and the second go on. */
  stopFirst(): Promise<void>;
  /** The device stores stay open. Unfinished jobs go no further; the next start on this folder shows them failed. */
  close(): Promise<void>;
  array(id: string): LabArray;
}

/** A Unisphere for PowerMax with its arrays, over HTTPS on loopback. */
export async function startUnisphere(options: LabUnisphereOptions): Promise<LabUnisphere> {
  const { events, faults, pace, latency, tls, configFolder, onPresentation } = options;
  const world = { events, pace, configFolder, onPresentation };
  const arrays = new Map(options.arrays.map((array) => [array.id, new LabArray(array, world)]));
  const release = RELEASES[options.version];
  const jobs = new Jobs(pace, configFolder);
  const state: UnisphereState = {
    release,
    arrays,
    jobs,
    iterators: new Iterators(pace),
    cursors: new ListCursors(pace),
    events,
    pace,
    refreshedAtMs: new Map(),
  };
  const front = new Front(state, options.users, new Router(routesOf(release)));
  const server = new LabHttpServer({
    system: 'array',
    events,
    faults,
    latency,
    tls,
    identify: (request) => front.identify(request),
    keepAliveMs: KEEP_ALIVE_MS,
  });
  const port = await server.listen(options.port);
  const url = `https://127.0.0.1:${port}`;
  const secondFaults = new FaultRules(events);
  const second = options.second && openSecond(options, options.second, state, secondFaults);
  const secondUrls = second ? [`https://127.0.0.1:${await second.listen()}`] : [];
  return {
    url,
    urls: [url, ...secondUrls],
    port,
    secondFaults,
    closeIdle: () => server.closeIdle(),
    stopFirst: () => server.close(),
    async close() {
      jobs.close();
      await server.close();
      await second?.close();
    },
    array(id) {
      const array = arrays.get(id);
      if (!array) throw new Error(`the lab has no array "${id}"`);
      return array;
    },
  };
}

function openSecond(
  { events, pace, latency, tls, users, version }: LabUnisphereOptions,
  { lagMs, version: ownVersion = version }: SecondServer,
  first: UnisphereState,
  faults: FaultRules,
): LabHttpServer {
  const release = RELEASES[ownVersion];
  const state: UnisphereState = {
    ...first,
    release,
    arrays: new Map([...first.arrays].map(([id, array]) => [id, behindOther(array, pace, lagMs)])),
    // Lists are kept by the server that was asked for them.
    iterators: new Iterators(pace),
    cursors: new ListCursors(pace),
    refreshedAtMs: new Map(),
  };
  const front = new Front(state, users, new Router(routesOf(release)));
  return new LabHttpServer({
    system: 'array',
    events,
    faults,
    latency,
    tls,
    identify: (request) => front.identify(request),
    keepAliveMs: KEEP_ALIVE_MS,
  });
}

const routesOf = ({ enhancedLists }: ReleaseFacts): readonly Route[] =>
  enhancedLists ? [...CLASSIC_ROUTES, ...ENHANCED_ROUTES] : CLASSIC_ROUTES;

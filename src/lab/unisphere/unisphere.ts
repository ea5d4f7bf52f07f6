import type { EventLog } from '../world/events.ts';
import type { FaultRules } from '../world/faults.ts';
import { LabHttpServer } from '../world/http-server.ts';
import type { Latency, Pace } from '../world/pace.ts';
import { Front } from './front.ts';
import { Iterators } from './iterators.ts';
import { Jobs } from './jobs.ts';
import { LabArray, type LabArrayOptions } from './lab-array.ts';
import type { PresentationListener } from './presentation.ts';
import { RELEASES, type UnisphereRelease } from './releases.ts';
import type { LabUser, UnisphereState } from './rest-call.ts';
import { Router } from './router.ts';
import { CLASSIC_ROUTES, ENHANCED_ROUTES } from './routes.ts';
import { ListCursors } from './v1-cursors.ts';

export interface LabUnisphereOptions {
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly pace: Pace;
  readonly latency: Latency;
  readonly tls: { readonly key: string; readonly cert: string };
  /** Default: a free one. */
  readonly port?: number;
  readonly version: UnisphereRelease;
  readonly users: readonly LabUser[];
  readonly arrays: readonly LabArrayOptions[];
  /** Where the arrays' configuration and the jobs are kept; they survive a restart of the lab. */
  readonly configFolder: string;
  readonly onPresentation?: PresentationListener;
}

export interface LabUnisphere {
  readonly url: string;
  readonly port: number;
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
  const routes = release.enhancedLists ? [...CLASSIC_ROUTES, ...ENHANCED_ROUTES] : CLASSIC_ROUTES;
  const front = new Front(state, options.users, new Router(routes));
  const server = new LabHttpServer({
    system: 'array',
    events,
    faults,
    latency,
    tls,
    identify: (request) => front.identify(request),
  });
  const port = await server.listen(options.port);
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    async close() {
      jobs.close();
      await server.close();
    },
    array(id) {
      const array = arrays.get(id);
      if (!array) throw new Error(`the lab has no array "${id}"`);
      return array;
    },
  };
}

import type { DeviceId } from '../ports/identity.ts';
import { nextLookMs } from '../ports/polling.ts';
import type { Presentation } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import { bareInitiator, createMaskingLookup } from './masking.ts';
import { viewConnections, volumes } from './paths.ts';
import { bodyIfFound } from './reply.ts';
import { asBody, bodies, text } from './schema.ts';
import { classicVolume } from './volume.ts';

type Paths = Presentation['paths'];

/**
 * The views that show each device, with the hosts behind them and the address at each initiator (Unisphere 10.0 OpenAPI:
 * `maskingview/{id}/connections`, always of one device: a whole view may have a hundred thousand rows). Right after masking there
 * are no rows, then rows without address (seen in the field for up to 16 s): looked at again for `addressLagMs`.
 */
export async function readPresentations(
  unisphere: Unisphere,
  devices: readonly DeviceId[],
  addressLagMs: number,
  signal: AbortSignal,
): Promise<readonly (readonly Presentation[])[]> {
  const { clock } = unisphere;
  const masking = createMaskingLookup(unisphere, signal);
  const { endpoint } = await unisphere.version(signal);
  const read = async (path: string, what: string) => {
    const found = bodyIfFound(await unisphere.read(`/restapi${path}`, signal), `show ${what}`);
    return found === undefined ? undefined : asBody(found, what);
  };
  const pathsNow = async (view: string, device: DeviceId): Promise<Paths> => {
    const path = viewConnections(endpoint, unisphere.arrayId, view, device);
    const body = await read(path, `the connections of masking view "${view}"`);
    const paths = new Map<string, Paths[number]>();
    for (const row of bodies(body ?? {}, 'maskingViewConnection', 'masking_view_connection')) {
      const initiator = text(row, 'initiatorId', 'initiator_id');
      const lun = Number.parseInt(text(row, 'host_lun_address', 'hostLunAddress') ?? '', 16);
      // One row for each port that the initiator could use.
      if (initiator !== undefined) paths.set(initiator, { initiator, lun: Number.isNaN(lun) ? undefined : lun });
    }
    return [...paths.values()];
  };
  const settledPaths = async (
    view: string,
    device: DeviceId,
    hasInitiators: () => Promise<boolean>,
  ): Promise<Paths> => {
    const sinceMs = clock.monotonicMs();
    for (;;) {
      const paths = await pathsNow(view, device);
      const isTold = paths.length > 0 ? paths.some(({ lun }) => lun !== undefined) : !(await hasInitiators());
      const waitedMs = clock.monotonicMs() - sinceMs;
      if (isTold || waitedMs >= addressLagMs) return paths;
      await clock.sleep(nextLookMs(waitedMs), signal);
    }
  };
  return Promise.all(
    devices.map(async (device) => {
      const body = await read(`${volumes(endpoint, unisphere.arrayId)}/${device}`, `device "${device}"`);
      if (body === undefined) return [];
      const views = await masking.viewsOf(classicVolume(body));
      const withPaths = views.map(async (view): Promise<readonly Presentation[]> => {
        const hosts = await masking.eachHost([view]);
        const initiatorsOf = ({ host }: (typeof hosts)[number]) =>
          host === undefined ? Promise.resolve([]) : masking.initiatorsOf(host);
        const hasInitiators = async () => (await Promise.all(hosts.map(initiatorsOf))).flat().length > 0;
        const paths = await settledPaths(view.id, device, hasInitiators);
        if (hosts.length === 1) return hosts.map(({ host }) => ({ view: view.id, host, paths }));
        // The hosts of a group may reach one device at different addresses.
        return Promise.all(
          hosts.map(async (one) => {
            const own = new Set(await initiatorsOf(one));
            const atHost = paths.filter(({ initiator }) => own.has(bareInitiator(initiator)));
            return { view: view.id, host: one.host, paths: atHost };
          }),
        );
      });
      return (await Promise.all(withPaths)).flat();
    }),
  );
}

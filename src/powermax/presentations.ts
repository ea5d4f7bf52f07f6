import type { DeviceId } from '../ports/identity.ts';
import type { Presentation } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import { createMaskingLookup } from './masking.ts';
import { viewConnections, volumes } from './paths.ts';
import { bodyIfFound } from './reply.ts';
import { asBody, bodies, text } from './schema.ts';
import { classicVolume } from './volume.ts';

/**
 * The views that show each device, with the hosts behind them and the address at each initiator (Unisphere 10.0 OpenAPI:
 * `maskingview/{id}/connections`, always of one device: a whole view may have a hundred thousand rows).
 */
export async function readPresentations(
  unisphere: Unisphere,
  devices: readonly DeviceId[],
  signal: AbortSignal,
): Promise<readonly (readonly Presentation[])[]> {
  const masking = createMaskingLookup(unisphere, signal);
  const { endpoint } = await unisphere.version(signal);
  const read = async (path: string, what: string) => {
    const found = bodyIfFound(await unisphere.read(`/restapi${path}`, signal), `show ${what}`);
    return found === undefined ? undefined : asBody(found, what);
  };
  const pathsOf = async (view: string, device: DeviceId): Promise<Presentation['paths']> => {
    const path = viewConnections(endpoint, unisphere.arrayId, view, device);
    const body = await read(path, `the connections of masking view "${view}"`);
    const paths = new Map<string, Presentation['paths'][number]>();
    for (const row of bodies(body ?? {}, 'maskingViewConnection', 'masking_view_connection')) {
      const initiator = text(row, 'initiatorId', 'initiator_id');
      const lun = Number.parseInt(text(row, 'host_lun_address', 'hostLunAddress') ?? '', 16);
      // One row for each port that the initiator could use.
      if (initiator !== undefined) paths.set(initiator, { initiator, lun: Number.isNaN(lun) ? undefined : lun });
    }
    return [...paths.values()];
  };
  return Promise.all(
    devices.map(async (device) => {
      const body = await read(`${volumes(endpoint, unisphere.arrayId)}/${device}`, `device "${device}"`);
      if (body === undefined) return [];
      const views = await masking.viewsOf(classicVolume(body));
      const withPaths = views.map(async (view) => {
        const paths = await pathsOf(view.id, device);
        const hosts = await masking.eachHost([view]);
        return hosts.map(({ host }) => ({ view: view.id, host, paths }));
      });
      return (await Promise.all(withPaths)).flat();
    }),
  );
}

import type { Wwn } from '../ports/identity.ts';
import type { Unisphere } from './client.ts';
import { query, storageContainers, storageResources, vvolsOf } from './paths.ts';
import { bodyOf, isUnsupported } from './reply.ts';
import { asBody, type Body, text, texts } from './schema.ts';

/**
 * Finds a vVol where an admin sees it: walks all storage resources of all storage containers. Many calls, so the last way
 * to ask. The resources are listed once. An array without vVols has none.
 */
export function createVvolSearch(unisphere: Unisphere, signal: AbortSignal) {
  let listed: Promise<readonly string[]> | undefined;

  const read = async (path: string): Promise<Body | undefined> => {
    const reply = await unisphere.read(`/restapi${path}`, signal);
    return isUnsupported(reply) ? undefined : asBody(bodyOf(reply, 'list its vVols'), 'a list of vVols');
  };
  const names = async (path: string, key: string) => texts((await read(path)) ?? {}, key);

  const listResources = async (): Promise<readonly string[]> => {
    const { endpoint } = await unisphere.version(signal);
    const containers = storageContainers(endpoint, unisphere.arrayId);
    const paths = (await names(containers, 'storageContainerId')).map(async (container) => {
      const resources = storageResources(containers, container);
      return (await names(resources, 'storageResourceId')).map((resource) => vvolsOf(resources, resource));
    });
    return (await Promise.all(paths)).flat();
  };

  return {
    /** Ids of the devices whose vVol has this WWN. */
    async devicesOf(wwn: Wwn): Promise<readonly string[]> {
      listed ??= listResources();
      const found = (await listed).map(async (volumes) => {
        const proposed = await names(volumes + query({ wwn: wwn.toUpperCase() }), 'volumeId');
        // A filter that is ignored proposes everything: only a vVol that shows the WWN itself is accepted.
        const shown = await Promise.all(proposed.map(async (id) => ({ id, body: await read(`${volumes}/${id}`) })));
        return shown.flatMap(({ id, body }) => (body && text(body, 'wwn')?.toLowerCase() === wwn ? [id] : []));
      });
      return (await Promise.all(found)).flat();
    },
  };
}

import type { Unisphere } from './client.ts';
import { maskingView, storageGroup } from './paths.ts';
import { bodyIfFound } from './reply.ts';
import { asBody, text, texts } from './schema.ts';
import type { MaskingView, Volume } from './volume.ts';

/** Which masking views present a volume, over its groups; each group and each view is asked for once. */
export function createMaskingLookup(unisphere: Unisphere, signal: AbortSignal) {
  const groups = new Map<string, Promise<readonly string[]>>();
  const views = new Map<string, Promise<MaskingView>>();

  const body = async (path: string, what: string) => {
    const found = bodyIfFound(await unisphere.read(`/restapi${path}`, signal), `show ${what}`);
    return found === undefined ? undefined : asBody(found, what);
  };

  /** A child group is presented by its own views and by those of its parents. */
  const viewsOfGroup = (group: string): Promise<readonly string[]> =>
    once(groups, group, async () => {
      const { endpoint } = await unisphere.version(signal);
      const found = await body(storageGroup(endpoint, unisphere.arrayId, group), `storage group "${group}"`);
      if (!found) return [];
      const parents = texts(found, 'parent_storage_group', 'parentStorageGroup');
      const inherited = await Promise.all(parents.map(viewsOfGroup));
      return [...texts(found, 'maskingview', 'maskingView'), ...inherited.flat()];
    });

  const view = (id: string): Promise<MaskingView> =>
    once(views, id, async () => {
      const { endpoint } = await unisphere.version(signal);
      const found = await body(maskingView(endpoint, unisphere.arrayId, id), `masking view "${id}"`);
      return { id, host: found && text(found, 'hostId', 'hostGroupId', 'host_id', 'host_group_id') };
    });

  return {
    async viewsOf(volume: Volume): Promise<readonly MaskingView[]> {
      const ids = (await Promise.all(volume.storageGroups.map(viewsOfGroup))).flat();
      return Promise.all([...new Set(ids)].map(view));
    },
  };
}

function once<Value>(cache: Map<string, Promise<Value>>, key: string, ask: () => Promise<Value>): Promise<Value> {
  const known = cache.get(key);
  if (known) return known;
  const asked = ask();
  cache.set(key, asked);
  return asked;
}

import type { Unisphere } from './client.ts';
import { host, hostGroup, maskingView, storageGroup } from './paths.ts';
import { bodyIfFound } from './reply.ts';
import { asBody, bodies, text, texts } from './schema.ts';
import type { MaskingView, Volume } from './volume.ts';

/** Which masking views present a volume, over its groups; each group and each view is asked for once. */
export function createMaskingLookup(unisphere: Unisphere, signal: AbortSignal) {
  const groups = new Map<string, Promise<readonly string[]>>();
  const views = new Map<string, Promise<ViewSides>>();
  const hostGroups = new Map<string, Promise<readonly string[]>>();
  const initiators = new Map<string, Promise<readonly string[]>>();

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

  const view = (id: string): Promise<ViewSides> =>
    once(views, id, async () => {
      const { endpoint } = await unisphere.version(signal);
      const found = await body(maskingView(endpoint, unisphere.arrayId, id), `masking view "${id}"`);
      return {
        host: found && text(found, 'hostId', 'host_id'),
        hostGroup: found && text(found, 'hostGroupId', 'host_group_id'),
      };
    });

  const hostsOf = (group: string): Promise<readonly string[]> =>
    once(hostGroups, group, async () => {
      const { endpoint } = await unisphere.version(signal);
      const found = await body(hostGroup(endpoint, unisphere.arrayId, group), `host group "${group}"`);
      return found ? bodies(found, 'host').flatMap((host) => text(host, 'hostId', 'host_id') ?? []) : [];
    });

  return {
    /** A view of a host group has no host here. */
    async viewsOf(volume: Volume): Promise<readonly MaskingView[]> {
      const ids = (await Promise.all(volume.storageGroups.map(viewsOfGroup))).flat();
      return Promise.all([...new Set(ids)].map(async (id) => ({ id, host: (await view(id)).host })));
    },

    /** Lower case, without the port they are logged in at; none of a host that is gone. */
    initiatorsOf: (id: string): Promise<readonly string[]> =>
      once(initiators, id, async () => {
        const { endpoint } = await unisphere.version(signal);
        const found = await body(host(endpoint, unisphere.arrayId, id), `host "${id}"`);
        return found ? texts(found, 'initiator').map(bareInitiator) : [];
      }),

    /** One entry for each host behind a view: those without a host are looked up. Nobody known: one without host. */
    async eachHost(found: readonly MaskingView[]): Promise<readonly MaskingView[]> {
      const resolved = found.map(async ({ id, host }): Promise<readonly MaskingView[]> => {
        if (host !== undefined) return [{ id, host }];
        const sides = await view(id);
        const members = sides.hostGroup === undefined ? [] : await hostsOf(sides.hostGroup);
        const hosts = sides.host === undefined ? members : [sides.host, ...members];
        return hosts.length === 0 ? [{ id, host }] : hosts.map((one) => ({ id, host: one }));
      });
      return (await Promise.all(resolved)).flat();
    },
  };
}

/** `FA-1D:4:10000000c953fa04` and `10000000c953fa04` are one initiator. */
export const bareInitiator = (id: string): string => id.replace(/^[A-Za-z]{2}-\w+:\w+:/, '').toLowerCase();

/** Who is on the hosts' side of a view: a host or a host group. */
interface ViewSides {
  readonly host: string | undefined;
  readonly hostGroup: string | undefined;
}

/** Asks once for each key; who comes later gets the same answer. */
function once<Value>(cache: Map<string, Promise<Value>>, key: string, ask: () => Promise<Value>): Promise<Value> {
  const known = cache.get(key);
  if (known) return known;
  const asked = ask();
  cache.set(key, asked);
  return asked;
}

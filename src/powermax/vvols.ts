import type { Wwn } from '../ports/identity.ts';
import type { FoundBy } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import { labelsOf, type WantedDevice } from './identity.ts';
import { query, storageContainers, storageResources, vvolsOf } from './paths.ts';
import { bodyOf, isUnsupported } from './reply.ts';
import { asBody, type Body, text, texts } from './schema.ts';
import type { Volume } from './volume.ts';

/** A vVol to be found. */
export interface WantedVvol {
  /** Its object id as vCenter shows it. */
  readonly identity: string;
  /** Undefined for an id that is no WWN. */
  readonly wwn: Wwn | undefined;
  /** `vvol:<hex>-<hex>`; undefined where vCenter does not tell it. */
  readonly container: string | undefined;
}

/** One way from a vVol's id to devices. What it proposes but does not prove itself, it leaves out. */
interface VvolStrategy {
  readonly foundBy: FoundBy;
  find(wanted: WantedVvol): Promise<readonly Volume[]>;
}

export interface VvolStrategies {
  /** All of them are asked, and what they find is put together: an id is unique under each WWN, or it is not unique. */
  readonly byWwn: readonly VvolStrategy[];
  /** From the cheaper to the more doubtful, each asked only when nothing was found before. */
  readonly else: readonly VvolStrategy[];
}

export interface FoundVolumes {
  readonly volumes: readonly Volume[];
  /** Undefined when nothing was found. */
  readonly foundBy: FoundBy | undefined;
}

/** What the strategies read with. */
export interface VvolReader {
  list(filter: Readonly<Record<string, string>>): Promise<readonly Volume[]>;
  volume(id: string): Promise<Volume | undefined>;
}

/**
 * That a vVol's id is the WWN of its device
 * is not confirmed by any public source, nor that the number of the datastore's container is the uuid of a storage container.
 */
export function vvolStrategies(
  unisphere: Unisphere,
  { list, volume }: VvolReader,
  signal: AbortSignal,
): VvolStrategies {
  const containers = createContainerWalk(unisphere, signal);
  const byWwn: readonly VvolStrategy[] = [
    {
      foundBy: 'own WWN',
      // vVols are in the general list only when asked for.
      find: async ({ wwn }) => {
        if (wwn === undefined) return [];
        const listed = await list({ virtual_volumes: 'true', wwn: wwn.toUpperCase() });
        return listed.filter((one) => one.wwn === wwn);
      },
    },
    {
      foundBy: 'effective WWN',
      find: async ({ wwn }) => {
        if (wwn === undefined) return [];
        const listed = await list({ virtual_volumes: 'true', effective_wwn: wwn.toUpperCase() });
        return listed.filter((one) => (one.effectiveWwn ?? one.wwn) === wwn);
      },
    },
  ];
  const otherwise: readonly VvolStrategy[] = [
    {
      foundBy: 'storage container',
      find: async ({ wwn, container }) => {
        const ids = wwn === undefined ? [] : await containers.devicesOf(wwn, container);
        return (await Promise.all(ids.map(volume))).filter((one) => one !== undefined);
      },
    },
    {
      foundBy: 'identifier',
      find: async ({ identity }) => {
        const found = new Map<string, Volume>();
        for (const label of labelsOf(identity)) {
          for (const one of await list({ virtual_volumes: 'true', volume_identifier: label })) {
            if (one.identifier?.toLowerCase() === label.toLowerCase()) found.set(one.id, one);
          }
        }
        return [...found.values()];
      },
    },
  ];
  return { byWwn, else: otherwise };
}

/** The devices of the array's vVols that the id leads to, whether one or several. */
export async function findVvol(strategies: VvolStrategies, wanted: WantedVvol): Promise<FoundVolumes> {
  const answers = await Promise.all(
    strategies.byWwn.map(async ({ foundBy, find }) => ({ foundBy, volumes: await find(wanted) })),
  );
  const byId = new Map(answers.flatMap(({ volumes }) => volumes.map((one) => [one.id, one] as const)));
  const first = answers.find(({ volumes }) => volumes.length > 0);
  if (first) return { volumes: [...byId.values()], foundBy: first.foundBy };
  for (const { foundBy, find } of strategies.else) {
    const volumes = await find(wanted);
    if (volumes.length > 0) return { volumes, foundBy };
  }
  return { volumes: [], foundBy: undefined };
}

export const wantedVvol = (identity: string, wanted: WantedDevice, container: string | undefined): WantedVvol => ({
  identity,
  wwn: wanted.kind === 'label' ? undefined : wanted.wwn,
  container,
});

/** Names of the containers with these ids on the array; undefined where it shows none. */
export async function readContainers(
  unisphere: Unisphere,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<readonly (string | undefined)[]> {
  const { endpoint } = await unisphere.version(signal);
  const root = storageContainers(endpoint, unisphere.arrayId);
  return Promise.all(
    ids.map(async (id) => {
      const reply = await unisphere.read(`/restapi${root}${query({ uuid: containerUuid(id) })}`, signal);
      if (isUnsupported(reply)) return undefined;
      const [name, ...more] = texts(
        asBody(bodyOf(reply, 'list its storage containers'), 'a list'),
        'storageContainerId',
      );
      // A filter that is ignored lists them all: then nothing is known.
      return more.length === 0 ? name : undefined;
    }),
  );
}

/** `vvol:<16 hex>-<16 hex>` is expected to be the container's uuid, without the dash. Not confirmed. */
const containerUuid = (container: string): string =>
  container
    .replace(/^vvol:/i, '')
    .replaceAll('-', '')
    .toUpperCase();

/**
 * Finds a vVol where an admin sees it: in the storage container of its datastore or, where no container of the array is that one, in
 * all of them. Many calls. Each container is listed once. An array without vVols has none.
 */
function createContainerWalk(unisphere: Unisphere, signal: AbortSignal) {
  const listed = new Map<string, Promise<readonly string[]>>();

  const read = async (path: string): Promise<Body | undefined> => {
    const reply = await unisphere.read(`/restapi${path}`, signal);
    return isUnsupported(reply) ? undefined : asBody(bodyOf(reply, 'list its vVols'), 'a list of vVols');
  };
  const names = async (path: string, key: string) => texts((await read(path)) ?? {}, key);

  const listResources = async (container: string | undefined): Promise<readonly string[]> => {
    const { endpoint } = await unisphere.version(signal);
    const root = storageContainers(endpoint, unisphere.arrayId);
    const filter = container === undefined ? '' : query({ uuid: containerUuid(container) });
    const paths = (await names(root + filter, 'storageContainerId')).map(async (id) => {
      const resources = storageResources(root, id);
      return (await names(resources, 'storageResourceId')).map((resource) => vvolsOf(resources, resource));
    });
    return (await Promise.all(paths)).flat();
  };

  const resourcesOf = (container: string | undefined): Promise<readonly string[]> => {
    const key = container ?? '';
    const known = listed.get(key) ?? listResources(container);
    listed.set(key, known);
    return known;
  };

  const devicesIn = async (resources: readonly string[], wwn: Wwn): Promise<readonly string[]> => {
    const found = resources.map(async (volumes) => {
      const proposed = await names(volumes + query({ wwn: wwn.toUpperCase() }), 'volumeId');
      // A filter that is ignored proposes everything: only a vVol that shows the WWN itself is accepted.
      const shown = await Promise.all(proposed.map(async (id) => ({ id, body: await read(`${volumes}/${id}`) })));
      return shown.flatMap(({ id, body }) => (body && text(body, 'wwn')?.toLowerCase() === wwn ? [id] : []));
    });
    return (await Promise.all(found)).flat();
  };

  return {
    /** Ids of the devices whose vVol has this WWN. */
    async devicesOf(wwn: Wwn, container: string | undefined): Promise<readonly string[]> {
      const own = container === undefined ? [] : await devicesIn(await resourcesOf(container), wwn);
      return own.length > 0 ? own : devicesIn(await resourcesOf(undefined), wwn);
    },
  };
}

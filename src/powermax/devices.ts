import type { DeviceId } from '../ports/identity.ts';
import type { Device, DeviceInventory } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import { answersTo, decodedDevice, mayBeVvol, parseIdentity, type WantedDevice } from './identity.ts';
import { readBulkVolumes, readIterator } from './lists.ts';
import { createMaskingLookup } from './masking.ts';
import { query, volumes as volumesPath } from './paths.ts';
import { bodyIfFound } from './reply.ts';
import { asBody, text } from './schema.ts';
import { bulkVolume, classicVolume, deviceOf, isInGroup, type Volume } from './volume.ts';
import { createVvolSearch } from './vvols.ts';

const BULK_SELECT = [
  'id',
  'wwn',
  'effective_wwn',
  'nguid',
  'cap_cyl',
  'emulation',
  'type',
  'snapvx_source',
  'snapvx_target',
  'storage_groups.id',
  'masking_views.id',
  'masking_views.host.id',
];

export interface InventoryRequest {
  readonly identities: readonly string[];
  readonly pool: string;
}

/**
 * Sources by identity and the devices of the pool group, with the fewest calls the server allows. Who is behind a view of a
 * host group is looked up for the pool only: a link overwrites targets, nobody asks who sees a source.
 */
export async function readInventory(
  unisphere: Unisphere,
  request: InventoryRequest,
  signal: AbortSignal,
): Promise<DeviceInventory> {
  const { bulkReads } = await unisphere.version(signal);
  const wanted = request.identities.map(parseIdentity);
  const classic = createClassicReader(unisphere, signal);
  const rows = bulkReads ? await readBulkVolumes(unisphere, { select: BULK_SELECT }, signal) : undefined;
  return rows === undefined
    ? inventoryOneByOne(classic, wanted, request.pool)
    : inventoryInBulk(rows.map(bulkVolume), classic, wanted, request.pool);
}

type Wanted = readonly (WantedDevice | undefined)[];
type ClassicReader = ReturnType<typeof createClassicReader>;

/** One list of all volumes of the array serves sources and pool together, however many there are. */
async function inventoryInBulk(
  rows: readonly ReturnType<typeof bulkVolume>[],
  classic: ClassicReader,
  wanted: Wanted,
  pool: string,
): Promise<DeviceInventory> {
  const inPool = rows.filter(({ volume }) => isInGroup(volume, pool));
  const rowsNamed = byIdentity(rows);
  const [sources, targets] = await Promise.all([
    Promise.all(
      wanted.map(async (one) => {
        if (one === undefined) return [];
        const named = new Set([...rowsNamed(one.wwn), ...(one.kind === 'nguid' ? rowsNamed(one.nguid) : [])]);
        const found = [...named].filter(({ volume }) => answersTo(volume, one));
        // A release may leave vVols out of its general list: those are asked for by name.
        if (found.length === 0 && mayBeVvol(one)) return classic.toSources(await classic.findVvol(one));
        return found.flatMap(({ volume, maskingViews }) => deviceOf(volume, maskingViews) ?? []);
      }),
    ),
    Promise.all(
      inPool.map(async ({ volume, maskingViews }) => deviceOf(volume, await classic.eachHost(maskingViews)) ?? []),
    ),
  ]);
  return { sources, pool: targets.flat() };
}

/** Rows that have an identity in any of its forms: which of them answer to it is decided over these few. */
function byIdentity<Row extends { readonly volume: Volume }>(
  rows: readonly Row[],
): (identity: string) => readonly Row[] {
  const index = new Map<string, Row[]>();
  for (const row of rows) {
    const { wwn, effectiveWwn, nguid } = row.volume;
    for (const identity of new Set([wwn, effectiveWwn, nguid])) {
      if (identity === undefined) continue;
      const known = index.get(identity);
      if (known) known.push(row);
      else index.set(identity, [row]);
    }
  }
  return (identity) => index.get(identity) ?? [];
}

/** Before 10.1 lists hold ids only: every device is read by itself, every view looked up once. */
async function inventoryOneByOne(classic: ClassicReader, wanted: Wanted, pool: string): Promise<DeviceInventory> {
  const [sources, poolVolumes] = await Promise.all([
    Promise.all(wanted.map((one) => (one === undefined ? [] : classic.find(one)))),
    classic.list({ storageGroupId: pool }),
  ]);
  const inPool = poolVolumes.filter((volume) => isInGroup(volume, pool));
  return {
    sources: await Promise.all(sources.map(classic.toSources)),
    pool: await classic.toTargets(inPool),
  };
}

function createClassicReader(unisphere: Unisphere, signal: AbortSignal) {
  const masking = createMaskingLookup(unisphere, signal);
  const vvols = createVvolSearch(unisphere, signal);
  const volumesRoot = async () => volumesPath((await unisphere.version(signal)).endpoint, unisphere.arrayId);

  const volume = async (id: DeviceId | string): Promise<Volume | undefined> => {
    const reply = await unisphere.read(`/restapi${await volumesRoot()}/${id}`, signal);
    const body = bodyIfFound(reply, `show device "${id}"`);
    return body === undefined ? undefined : classicVolume(asBody(body, `device "${id}"`));
  };

  const list = async (filter: Readonly<Record<string, string>>): Promise<readonly Volume[]> => {
    const rows = await readIterator(unisphere, (await volumesRoot()) + query(filter), signal);
    const ids = rows.flatMap((row) => text(row, 'volumeId') ?? []);
    return (await Promise.all(ids.map(volume))).filter((found) => found !== undefined);
  };

  /** vVols are in the general list only when asked for; the device's own WWN is the vVol's id. */
  const findVvol = async (wanted: WantedDevice): Promise<readonly Volume[]> => {
    const listed = await list({ virtual_volumes: 'true', wwn: wanted.wwn.toUpperCase() });
    const found = listed.filter((one) => answersTo(one, { kind: 'vvol', wwn: wanted.wwn }));
    if (found.length > 0) return found;
    const devices = await vvols.devicesOf(wanted.wwn);
    return (await Promise.all(devices.map(volume))).filter((one) => one !== undefined);
  };

  const devicesOf = async (
    found: readonly Volume[],
    viewsOf: (one: Volume) => Promise<Device['maskingViews']>,
  ): Promise<readonly Device[]> =>
    (await Promise.all(found.map(async (one) => deviceOf(one, await viewsOf(one)) ?? []))).flat();

  return {
    list,
    findVvol,
    eachHost: masking.eachHost,
    /** Each way proposes devices; only one that shows the identity itself is accepted. */
    async find(wanted: WantedDevice): Promise<readonly Volume[]> {
      const decoded = decodedDevice(wanted, unisphere.arrayId);
      const guess = decoded === undefined ? undefined : await volume(decoded);
      if (guess && answersTo(guess, wanted)) return [guess];
      // The array shows identities in upper case; whether its filters mind the case is not published.
      const filter =
        wanted.kind === 'nguid' ? { nguid: wanted.nguid.toUpperCase() } : { effective_wwn: wanted.wwn.toUpperCase() };
      const found = (await list(filter)).filter((one) => answersTo(one, wanted));
      return found.length > 0 || !mayBeVvol(wanted) ? found : findVvol(wanted);
    },
    toSources: (found: readonly Volume[]) => devicesOf(found, masking.viewsOf),
    toTargets: (found: readonly Volume[]) =>
      devicesOf(found, async (one) => masking.eachHost(await masking.viewsOf(one))),
  };
}

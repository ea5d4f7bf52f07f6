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

/** Sources by identity and the devices of the pool group, with the fewest calls the server allows. */
export async function readInventory(
  unisphere: Unisphere,
  request: InventoryRequest,
  signal: AbortSignal,
): Promise<DeviceInventory> {
  const { bulkReads } = await unisphere.version(signal);
  const wanted = request.identities.map(parseIdentity);
  return bulkReads
    ? inventoryInBulk(unisphere, wanted, request.pool, signal)
    : inventoryOneByOne(unisphere, wanted, request.pool, signal);
}

/** One list of all volumes of the array serves sources and pool together, however many there are. */
async function inventoryInBulk(
  unisphere: Unisphere,
  wanted: readonly (WantedDevice | undefined)[],
  pool: string,
  signal: AbortSignal,
): Promise<DeviceInventory> {
  const rows = (await readBulkVolumes(unisphere, { select: BULK_SELECT }, signal)).map(bulkVolume);
  const toDevices = (found: readonly (typeof rows)[number][]): readonly Device[] =>
    found.flatMap(({ volume, maskingViews }) => deviceOf(volume, maskingViews) ?? []);
  const classic = createClassicReader(unisphere, signal);
  const sources = await Promise.all(
    wanted.map(async (one) => {
      if (one === undefined) return [];
      const found = rows.filter(({ volume }) => answersTo(volume, one));
      // A release may leave vVols out of its general list: those are asked for by name.
      return found.length > 0 || !mayBeVvol(one) ? toDevices(found) : classic.toDevices(await classic.findVvol(one));
    }),
  );
  return { sources, pool: toDevices(rows.filter(({ volume }) => isInGroup(volume, pool))) };
}

/** Before 10.1 lists hold ids only: every device is read by itself, every view looked up once. */
async function inventoryOneByOne(
  unisphere: Unisphere,
  wanted: readonly (WantedDevice | undefined)[],
  pool: string,
  signal: AbortSignal,
): Promise<DeviceInventory> {
  const classic = createClassicReader(unisphere, signal);
  const [sources, poolVolumes] = await Promise.all([
    Promise.all(wanted.map((one) => (one === undefined ? [] : classic.find(one)))),
    classic.list({ storageGroupId: pool }),
  ]);
  const inPool = poolVolumes.filter((volume) => isInGroup(volume, pool));
  return {
    sources: await Promise.all(sources.map(classic.toDevices)),
    pool: await classic.toDevices(inPool),
  };
}

function createClassicReader(unisphere: Unisphere, signal: AbortSignal) {
  const masking = createMaskingLookup(unisphere, signal);
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
    const found = await list({ virtual_volumes: 'true', wwn: wanted.wwn });
    return found.filter((one) => answersTo(one, { kind: 'vvol', wwn: wanted.wwn }));
  };

  return {
    list,
    findVvol,
    /** Each way proposes devices; only one that shows the identity itself is accepted. */
    async find(wanted: WantedDevice): Promise<readonly Volume[]> {
      const decoded = decodedDevice(wanted, unisphere.arrayId);
      const guess = decoded === undefined ? undefined : await volume(decoded);
      if (guess && answersTo(guess, wanted)) return [guess];
      const filter = wanted.kind === 'nguid' ? { nguid: wanted.nguid } : { effective_wwn: wanted.wwn };
      const found = (await list(filter)).filter((one) => answersTo(one, wanted));
      return found.length > 0 || !mayBeVvol(wanted) ? found : findVvol(wanted);
    },
    async toDevices(found: readonly Volume[]): Promise<readonly Device[]> {
      const devices = await Promise.all(found.map(async (one) => deviceOf(one, await masking.viewsOf(one))));
      return devices.filter((device) => device !== undefined);
    },
  };
}

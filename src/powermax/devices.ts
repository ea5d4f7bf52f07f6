import type { ArrayId } from '../ports/identity.ts';
import type { Device, DeviceInventory, IdentityClue } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import {
  answeredBy,
  answersTo,
  decoded,
  decodedDevice,
  mayBeVvol,
  parseIdentity,
  type WantedDevice,
} from './identity.ts';
import { readBulkVolumes, readIterator } from './lists.ts';
import { createMaskingLookup } from './masking.ts';
import { query, volumes as volumesPath } from './paths.ts';
import { bodyIfFound } from './reply.ts';
import { asBody, text } from './schema.ts';
import { type BulkVolume, bulkVolume, classicVolume, deviceOf, isInGroup, type Volume } from './volume.ts';
import { type FoundVolumes, findVvol, vvolStrategies, type WantedVvol, wantedVvol } from './vvols.ts';

const BULK_SELECT = [
  'id',
  'wwn',
  'effective_wwn',
  'nguid',
  'mobility_id_enabled',
  'identifier',
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
  readonly vvols?: ReadonlyMap<string, string | undefined>;
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
  const classic = createClassicReader(unisphere, signal);
  const rows = bulkReads ? await readBulkVolumes(unisphere, { select: BULK_SELECT }, signal) : undefined;
  return rows === undefined
    ? inventoryOneByOne(unisphere.arrayId, classic, request)
    : inventoryInBulk(unisphere.arrayId, rows.map(bulkVolume), classic, request);
}

type ClassicReader = ReturnType<typeof createClassicReader>;
interface Identified {
  readonly devices: readonly Device[];
  readonly clue: IdentityClue;
}

const NOBODY: Identified = {
  devices: [],
  clue: { foundBy: undefined, decoded: undefined, decodedDevice: undefined, shownAsVvol: undefined },
};

const inventoryOf = (identified: readonly Identified[], pool: readonly Device[]): DeviceInventory => ({
  sources: identified.map(({ devices }) => devices),
  clues: identified.map(({ clue }) => clue),
  pool,
});

/** A vVol has its id under either WWN; another name of the same form is that of a device as hosts see it. */
function wantedAs(identity: string, isVvol: boolean): WantedDevice | undefined {
  const wanted = parseIdentity(identity);
  return isVvol && wanted?.kind === 'naa' ? { kind: 'vvol', wwn: wanted.wwn } : wanted;
}

/** One list of all volumes of the array serves sources and pool together, however many there are. */
async function inventoryInBulk(
  arrayId: ArrayId,
  rows: readonly BulkVolume[],
  classic: ClassicReader,
  { identities, pool, vvols = new Map() }: InventoryRequest,
): Promise<DeviceInventory> {
  const toDevices = (found: typeof rows) =>
    found.flatMap(({ volume, maskingViews }) => deviceOf(volume, maskingViews) ?? []);
  const rowsNamed = byIdentity(rows);
  const rowOf = new Map(rows.map((row) => [row.volume.id, row]));
  const areListedVvols = async (found: typeof rows): Promise<boolean> => {
    if (found.length === 0) return false;
    const listed = await classic.vvolIds();
    return found.every(({ volume }) => listed.has(volume.id));
  };
  const identify = async (identity: string): Promise<Identified> => {
    const isVvol = vvols.has(identity);
    const wanted = wantedAs(identity, isVvol);
    if (wanted === undefined) return NOBODY;
    const named = decodedDevice(wanted, arrayId);
    const claimed = named === undefined ? undefined : rowOf.get(named);
    const clue = { decoded: decoded(wanted), decodedDevice: claimed && toDevices([claimed])[0] };
    const found = rowsNamed(wanted).filter(({ volume }) => answersTo(volume, wanted));
    const foundBy = found[0] && answeredBy(found[0].volume, wanted);
    const looksLikeVvol = isVvol && found.length > 0 && found.every((row) => hasIdOfItsOwn(row, wanted));
    const isDone = isVvol ? looksLikeVvol || (await areListedVvols(found)) : found.length > 0 || !mayBeVvol(wanted);
    if (isDone) {
      const shownAsVvol = isVvol && !looksLikeVvol ? true : undefined;
      return { devices: toDevices(found), clue: { ...clue, foundBy, shownAsVvol } };
    }
    // A release may leave vVols out of its general list: those are asked for by name.
    const byName = await classic.findVvol(wantedVvol(identity, wanted, vvols.get(identity)));
    const missing = byName.volumes.filter(({ id }) => !found.some(({ volume }) => volume.id === id));
    return {
      devices: [...toDevices(found), ...(await classic.toSources(missing))],
      clue: {
        ...clue,
        foundBy: byName.foundBy ?? foundBy,
        shownAsVvol: isVvol
          ? areVvols(
              found.map(({ volume }) => volume),
              byName,
            )
          : undefined,
      },
    };
  };
  const inPool = rows.filter(({ volume }) => isInGroup(volume, pool));
  const [identified, targets] = await Promise.all([
    Promise.all(identities.map(identify)),
    Promise.all(
      inPool.map(async ({ volume, maskingViews }) => deviceOf(volume, await classic.eachHost(maskingViews)) ?? []),
    ),
  ]);
  return inventoryOf(identified, targets.flat());
}

/**
 * Is the id the device's own, where every other device would have another? The list does not tell vVols as such. But hosts reach
 * them through protocol endpoints, so that they are in no group and no view, and any other device has either a WWN with its number
 * in it, or a mobility id, which the list tells, or one inherited, which is not its own. Whatever is not so, is asked for.
 */
const hasIdOfItsOwn = ({ volume, maskingViews, mobilityId }: BulkVolume, wanted: WantedDevice) =>
  volume.storageGroups.length === 0 &&
  maskingViews.length === 0 &&
  mobilityId === false &&
  mayBeVvol(wanted) &&
  wanted.kind === 'vvol' &&
  volume.wwn === wanted.wwn &&
  (volume.effectiveWwn ?? volume.wwn) === wanted.wwn;

/** Are these devices, found by a general list, among those found as vVols? Undefined when nothing was found at all. */
function areVvols(found: readonly Volume[], { volumes }: FoundVolumes): boolean | undefined {
  if (found.length + volumes.length === 0) return undefined;
  return found.every(({ id }) => volumes.some((vvol) => vvol.id === id));
}

/** Rows that have an identity in any of its forms: which of them answer to it is decided over these few. */
function byIdentity<Row extends { readonly volume: Volume }>(
  rows: readonly Row[],
): (wanted: WantedDevice) => readonly Row[] {
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
  const having = (identity: string) => index.get(identity) ?? [];
  return (wanted) => {
    if (wanted.kind === 'label') return [];
    return wanted.kind === 'nguid'
      ? [...new Set([...having(wanted.wwn), ...having(wanted.nguid)])]
      : having(wanted.wwn);
  };
}

/** Before 10.1 lists hold ids only: every device is read by itself, every view looked up once. */
async function inventoryOneByOne(
  arrayId: ArrayId,
  classic: ClassicReader,
  { identities, pool, vvols = new Map() }: InventoryRequest,
): Promise<DeviceInventory> {
  const identify = async (identity: string): Promise<Identified> => {
    const isVvol = vvols.has(identity);
    const wanted = wantedAs(identity, isVvol);
    if (wanted === undefined) return NOBODY;
    const named = decodedDevice(wanted, arrayId);
    const claimed = named === undefined ? undefined : await classic.volume(named);
    const listed = await classic.find(wanted, claimed);
    const asVvol =
      isVvol || (listed.volumes.length === 0 && mayBeVvol(wanted))
        ? await classic.findVvol(wantedVvol(identity, wanted, vvols.get(identity)))
        : { volumes: [], foundBy: undefined };
    const volumes = [...new Map([...listed.volumes, ...asVvol.volumes].map((one) => [one.id, one])).values()];
    const foundBy = asVvol.foundBy ?? listed.foundBy;
    const decodedDeviceShown = claimed && deviceOf(claimed, []);
    return {
      devices: await classic.toSources(volumes),
      clue: {
        foundBy,
        decoded: decoded(wanted),
        decodedDevice: decodedDeviceShown,
        shownAsVvol: isVvol ? areVvols(listed.volumes, asVvol) : undefined,
      },
    };
  };
  const [identified, poolVolumes] = await Promise.all([
    Promise.all(identities.map(identify)),
    classic.list({ storageGroupId: pool }),
  ]);
  const inPool = poolVolumes.filter((volume) => isInGroup(volume, pool));
  return inventoryOf(identified, await classic.toTargets(inPool));
}

function createClassicReader(unisphere: Unisphere, signal: AbortSignal) {
  const masking = createMaskingLookup(unisphere, signal);
  const read = new Map<string, Promise<Volume | undefined>>();
  const volumesRoot = async () => volumesPath((await unisphere.version(signal)).endpoint, unisphere.arrayId);

  const readVolume = async (id: string): Promise<Volume | undefined> => {
    const reply = await unisphere.read(`/restapi${await volumesRoot()}/${id}`, signal);
    const body = bodyIfFound(reply, `show device "${id}"`);
    return body === undefined ? undefined : classicVolume(asBody(body, `device "${id}"`));
  };

  /** Each device is read once. */
  const volume = (id: string): Promise<Volume | undefined> => {
    const known = read.get(id) ?? readVolume(id);
    read.set(id, known);
    return known;
  };

  const list = async (filter: Readonly<Record<string, string>>): Promise<readonly Volume[]> => {
    const rows = await readIterator(unisphere, (await volumesRoot()) + query(filter), signal);
    const ids = rows.flatMap((row) => text(row, 'volumeId') ?? []);
    return (await Promise.all(ids.map(volume))).filter((found) => found !== undefined);
  };

  let vvols: Promise<ReadonlySet<string>> | undefined;
  const listVvols = async (): Promise<ReadonlySet<string>> => {
    const rows = await readIterator(unisphere, (await volumesRoot()) + query({ virtual_volumes: 'true' }), signal);
    return new Set(rows.flatMap((row) => text(row, 'volumeId') ?? []));
  };

  const strategies = vvolStrategies(unisphere, { list, volume }, signal);

  const devicesOf = async (
    found: readonly Volume[],
    viewsOf: (one: Volume) => Promise<Device['maskingViews']>,
  ): Promise<readonly Device[]> =>
    (await Promise.all(found.map(async (one) => deviceOf(one, await viewsOf(one)) ?? []))).flat();

  /** The array shows identities in upper case; whether its filters mind the case is not published. */
  const listedAs = (wanted: WantedDevice): Promise<readonly Volume[]> => {
    switch (wanted.kind) {
      case 'label':
        return Promise.resolve([]);
      case 'nguid':
        return list({ nguid: wanted.nguid.toUpperCase() });
      default:
        return list({ effective_wwn: wanted.wwn.toUpperCase() });
    }
  };

  return {
    list,
    volume,
    /** Ids of all vVols, in one list however many identities ask. */
    vvolIds: () => (vvols ??= listVvols()),
    findVvol: (wanted: WantedVvol) => findVvol(strategies, wanted),
    eachHost: masking.eachHost,
    /** `claimed` is the device that the identity names by itself; the list is asked also when it shows the identity: others may too. */
    async find(wanted: WantedDevice, claimed: Volume | undefined): Promise<FoundVolumes> {
      const proposed = [...(claimed ? [claimed] : []), ...(await listedAs(wanted))];
      const found = new Map(proposed.filter((one) => answersTo(one, wanted)).map((one) => [one.id, one]));
      const [first] = found.values();
      return { volumes: [...found.values()], foundBy: first && answeredBy(first, wanted) };
    },
    toSources: (found: readonly Volume[]) => devicesOf(found, masking.viewsOf),
    toTargets: (found: readonly Volume[]) =>
      devicesOf(found, async (one) => masking.eachHost(await masking.viewsOf(one))),
  };
}

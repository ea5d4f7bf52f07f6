import type { DeviceInfo } from '../devices/store-contract.ts';
import { noContentAnswer, okAnswer } from './answers.ts';
import { arrayUniqueGuid, cylindersFor, formatDeviceId, MOBILITY_FAMILY, parseDeviceId } from './device-identity.ts';
import type { LabArray } from './lab-array.ts';
import { blockOf, type Fields, flagOf, numberOf, parseFlag, textOf } from './lenient-fields.ts';
import { inCopySession, inStorageGroup, malformed, notFound, vvolRefused } from './messages.ts';
import { privateVolumeBody } from './private-volumes.ts';
import { arrayOf, controlledArrayOf, type Effect, type Handler, param, perform, type RestCall } from './rest-call.ts';
import { guardStore } from './store-refusals.ts';
import { volumeBody } from './volume-answers.ts';
import { filterDevices } from './volume-filters.ts';
import { identifierFor, parseIdentifier } from './volume-identifiers.ts';

export function deviceOf(array: LabArray, id: string): DeviceInfo {
  const device = array.device(id);
  if (!device) throw notFound('Volume', id, array.id);
  return device;
}

const selected = (call: RestCall): readonly DeviceInfo[] =>
  filterDevices(arrayOf(call), call.query, (name) =>
    call.unisphere.events.add('array', 'unserved', 'GET volume filter', name, {}),
  );

/** Not published: a year is more than any client asks for. */
const LONGEST_LIFE_MINUTES = 365 * 24 * 60;

/** vVols are left out unless asked for: see `vvolsInVolumeLists`. */
function listed(call: RestCall): readonly DeviceInfo[] {
  const { query } = call;
  const { index, knobs } = arrayOf(call);
  const wantsVvols = parseFlag(query.get('virtual_volumes'), 'virtual_volumes');
  const ids = query.getAll('volumeId').map((id) => id.toUpperCase());
  const all = wantsVvols || knobs.vvolsInVolumeLists === true;
  return selected(call).filter(({ id }) => all || ids.includes(id) || !index.vvolOf(id));
}

const lifeMinutes = (call: RestCall): number | undefined => {
  const text = call.query.get('expiration_time_mins');
  if (text === null) return undefined;
  const minutes = Number(text);
  if (!(minutes > 0 && minutes <= LONGEST_LIFE_MINUTES))
    throw malformed('The value of parameter expiration_time_mins is not valid');
  return minutes;
};

export const listVolumes: Handler = (call) =>
  okAnswer(
    call.unisphere.iterators.start(
      listed(call).map(({ id }) => ({ volumeId: id })),
      lifeMinutes(call),
    ),
  );

export const listPrivateVolumes: Handler = (call) => {
  const array = arrayOf(call);
  const rows = selected(call).map((device) => privateVolumeBody(array, device));
  return okAnswer(call.unisphere.iterators.start(rows, lifeMinutes(call)));
};

export const getVolume: Handler = (call) => {
  const array = arrayOf(call);
  return okAnswer(volumeBody(array, deviceOf(array, param(call, 'volume')), call.apiVersion));
};

export const readIteratorPage: Handler = (call) =>
  okAnswer(
    call.unisphere.iterators.page(
      param(call, 'iterator'),
      Number(call.query.get('from') ?? 1),
      Number(call.query.get('to') ?? call.query.get('from') ?? 1),
    ),
  );

export const deleteIterator: Handler = (call) => {
  call.unisphere.iterators.remove(param(call, 'iterator'));
  return noContentAnswer;
};

export const editVolume: Handler = (call) => {
  const array = controlledArrayOf(call);
  const { id } = deviceOf(array, param(call, 'volume'));
  const action = blockOf(call.body, 'editVolumeActionParam');
  if (!action) throw malformed('The required attribute editVolumeActionParam is missing');
  const effect = editOf(array, id, action);
  return perform(call, {
    array,
    name: `Modify Volume ${id}`,
    problem: 'modifying the volume resource',
    devices: [id],
    masking: false,
    run: (): Effect => {
      effect();
      return {
        answer: okAnswer(volumeBody(array, deviceOf(array, id), call.apiVersion)),
        tasks: [`Modify Volume [${id}]`],
        resourceLink: `volume/${id}`,
      };
    },
  });
};

function editOf(array: LabArray, id: string, action: Fields): () => void {
  const identifier = blockOf(blockOf(action, 'modifyVolumeIdentifierParam') ?? {}, 'volumeIdentifier');
  if (identifier) {
    const wanted = parseIdentifier(identifier);
    return () => setIdentifier(array, id, identifierFor(wanted, id, 0));
  }
  const expand = blockOf(blockOf(action, 'expandVolumeParam') ?? {}, 'volumeAttribute');
  if (expand) {
    const cylinders = cylindersFor(numberOf(expand, 'volume_size') ?? 0, textOf(expand, 'capacityUnit') ?? 'GB');
    return () => guardStore(array, () => array.store.expandDevice(id, cylinders));
  }
  const free = blockOf(action, 'freeVolumeParam');
  if (free) {
    if (!flagOf(free, 'free_volume')) throw malformed('The attribute free_volume must be true');
    return () => deallocate(array, id);
  }
  const mobility = blockOf(action, 'enable_mobility_id_param');
  if (mobility) {
    const enable = flagOf(mobility, 'enable_mobility_id');
    return () => setMobility(array, id, enable);
  }
  throw malformed('No known action in editVolumeActionParam');
}

function setIdentifier(array: LabArray, id: string, identifier: string | undefined): void {
  array.change((config) => {
    const naming = config.devices[id] ?? {};
    if (identifier === undefined) delete naming.identifier;
    else naming.identifier = identifier;
    config.devices[id] = naming;
  });
}

function setMobility(array: LabArray, id: string, enable: boolean): void {
  array.change((config) => {
    const naming = config.devices[id] ?? {};
    if (enable) naming.mobilityWwn ??= arrayUniqueGuid(array.id, MOBILITY_FAMILY, parseDeviceId(id));
    else delete naming.mobilityWwn;
    config.devices[id] = naming;
  });
}

/** The device reads as zeros afterwards. */
function deallocate(array: LabArray, id: string): void {
  const { sizeBytes, isTarget } = deviceOf(array, id);
  if (isTarget) throw inCopySession();
  const device = array.store.open(id);
  const trackBytes = 131072;
  const zeros = Buffer.alloc(trackBytes);
  for (const run of array.store.extents(id))
    for (let track = run.firstTrack; track < run.firstTrack + run.tracks; track++) {
      const offset = track * trackBytes;
      device.write(offset, zeros.subarray(0, Math.min(trackBytes, sizeBytes - offset)));
    }
}

/** One device (`00123`) or a range (`002-006`). */
export const deleteVolume: Handler = (call) => {
  const array = controlledArrayOf(call);
  const ids = idsOf(param(call, 'volume'));
  for (const id of ids) deviceOf(array, id);
  return perform(call, {
    array,
    name: `Delete Volume ${ids.join(', ')}`,
    problem: 'deleting the volume resource',
    devices: ids,
    masking: false,
    run: (): Effect => {
      for (const id of ids) refuseDelete(array, id);
      for (const id of ids) guardStore(array, () => array.store.deleteDevice(id));
      array.change((config) => {
        for (const id of ids) delete config.devices[id];
      });
      return { answer: noContentAnswer, tasks: [`Delete Volumes [${ids.join(', ')}]`] };
    },
  });
};

function refuseDelete(array: LabArray, id: string): void {
  const device = deviceOf(array, id);
  if (array.index.vvolOf(id)) throw vvolRefused();
  if (array.index.groupsOf(id).length > 0) throw inStorageGroup();
  if (device.isSource || device.isTarget) throw inCopySession();
}

function idsOf(text: string): readonly string[] {
  const [first = '', last = first] = text.split('-');
  const from = parseDeviceId(first);
  const to = parseDeviceId(last);
  if (!(from <= to)) throw malformed(`The volume ${text} is not valid`);
  return Array.from({ length: to - from + 1 }, (_, index) => formatDeviceId(from + index));
}

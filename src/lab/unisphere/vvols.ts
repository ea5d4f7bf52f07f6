import { okAnswer } from './answers.ts';
import { findNamed, type StorageContainer, type StorageResource } from './array-config.ts';
import { capacityOf } from './device-identity.ts';
import type { LabArray } from './lab-array.ts';
import { notFound } from './messages.ts';
import { type FilterTable, passesFilters } from './query-filters.ts';
import { arrayOf, type Handler, param, type RestCall } from './rest-call.ts';
import { allocatedPercent } from './volume-answers.ts';
import { deviceOf } from './volumes.ts';

/** `/{ver}/vvol/symmetrix/{id}/...`: what an admin can see of vVols. All of it is read-only: VASA manages them. */
export const getVvolArray: Handler = (call) => {
  const array = arrayOf(call);
  return okAnswer({
    symmetrixId: array.id,
    device_count: array.store.devices().length,
    microcode: array.microcode,
    model: array.model,
    local: array.local,
  });
};

export const listVasaProviders: Handler = (call) =>
  okAnswer({
    vasaProviders: arrayOf(call).config.vasaProviders.map(({ address, status, availability }) => ({
      ipaddress: address,
      status,
      availabilityStatus: availability,
    })),
  });

const usedGb = (array: LabArray, resource: StorageResource): number =>
  capacityOf(resource.volumes.reduce((total, { device }) => total + (array.device(device)?.cylinders ?? 0), 0)).gb;

const round2 = (value: number): number => Math.round(value * 100) / 100;

function subscription(array: LabArray, resources: readonly StorageResource[]): Record<string, number> {
  const limit = resources.reduce((total, resource) => total + resource.limitGb, 0);
  const used = resources.reduce((total, resource) => total + usedGb(array, resource), 0);
  return {
    subscribed_limit_gb: round2(limit),
    subscribed_used_gb: round2(used),
    subscribed_free_gb: round2(limit - used),
  };
}

const CONTAINER_FILTERS: FilterTable<undefined, StorageContainer> = {
  uuid: (_none, container) => container.uuid,
  storageContainerId: (_none, container) => container.id,
};

export const listContainers: Handler = (call) => {
  const containers = arrayOf(call).config.storageContainers.filter((one) =>
    passesFilters(CONTAINER_FILTERS, undefined, one, call.query),
  );
  return okAnswer({ storageContainerId: containers.map((container) => container.id) });
};

function containerOf(call: RestCall): StorageContainer {
  const array = arrayOf(call);
  const container = findNamed(array.config.storageContainers, param(call, 'container'));
  if (!container) throw notFound('Storage Container', param(call, 'container'), array.id);
  return container;
}

export const getContainer: Handler = (call) => {
  const container = containerOf(call);
  return okAnswer({
    storageContainerId: container.id,
    description: container.description,
    uuid: container.uuid,
    number_of_storage_resources: container.resources.length,
    ...subscription(arrayOf(call), container.resources),
  });
};

export const listResources: Handler = (call) =>
  okAnswer({ storageResourceId: containerOf(call).resources.map((resource) => resource.id) });

function resourceOf(call: RestCall): StorageResource {
  const resource = findNamed(containerOf(call).resources, param(call, 'resource'));
  if (!resource) throw notFound('Storage Resource', param(call, 'resource'), arrayOf(call).id);
  return resource;
}

export const getResource: Handler = (call) => {
  const resource = resourceOf(call);
  return okAnswer({
    storageResourceId: resource.id,
    storageContainerId: containerOf(call).id,
    uuid: resource.uuid,
    srpId: resource.srp,
    sloId: resource.serviceLevel,
    workloadId: 'NONE',
    ...subscription(arrayOf(call), [resource]),
    compression: true,
  });
};

const VOLUME_FILTERS: FilterTable<undefined, { device: string; wwn: string }> = {
  wwn: (_none, volume) => ({ exactly: volume.wwn }),
  volumeId: (_none, volume) => volume.device,
};

export const listVvols: Handler = (call) => {
  const volumes = resourceOf(call).volumes.filter((one) => passesFilters(VOLUME_FILTERS, undefined, one, call.query));
  return okAnswer({ volumeId: volumes.map((volume) => volume.device) });
};

export const getVvol: Handler = (call) => {
  const array = arrayOf(call);
  const id = param(call, 'volume').toUpperCase();
  const volume = resourceOf(call).volumes.find((one) => one.device === id);
  if (!volume) throw notFound('Volume', id, array.id);
  const device = deviceOf(array, id);
  const { gb, mb } = capacityOf(device.cylinders);
  return okAnswer({
    volumeId: device.id,
    wwn: volume.wwn,
    cap_gb: gb,
    cap_mb: mb,
    status: 'Ready',
    allocated_percent: allocatedPercent(device),
    type: 'TDEV',
    emulation: device.emulation,
  });
};

export const listProtocolEndpoints: Handler = (call) =>
  okAnswer({ protocolEndpointId: arrayOf(call).config.protocolEndpoints });

/** An ordinary-looking thin device; hosts see it instead of the vVols bound behind it. */
export const getProtocolEndpoint: Handler = (call) => {
  const array = arrayOf(call);
  const id = param(call, 'endpoint').toUpperCase();
  if (!array.config.protocolEndpoints.includes(id)) throw notFound('Protocol Endpoint', id, array.id);
  return okAnswer({
    protocolEndpointId: id,
    number_of_storage_groups: array.index.groupsOf(id).length,
    number_of_masking_views: array.index.viewsOf(id).length,
    status: 'Ready',
    reserved: false,
  });
};

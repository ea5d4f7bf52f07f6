import type { ArrayId, DeviceId } from '../ports/identity.ts';

const segment = encodeURIComponent;

/** A query with its values encoded; the order stays. */
export function query(parameters: Readonly<Record<string, string>>): string {
  return `?${Object.entries(parameters)
    .map(([name, value]) => `${name}=${segment(value)}`)
    .join('&')}`;
}

export const bulkVolumes = (array: ArrayId) => `/rest/v1/systems/${array}/volumes`;

/** Classic API, below `/univmax/restapi`. */
export const symmetrix = (endpoint: number, array: ArrayId) => `/${endpoint}/system/symmetrix/${array}`;
export const capabilities = (endpoint: number) => `/${endpoint}/replication/capabilities/symmetrix`;
export const volumes = (endpoint: number, array: ArrayId) => `/${endpoint}/sloprovisioning/symmetrix/${array}/volume`;
export const storageGroup = (endpoint: number, array: ArrayId, group: string) =>
  `/${endpoint}/sloprovisioning/symmetrix/${array}/storagegroup/${segment(group)}`;
export const storageGroups = (endpoint: number, array: ArrayId) =>
  `/${endpoint}/sloprovisioning/symmetrix/${array}/storagegroup`;
export const maskingView = (endpoint: number, array: ArrayId, view: string) =>
  `/${endpoint}/sloprovisioning/symmetrix/${array}/maskingview/${segment(view)}`;
export const viewConnections = (endpoint: number, array: ArrayId, view: string, device: DeviceId) =>
  `${maskingView(endpoint, array, view)}/connections${query({ volume_id: device })}`;
export const host = (endpoint: number, array: ArrayId, name: string) =>
  `/${endpoint}/sloprovisioning/symmetrix/${array}/host/${segment(name)}`;
export const hostGroup = (endpoint: number, array: ArrayId, group: string) =>
  `/${endpoint}/sloprovisioning/symmetrix/${array}/hostgroup/${segment(group)}`;
/** What vVols are kept in (Unisphere 10.0 OpenAPI): containers hold resources, resources hold volumes. */
export const storageContainers = (endpoint: number, array: ArrayId) =>
  `/${endpoint}/vvol/symmetrix/${array}/storagecontainer`;
export const storageResources = (containers: string, container: string) =>
  `${containers}/${segment(container)}/storageresource`;
export const vvolsOf = (resources: string, resource: string) => `${resources}/${segment(resource)}/volume`;
export const iterator = (id: string) => `/common/Iterator/${segment(id)}`;

/**
 * Device-list SnapVX: not in the published OpenAPI, but what Dell's CSI driver and the Cinder driver use on real arrays.
 * The only interface that acts on exactly the chosen devices in one request.
 */
const devices = (endpoint: number, array: ArrayId) => `/private/${endpoint}/replication/symmetrix/${array}`;
export const deviceSnapshot = (endpoint: number, array: ArrayId, name: string) =>
  `${devices(endpoint, array)}/snapshot/${segment(name)}`;
export const snapshotsOfDevice = (endpoint: number, array: ArrayId, device: DeviceId) =>
  `${devices(endpoint, array)}/volume/${device}/snapshot`;
export const devicesWithSnapshots = (endpoint: number, array: ArrayId) => `${devices(endpoint, array)}/volume`;

/** SnapVX of whole storage groups (Unisphere 10.0 OpenAPI). */
export const groupsWithSnapshots = (endpoint: number, array: ArrayId) =>
  `/${endpoint}/replication/symmetrix/${array}/storagegroup${query({ hasSnapshots: 'true' })}`;
export const groupSnapshots = (endpoint: number, array: ArrayId, group: string) =>
  `/${endpoint}/replication/symmetrix/${array}/storagegroup/${segment(group)}/snapshot`;
export const groupSnapshot = (endpoint: number, array: ArrayId, group: string, name: string) =>
  `${groupSnapshots(endpoint, array, group)}/${segment(name)}`;

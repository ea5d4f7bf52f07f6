import {
  createHost,
  createHostGroup,
  deleteHost,
  deleteHostGroup,
  getHost,
  getHostGroup,
  listHostGroups,
  listHosts,
} from './hosts.ts';
import { getInitiator, listInitiators } from './initiators.ts';
import { getConnections } from './masking-connections.ts';
import { createMaskingView, deleteMaskingView, getMaskingView, listMaskingViews } from './masking-views.ts';
import { createPortGroup, deletePortGroup, getPortGroup, listPortGroups } from './port-groups.ts';
import type { Handler } from './rest-call.ts';
import type { Route } from './router.ts';
import {
  getGeneration,
  getGenerations,
  getNamedSnapshot,
  getSessions,
  listDevicesWithSnapshots,
} from './snapvx-device-reads.ts';
import { createSnapshot, modifySnapshot, terminateSnapshot } from './snapvx-devices.ts';
import { modifyGroupSnapshot } from './snapvx-group-actions.ts';
import {
  createGroupSnapshot,
  getGroupMapping,
  getGroupSnapshot,
  getGroupSnapshotDetails,
  getReplicationGroup,
  listGroupGenerations,
  listGroupSnapIds,
  listGroupSnapshots,
  listReplicationGroups,
  terminateGroupSnapshot,
  terminateGroupSnapshots,
} from './snapvx-groups.ts';
import { editStorageGroup } from './storage-group-edits.ts';
import { createStorageGroup, deleteStorageGroup, getStorageGroup, listStorageGroups } from './storage-groups.ts';
import {
  getArray,
  getCapabilities,
  getJob,
  getPool,
  getProvisioningArray,
  getSystemInfo,
  getVersion,
  listArrays,
  listJobs,
  listPools,
  listServiceLevels,
  refreshArray,
} from './system.ts';
import { ENHANCED_LISTS } from './v1-lists.ts';
import {
  deleteIterator,
  deleteVolume,
  editVolume,
  getVolume,
  listPrivateVolumes,
  listVolumes,
  readIteratorPage,
} from './volumes.ts';
import {
  getContainer,
  getProtocolEndpoint,
  getResource,
  getVvol,
  getVvolArray,
  listContainers,
  listProtocolEndpoints,
  listResources,
  listVasaProviders,
  listVvols,
} from './vvols.ts';

const CLASSIC = '/univmax/restapi';
const PROVISIONING = `${CLASSIC}/{ver}/sloprovisioning/symmetrix/{array}`;
const REPLICATION = `${CLASSIC}/{ver}/replication/symmetrix/{array}`;
const PRIVATE_REPLICATION = `${CLASSIC}/private/{ver}/replication/symmetrix/{array}`;
const VVOL = `${CLASSIC}/{ver}/vvol/symmetrix/{array}`;
const V1 = '/univmax/rest/v1';

function get(path: string, operation: string, handler: Handler, object?: string): Route {
  return { method: 'GET', path, operation: `GET ${operation}`, handler, ...(object !== undefined && { object }) };
}
const post = (path: string, operation: string, handler: Handler, object?: string): Route => ({
  ...get(path, operation, handler, object),
  method: 'POST',
  operation: `POST ${operation}`,
});
const put = (path: string, operation: string, handler: Handler, object: string, namesAction = false): Route => ({
  ...get(path, operation, handler, object),
  method: 'PUT',
  operation: `PUT ${operation}`,
  namesAction,
});
const remove = (path: string, operation: string, handler: Handler, object: string): Route => ({
  ...get(path, operation, handler, object),
  method: 'DELETE',
  operation: `DELETE ${operation}`,
});

const system: readonly Route[] = [
  get(`${CLASSIC}/version`, '/version', getVersion),
  get(`${CLASSIC}/system/version`, '/system/version', getVersion),
  get(`${CLASSIC}/{ver}/system/info`, 'system/info', getSystemInfo),
  ...['system', 'sloprovisioning', 'replication', 'vvol'].map((category) =>
    get(`${CLASSIC}/{ver}/${category}/symmetrix`, `${category}/symmetrix`, listArrays),
  ),
  get(`${CLASSIC}/{ver}/system/symmetrix/{array}`, 'system/symmetrix', getArray, 'array'),
  get(PROVISIONING, 'sloprovisioning/symmetrix', getProvisioningArray, 'array'),
  post(`${CLASSIC}/{ver}/system/symmetrix/{array}/refresh`, 'system/symmetrix/refresh', refreshArray, 'array'),
  get(`${CLASSIC}/{ver}/replication/capabilities/symmetrix`, 'replication/capabilities', getCapabilities),
  get(`${PROVISIONING}/slo`, 'slo', listServiceLevels),
  get(`${PROVISIONING}/srp`, 'srp', listPools),
  get(`${PROVISIONING}/srp/{srp}`, 'srp', getPool, 'srp'),
  get(`${CLASSIC}/{ver}/system/job`, 'job', listJobs),
  get(`${CLASSIC}/{ver}/system/job/{job}`, 'job', getJob, 'job'),
  get(`${CLASSIC}/{ver}/system/symmetrix/{array}/job`, 'job', listJobs),
  get(`${CLASSIC}/{ver}/system/symmetrix/{array}/job/{job}`, 'job', getJob, 'job'),
];

const provisioning: readonly Route[] = [
  get(`${CLASSIC}/common/Iterator/{iterator}/page`, 'Iterator/page', readIteratorPage, 'iterator'),
  remove(`${CLASSIC}/common/Iterator/{iterator}`, 'Iterator', deleteIterator, 'iterator'),
  get(`${PROVISIONING}/volume`, 'volume', listVolumes),
  get(`${PROVISIONING}/volume/{volume}`, 'volume', getVolume, 'volume'),
  put(`${PROVISIONING}/volume/{volume}`, 'volume', editVolume, 'volume'),
  remove(`${PROVISIONING}/volume/{volume}`, 'volume', deleteVolume, 'volume'),
  get(`${CLASSIC}/private/{ver}/sloprovisioning/symmetrix/{array}/volume`, 'private/volume', listPrivateVolumes),
  get(`${PROVISIONING}/storagegroup`, 'storagegroup', listStorageGroups),
  post(`${PROVISIONING}/storagegroup`, 'storagegroup', createStorageGroup),
  get(`${PROVISIONING}/storagegroup/{group}`, 'storagegroup', getStorageGroup, 'group'),
  put(`${PROVISIONING}/storagegroup/{group}`, 'storagegroup', editStorageGroup, 'group'),
  remove(`${PROVISIONING}/storagegroup/{group}`, 'storagegroup', deleteStorageGroup, 'group'),
];

const masking: readonly Route[] = [
  get(`${PROVISIONING}/host`, 'host', listHosts),
  post(`${PROVISIONING}/host`, 'host', createHost),
  get(`${PROVISIONING}/host/{host}`, 'host', getHost, 'host'),
  remove(`${PROVISIONING}/host/{host}`, 'host', deleteHost, 'host'),
  get(`${PROVISIONING}/hostgroup`, 'hostgroup', listHostGroups),
  post(`${PROVISIONING}/hostgroup`, 'hostgroup', createHostGroup),
  get(`${PROVISIONING}/hostgroup/{hostgroup}`, 'hostgroup', getHostGroup, 'hostgroup'),
  remove(`${PROVISIONING}/hostgroup/{hostgroup}`, 'hostgroup', deleteHostGroup, 'hostgroup'),
  get(`${PROVISIONING}/initiator`, 'initiator', listInitiators),
  get(`${PROVISIONING}/initiator/{initiator}`, 'initiator', getInitiator, 'initiator'),
  get(`${PROVISIONING}/portgroup`, 'portgroup', listPortGroups),
  post(`${PROVISIONING}/portgroup`, 'portgroup', createPortGroup),
  get(`${PROVISIONING}/portgroup/{portgroup}`, 'portgroup', getPortGroup, 'portgroup'),
  remove(`${PROVISIONING}/portgroup/{portgroup}`, 'portgroup', deletePortGroup, 'portgroup'),
  get(`${PROVISIONING}/maskingview`, 'maskingview', listMaskingViews),
  post(`${PROVISIONING}/maskingview`, 'maskingview', createMaskingView),
  get(`${PROVISIONING}/maskingview/{view}`, 'maskingview', getMaskingView, 'view'),
  remove(`${PROVISIONING}/maskingview/{view}`, 'maskingview', deleteMaskingView, 'view'),
  get(`${PROVISIONING}/maskingview/{view}/connections`, 'maskingview/connections', getConnections, 'view'),
];

const deviceSnapshots: readonly Route[] = [
  post(`${PRIVATE_REPLICATION}/snapshot/{snapshot}`, 'private/snapshot', createSnapshot, 'snapshot'),
  put(`${PRIVATE_REPLICATION}/snapshot/{snapshot}`, 'private/snapshot', modifySnapshot, 'snapshot', true),
  remove(`${PRIVATE_REPLICATION}/snapshot/{snapshot}`, 'private/snapshot', terminateSnapshot, 'snapshot'),
  get(`${PRIVATE_REPLICATION}/volume`, 'private/replication/volume', listDevicesWithSnapshots),
  get(`${PRIVATE_REPLICATION}/volume/{volume}/snapshot`, 'private/volume/snapshot', getSessions, 'volume'),
  get(
    `${PRIVATE_REPLICATION}/volume/{volume}/snapshot/{snapshot}`,
    'private/volume/snapshot',
    getNamedSnapshot,
    'snapshot',
  ),
  get(
    `${PRIVATE_REPLICATION}/volume/{volume}/snapshot/{snapshot}/generation`,
    'private/volume/snapshot/generation',
    getGenerations,
    'snapshot',
  ),
  get(
    `${PRIVATE_REPLICATION}/volume/{volume}/snapshot/{snapshot}/generation/{generation}`,
    'private/volume/snapshot/generation',
    getGeneration,
    'snapshot',
  ),
];

const SG = `${REPLICATION}/storagegroup/{group}`;
const SNAPSHOT = `${SG}/snapshot/{snapshot}`;

const groupSnapshots: readonly Route[] = [
  get(`${REPLICATION}/storagegroup`, 'replication/storagegroup', listReplicationGroups),
  get(SG, 'replication/storagegroup', getReplicationGroup, 'group'),
  get(`${SG}/snapshot`, 'storagegroup/snapshot', listGroupSnapshots, 'group'),
  post(`${SG}/snapshot`, 'storagegroup/snapshot', createGroupSnapshot, 'group'),
  remove(`${SG}/snapshot`, 'storagegroup/snapshot', terminateGroupSnapshots, 'group'),
  get(SNAPSHOT, 'storagegroup/snapshot', getGroupSnapshot, 'snapshot'),
  get(`${SNAPSHOT}/generation`, 'storagegroup/snapshot/generation', listGroupGenerations, 'snapshot'),
  get(`${SNAPSHOT}/snapid`, 'storagegroup/snapshot/snapid', listGroupSnapIds, 'snapshot'),
  get(`${SNAPSHOT}/mapping`, 'storagegroup/snapshot/mapping', getGroupMapping, 'snapshot'),
  ...['generation', 'snapid'].flatMap((kind) => [
    get(`${SNAPSHOT}/${kind}/{${kind}}`, `storagegroup/snapshot/${kind}`, getGroupSnapshotDetails, 'snapshot'),
    put(`${SNAPSHOT}/${kind}/{${kind}}`, 'storagegroup/snapshot', modifyGroupSnapshot, 'snapshot', true),
    remove(`${SNAPSHOT}/${kind}/{${kind}}`, 'storagegroup/snapshot', terminateGroupSnapshot, 'snapshot'),
  ]),
];

const CONTAINER = `${VVOL}/storagecontainer/{container}`;
const RESOURCE = `${CONTAINER}/storageresource/{resource}`;

const vvols: readonly Route[] = [
  get(VVOL, 'vvol/symmetrix', getVvolArray, 'array'),
  get(`${VVOL}/vasaprovider`, 'vvol/vasaprovider', listVasaProviders),
  get(`${VVOL}/storagecontainer`, 'vvol/storagecontainer', listContainers),
  get(CONTAINER, 'vvol/storagecontainer', getContainer, 'container'),
  get(`${CONTAINER}/storageresource`, 'vvol/storageresource', listResources, 'container'),
  get(RESOURCE, 'vvol/storageresource', getResource, 'resource'),
  get(`${RESOURCE}/volume`, 'vvol/volume', listVvols, 'resource'),
  get(`${RESOURCE}/volume/{volume}`, 'vvol/volume', getVvol, 'volume'),
  get(`${VVOL}/protocolendpoint`, 'vvol/protocolendpoint', listProtocolEndpoints),
  get(`${VVOL}/protocolendpoint/{endpoint}`, 'vvol/protocolendpoint', getProtocolEndpoint, 'endpoint'),
];

/** Everything the lab serves of the classic API. The rest is answered 404 and logged `unserved`. */
export const CLASSIC_ROUTES: readonly Route[] = [
  ...system,
  ...provisioning,
  ...masking,
  ...deviceSnapshots,
  ...groupSnapshots,
  ...vvols,
];

/** From 10.1 on. */
export const ENHANCED_ROUTES: readonly Route[] = Object.entries(ENHANCED_LISTS).flatMap(([kind, handlers]) => [
  get(`${V1}/systems/{array}/${kind}`, `v1/${kind}`, handlers.list),
  get(`${V1}/systems/${kind}/metadata`, `v1/${kind}/metadata`, handlers.metadata),
]);

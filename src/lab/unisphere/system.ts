import { okAnswer } from './answers.ts';
import { capacityOf } from './device-identity.ts';
import type { LabArray } from './lab-array.ts';
import { parseFlag } from './lenient-fields.ts';
import { notFound, Refusal, tooManyRequests } from './messages.ts';
import { ownApiVersion } from './releases.ts';
import { arrayOf, controlledArrayOf, type Handler, param } from './rest-call.ts';

/** `GET /version`; before 9.1 the path was `/system/version`. */
export const getVersion: Handler = ({ unisphere: { release } }) =>
  okAnswer({
    version: release.version,
    ...(release.tellsApiVersions && {
      api_version: String(ownApiVersion(release)),
      supported_api_versions: release.supported.map(String),
    }),
  });

export const getSystemInfo: Handler = ({ unisphere: { release } }) =>
  okAnswer({ version: release.version, embedded: false, control_host_fqdn: 'unisphere.lab' });

/** `GET /{ver}/{category}/symmetrix` */
export const listArrays: Handler = (call) => {
  const capable = call.query.get('compressionCapable');
  const wantsNone = capable !== null && !parseFlag(capable, 'compressionCapable');
  return okAnswer({ symmetrixId: wantsNone ? [] : [...call.unisphere.arrays.keys()] });
};

function arrayBody(array: LabArray, apiVersion: number): Record<string, unknown> {
  return {
    symmetrixId: array.id,
    device_count: array.store.devices().length,
    // 9.x calls the microcode `ucode`, 10.x `microcode`, the latest answer both.
    ucode: apiVersion < 100 || apiVersion >= 103 ? array.microcode : undefined,
    microcode: apiVersion >= 100 ? array.microcode : undefined,
    model: array.model,
    local: array.local,
    all_flash: true,
    disk_count: 40,
    cache_size_mb: 858112,
    data_encryption: 'Enabled',
  };
}

export const getArray: Handler = (call) => {
  const array = arrayOf(call);
  const includeLocks = parseFlag(call.query.get('include_lock_info'), 'include_lock_info');
  return okAnswer({
    ...arrayBody(array, call.apiVersion),
    lockInfo: includeLocks ? array.locks.info() : undefined,
  });
};

export const getProvisioningArray: Handler = (call) => {
  const array = arrayOf(call);
  const { symmetrixId, device_count, ucode, microcode, model, local } = arrayBody(array, call.apiVersion);
  return okAnswer({
    symmetrixId,
    device_count,
    ucode,
    microcode,
    model,
    local,
    default_fba_srp: 'SRP_1',
    host_visible_device_count: device_count,
  });
};

const REFRESH_INTERVAL_MS = 5 * 60_000;

/** Makes the object model catch up; once per five minutes. */
export const refreshArray: Handler = (call) => {
  const array = controlledArrayOf(call);
  const { refreshedAtMs, pace } = call.unisphere;
  const lastMs = refreshedAtMs.get(array.id);
  if (lastMs !== undefined && performance.now() - lastMs < pace.scaledMs(REFRESH_INTERVAL_MS)) throw tooManyRequests();
  refreshedAtMs.set(array.id, performance.now());
  array.lag.catchUp();
  array.snapshotLag.catchUp();
  array.seenBy?.config.catchUp();
  return okAnswer(undefined);
};

export const getCapabilities: Handler = (call) =>
  okAnswer({
    symmetrixCapability: [...call.unisphere.arrays.values()].map((array) => ({
      symmetrixId: array.id,
      snapVxCapable: array.snapVxLicensed,
      rdfCapable: false,
    })),
  });

export const listServiceLevels: Handler = (call) => {
  arrayOf(call);
  return okAnswer({ sloId: ['Diamond', 'Platinum', 'Gold', 'Silver', 'Bronze', 'Optimized'] });
};

const POOL = 'SRP_1';
const POOL_TB = 100;

export const listPools: Handler = (call) => {
  arrayOf(call);
  return okAnswer({ srpId: [POOL] });
};

export const getPool: Handler = (call) => {
  const array = arrayOf(call);
  if (param(call, 'srp') !== POOL) throw notFound('Storage Resource Pool', param(call, 'srp'), array.id);
  const devices = array.store.devices();
  const cylinders = devices.reduce((total, device) => total + device.cylinders, 0);
  const usedCylinders = devices.reduce((total, device) => total + device.allocatedTracks, 0) / 15;
  return okAnswer({
    srpId: POOL,
    num_of_disk_groups: 1,
    description: '',
    emulation: 'FBA',
    reserved_cap_percent: 10,
    srp_capacity: {
      subscribed_total_tb: capacityOf(cylinders).tb,
      usable_used_tb: capacityOf(usedCylinders).tb,
      usable_total_tb: POOL_TB,
      effective_used_capacity_percent: 0,
    },
    service_levels: ['Diamond', 'Platinum', 'Gold', 'Silver', 'Bronze', 'Optimized'],
  });
};

/** `GET /{ver}/system/job/{id}` and `GET /{ver}/system/symmetrix/{array}/job/{id}` */
export const getJob: Handler = (call) => {
  const arrayId = call.params.array === undefined ? undefined : arrayOf(call).id;
  const job = call.unisphere.jobs.find(param(call, 'job'), arrayId);
  if (job === undefined) throw new Refusal(404, `Job [${param(call, 'job')}] cannot be found`);
  return okAnswer(job);
};

export const listJobs: Handler = (call) => {
  const wanted: { arrayId?: string; status?: string; name?: string; username?: string } = {};
  if (call.params.array !== undefined) wanted.arrayId = arrayOf(call).id;
  for (const key of ['status', 'name', 'username'] as const) {
    const value = call.query.get(key);
    if (value !== null) wanted[key] = value;
  }
  return okAnswer({ jobId: call.unisphere.jobs.ids(wanted) });
};

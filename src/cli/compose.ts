import { randomInt } from 'node:crypto';
import path from 'node:path';
import type { ArraySettings, Config, JobConfig } from '../config/schema.ts';
import { resolveSecret } from '../config/secrets.ts';
import { parseVmSelector } from '../config/vm-selector.ts';
import { bandFolders } from '../image/bands/bands.ts';
import { imageFiles } from '../image/image-files.ts';
import { storedImages } from '../image/image-source.ts';
import { DEFAULT_LIMITS, type JobLimits, type JobSpec, type OnOpenRun } from '../job/job-spec.ts';
import type { JobPorts } from '../job/ports.ts';
import { workingHooks } from '../job/working-hooks.ts';
import { systemClock } from '../platform/clock.ts';
import { createFileEstablishTimes } from '../platform/file-establish-times.ts';
import { createFileGuestFacts } from '../platform/file-guest-facts.ts';
import { createFileJournals } from '../platform/file-journals.ts';
import { createFileLocks } from '../platform/file-locks.ts';
import { createFileVvolAnswers } from '../platform/file-vvol-answers.ts';
import { installationMark } from '../platform/installation-mark.ts';
import { signText } from '../platform/signature.ts';
import { tidyMemory } from '../platform/tidy-memory.ts';
import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { GuestOperationsServer } from '../ports/guest-operations.ts';
import type { VmSelector } from '../ports/hypervisor.ts';
import { arrayId } from '../ports/identity.ts';
import type { Reporter } from '../ports/reporter.ts';
import { createPowerMax, type UnisphereServer } from '../powermax/powermax.ts';
import { linuxFileTrees } from '../proxy/linux/file-trees.ts';
import { createLinuxExposures } from '../proxy/linux/linux-exposures.ts';
import { createGuestOperations } from '../vsphere/guest-operations.ts';
import { createHostStorage } from '../vsphere/host-storage.ts';
import { createVmImport } from '../vsphere/vm-import.ts';
import { createVmSnapshots } from '../vsphere/vm-snapshots.ts';
import { createVsphere, type VsphereOptions } from '../vsphere/vsphere.ts';
import { composeGuests } from './compose-guests.ts';
import { composeProxy } from './compose-proxy.ts';
import { trust } from './compose-trust.ts';

/** The real adapters for a configuration. Nothing is opened before it is used; secrets are read when a login needs them. */
export function composePorts(config: Config, reporter: Reporter): JobPorts {
  const clock = systemClock;
  const locks = createFileLocks(path.join(config.stateDirectory, 'locks'), clock);
  const processesAtWork = workingHooks(locks, clock);
  const vcenter = vcenterOf(config, clock);
  return {
    hypervisor: createVsphere(vcenter),
    vmSnapshots: config.proxy.vm === undefined ? undefined : createVmSnapshots(vcenter),
    hostStorage: createHostStorage(vcenter),
    vmImport: createVmImport(vcenter),
    vvolAnswers: createFileVvolAnswers(config.stateDirectory),
    establishTimes: createFileEstablishTimes(config.stateDirectory),
    guestFacts: createFileGuestFacts(config.stateDirectory),
    arrays: config.arrays.map((array) =>
      createPowerMax({
        arrayId: arrayId(array.id),
        servers: serversOf(array),
        username: array.username,
        password: () => resolveSecret(array.password),
        clock,
        processesAtWork,
        snapVxApi: array.snapVxApi,
      }),
    ),
    guests: composeGuests(config.guests, clock, composeGuestOperations(config, clock)),
    ...composeProxy(config, clock),
    images: imageFiles,
    exposures: createLinuxExposures(clock, config.proxy.mountNamespace),
    fileTrees: linuxFileTrees,
    bands: bandFolders,
    imageSource: storedImages,
    journals: createFileJournals(path.join(config.stateDirectory, 'runs')),
    locks,
    clock,
    reporter,
    randomText: () => Array.from({ length: 6 }, () => randomInt(36).toString(36)).join(''),
    tidyMemory,
    toolVersion: `snaphook ${__VERSION__}`,
    ...(config.manifestKey !== undefined && { signText: signer(config.manifestKey) }),
    installation: {
      name: installationName(config),
      markOf: (run, array) => installationMark(installationName(config), run, array),
      proxyVm: proxyVmOf(config),
      clones: Object.values(config.jobs).flatMap(({ clones, targetPool }) =>
        clones?.presentGroup === undefined
          ? []
          : [{ targetPool: clones.targetPool ?? targetPool, presentGroup: clones.presentGroup }],
      ),
      jobs: Object.entries(config.jobs).map(([name, job]) => ({
        targetPool: job.targetPool,
        presentGroup: job.presentGroup,
        exportDirectory: job.exportDirectory,
        limits: limitsOf(name, job),
      })),
    },
  };
}

const vcenterOf = ({ vcenter: { url, username, password, tls } }: Config, clock: Clock): VsphereOptions => ({
  url,
  username,
  password: () => resolveSecret(password),
  tls: trust(tls),
  clock,
});

/** Whoever makes it closes it. */
export const composeGuestOperations = (config: Config, clock: Clock): GuestOperationsServer =>
  createGuestOperations(vcenterOf(config, clock));

/** In the order of the configuration; what a server does not say of its own is said for all of them. */
function serversOf({ unisphere, tls }: ArraySettings): readonly UnisphereServer[] {
  const servers = typeof unisphere === 'string' ? [unisphere] : unisphere;
  return servers.map((server) =>
    typeof server === 'string' ? { url: server, tls: trust(tls) } : { url: server.url, tls: trust(server.tls ?? tls) },
  );
}

const signer = (reference: string) => async (text: string) => {
  const key = await resolveSecret(reference);
  try {
    return signText(key, text);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it cannot be used';
    throw new SnaphookError('E_SECRET', `manifests cannot be signed with "${reference}": ${why}`, {
      hint: 'Make a key with: openssl genpkey -algorithm ed25519',
    });
  }
};

const proxyVmOf = ({ proxy: { vm } }: Config): VmSelector | undefined =>
  vm === undefined ? undefined : parseVmSelector(vm);

/** From the configuration alone, so that it outlives the state directory; upper and lower case of host names do not matter. */
function installationName({ installation, proxy, vcenter }: Config): string {
  return installation ?? `${proxy.host.toLowerCase()} ${new URL(vcenter.url).host.toLowerCase()}`;
}

/** The adapters for as long as the work takes. */
export async function withPorts<Result>(
  config: Config,
  reporter: Reporter,
  work: (ports: JobPorts) => Promise<Result>,
): Promise<Result> {
  const ports = composePorts(config, reporter);
  try {
    return await work(ports);
  } finally {
    await closePorts(ports);
  }
}

/** Ends every session; errors of closing never hide the result. */
export async function closePorts(ports: JobPorts): Promise<void> {
  await Promise.allSettled([
    ports.hypervisor.close(),
    ports.vmSnapshots?.close(),
    ports.hostStorage.close(),
    ports.vmImport.close(),
    ports.guests.close?.(),
    ...ports.arrays.map((array) => array.close()),
  ]);
}

/** What a call may say in place of the configuration. */
interface JobOverrides {
  readonly vms?: readonly string[];
  readonly onOpenRun?: OnOpenRun | undefined;
  /** VMs that the run has to have, whatever the job names. */
  readonly ownVms?: readonly string[] | undefined;
  /** How long the caller waits for a hook: the deadline is no longer than that. */
  readonly limitMs?: number | undefined;
}

/** The job of that name, with the VMs of the command line in place of the configured ones where some are given. */
export function jobSpec(config: Config, name: string, overrides: JobOverrides = {}): JobSpec {
  const job = config.jobs[name];
  if (!job) {
    const known = Object.keys(config.jobs);
    throw new SnaphookError('E_USAGE', `the configuration has no job "${name}"`, {
      hint: known.length === 0 ? 'Add it under `jobs:`.' : `Known jobs: ${known.join(', ')}.`,
    });
  }
  const vms = overrides.vms && overrides.vms.length > 0 ? overrides.vms : job.vms;
  return {
    name,
    vms: vms.map(parseVmSelector),
    exclude: job.exclude.map(parseVmSelector),
    onNoMatch: job.onNoMatch,
    freeze: job.freeze,
    route: job.route,
    grade: job.grade,
    onLowerGrade: job.onLowerGrade,
    collateral: job.collateral,
    hostCaches: job.hostCaches,
    onOpenRun: overrides.onOpenRun ?? job.onOpenRun,
    targetPool: job.targetPool,
    createTargets: job.createTargets,
    presentGroup: job.presentGroup,
    proxyHost: config.proxy.host,
    proxyVm: proxyVmOf(config),
    timeToLiveHours: job.timeToLiveHours,
    exportDirectory: job.exportDirectory,
    ownerGroups: job.ownerGroups,
    imageFormat: job.imageFormat,
    bandBytes: job.bandBytes,
    changedRegions: job.changedRegions,
    configurationFiles: job.configurationFiles,
    limits: limitsOf(name, job, overrides.limitMs),
    ...(overrides.ownVms && { ownVms: overrides.ownVms.map(parseVmSelector) }),
    ...(job.handOver === 'files' && { files: job.files ?? { onUnreadable: 'fail' } }),
    snapshotGap: job.snapshotGap,
    outcomeIsTold: job.outcomeIsTold,
    ...((job.handOver === 'fuse' || job.handOver === 'nbd') && { expose: job.handOver }),
    ...verifyOf(job),
    ...(job.retention && { retention: { days: job.retention.days, count: job.retention.count } }),
  };
}

function verifyOf({ handOver, verify }: JobConfig): Pick<JobSpec, 'verify'> {
  const { fileSystems = handOver === 'files', fileHashes = false, files = [], applications = [] } = verify ?? {};
  if (!fileSystems && !fileHashes && files.length === 0 && applications.length === 0) return {};
  return {
    verify: {
      fileSystems,
      ...(fileSystems && verify?.fileSystems === undefined && { isDefault: true }),
      ...(fileHashes && { fileHashes }),
      files: files.map(({ vm, path: place, volume }) => ({ vm, path: place, volume })),
      applications: applications.map(({ kind, vm, path: place, volume, seconds }) => {
        return { kind, vm, path: place, volume, limitMs: seconds * 1000 };
      }),
    },
  };
}

function limitsOf(name: string, { limits = {} }: JobConfig, limitMs = Number.POSITIVE_INFINITY): JobLimits {
  const ms = (seconds: number | undefined, fallbackMs: number) => (seconds === undefined ? fallbackMs : seconds * 1000);
  const all = {
    deadlineMs: Math.min(limitMs, ms(limits.deadlineSeconds, DEFAULT_LIMITS.deadlineMs)),
    freezeMs: ms(limits.freezeSeconds, DEFAULT_LIMITS.freezeMs),
    establishMs: limits.establishSeconds === undefined ? undefined : limits.establishSeconds * 1000,
    thawMs: ms(limits.thawSeconds, DEFAULT_LIMITS.thawMs),
    settleMs: ms(limits.settleSeconds, DEFAULT_LIMITS.settleMs),
    unlinkMs: ms(limits.unlinkSeconds, DEFAULT_LIMITS.unlinkMs),
    devicesMs: ms(limits.devicesSeconds, DEFAULT_LIMITS.devicesMs),
    undoMs: ms(limits.undoSeconds, DEFAULT_LIMITS.undoMs),
    lockWaitMs: ms(limits.lockWaitSeconds, DEFAULT_LIMITS.lockWaitMs),
    heartbeatMs: ms(limits.heartbeatSeconds, DEFAULT_LIMITS.heartbeatMs),
    joinMs: ms(limits.joinSeconds, DEFAULT_LIMITS.joinMs),
  };
  const { deadlineMs, settleMs } = all;
  if (deadlineMs > settleMs) return all;
  throw new SnaphookError(
    'E_CONFIG',
    `job "${name}": the deadline of hooks (${deadlineMs / 1000} s) is not longer than settleSeconds (${settleMs / 1000}), so that no hook could undo a request that had no answer`,
    {
      hint: "Give the hooks at least 15 seconds more than settleSeconds: by deadlineSeconds, and by the product's limit with --limit-seconds.",
    },
  );
}

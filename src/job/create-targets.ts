import { SnaphookError } from '../ports/errors.ts';
import { MODEL_LAG_MS } from '../ports/polling.ts';
import type { Device, NewDevices, StorageArray } from '../ports/storage-array.ts';
import type { RunJournal } from './journal.ts';
import type { Creation } from './journal-records.ts';
import type { JobPorts } from './ports.ts';
import { foreignHosts, matchTargets, type TargetChoice } from './targets.ts';

/**
 * What would have to be made in the pool, so that every source has a target. Refused, with `none` as the reason, when the job allows
 * none; when another host sees a device of the pool: it would see the new ones too; and when the pool would become too large.
 */
export function targetsToCreate(choice: TargetChoice, none: SnaphookError): readonly NewDevices[] {
  const { spec, pool, sources } = choice;
  if (spec.createTargets === undefined) throw none;
  const exposed = pool.find((device) => foreignHosts(device, spec).length > 0);
  if (exposed) {
    throw refused(none, `none is made, as "${foreignHosts(exposed, spec)[0]}" sees device "${exposed.id}" of the pool`);
  }
  const matched = matchTargets(choice);
  const wanted = sources.flatMap(({ device }, index) => (matched[index] ? [] : [device]));
  const { maxPoolDevices } = spec.createTargets;
  if (pool.length + wanted.length > maxPoolDevices) {
    throw refused(
      none,
      `none is made, as createTargets allows ${maxPoolDevices} devices in the pool, which has ${pool.length}, and ${wanted.length} more are needed`,
    );
  }
  return bySize(wanted);
}

const refused = (none: SnaphookError, why: string) =>
  new SnaphookError(none.code, `${none.message}; ${why}`, none.hint === undefined ? {} : { hint: none.hint });

export const countOf = (devices: readonly NewDevices[]): number => devices.reduce((sum, { count }) => sum + count, 0);

export interface CreationRequest {
  readonly array: Pick<StorageArray, 'id' | 'inventory' | 'createDevices'>;
  readonly storageGroup: string;
  /** Names the run. */
  readonly identifier: string;
  readonly devices: readonly NewDevices[];
  /** What the pool held before. */
  readonly pool: readonly Device[];
  /** How long a request that was not answered may still take effect. */
  readonly settleMs: number;
}

const MAX_TRIES = 3;
const PAUSE_BEFORE_RETRY_MS = 1000;
const mayPass = ({ code }: SnaphookError): boolean => code === 'E_ARRAY_BUSY' || code === 'E_ARRAY_UNREACHABLE';

/**
 * Makes devices in the pool and returns the pool with them. The intent is journaled before, what came of it after: the devices are
 * those that bear the identifier and were not there before, never a guess. A request that was not answered is asked for again only
 * when it had its time, and only for what is missing. What was made stays in the pool, however the run ends.
 */
export async function createTargets(
  ports: Pick<JobPorts, 'clock' | 'reporter'>,
  journal: RunJournal,
  request: CreationRequest,
  signal: AbortSignal,
): Promise<readonly Device[]> {
  const { array, storageGroup, identifier, devices } = request;
  await journal.append({ kind: 'creating', data: { array: array.id, storageGroup, identifier, devices } });
  ports.reporter.info('making targets', { pool: storageGroup, devices: countOf(devices), identifier });
  let missing = devices;
  for (let attempt = 1; ; attempt += 1) {
    const failure = await attemptCreation(request, missing, signal);
    // A job of the array that failed may have made some: before anything is asked for again, there is always a look.
    const isRefused = failure?.effect === 'none' && !mayPass(failure);
    const found = isRefused ? undefined : await lookUntilThere(ports, request, signal);
    missing = found?.missing ?? missing;
    if (found && missing.length === 0) {
      await journal.append({ kind: 'created', data: { devices: found.own.map(({ id }) => id) } });
      return found.pool;
    }
    if (failure === undefined) throw notShown(request, missing);
    if (!mayPass(failure) || attempt === MAX_TRIES) throw failure;
    ports.reporter.warn('making targets again', { pool: storageGroup, missing: countOf(missing), code: failure.code });
    await ports.clock.sleep(PAUSE_BEFORE_RETRY_MS * attempt, signal);
  }
}

/** Undefined: the array says that it made them. */
async function attemptCreation(
  { array, storageGroup, identifier }: CreationRequest,
  devices: readonly NewDevices[],
  signal: AbortSignal,
): Promise<SnaphookError | undefined> {
  try {
    await array.createDevices({ storageGroup, identifier, devices }, signal);
    return undefined;
  } catch (error) {
    if (!(error instanceof SnaphookError) || signal.aborted) throw error;
    return error;
  }
}

interface Found {
  readonly pool: readonly Device[];
  readonly own: readonly Device[];
  readonly missing: readonly NewDevices[];
}

/** A request that was not answered may take effect late, and new devices may be shown late after that. */
export async function lookUntilThere(
  { clock }: Pick<JobPorts, 'clock'>,
  request: CreationRequest,
  signal: AbortSignal,
): Promise<Found> {
  const { array, storageGroup, identifier, devices, pool: before, settleMs } = request;
  const known = new Set(before.map(({ id }) => id));
  const untilMs = clock.monotonicMs() + settleMs + MODEL_LAG_MS;
  // Few looks: on old releases each of them reads every device of the pool.
  for (let pauseMs = 500; ; pauseMs = Math.min(pauseMs * 2, 2000)) {
    const { pool } = await array.inventory({ identities: [], pool: storageGroup }, signal);
    const own = pool.filter((device) => device.identifier === identifier && !known.has(device.id));
    const missing = less(devices, own);
    if (missing.length === 0 || clock.monotonicMs() >= untilMs) return { pool, own, missing };
    await clock.sleep(pauseMs, signal);
  }
}

const notShown = ({ array, storageGroup, identifier }: CreationRequest, missing: readonly NewDevices[]) =>
  new SnaphookError(
    'E_ARRAY',
    `array "${array.id}" says that it made devices in "${storageGroup}", and does not show ${countOf(missing)} of them`,
    {
      hint: `Look for devices with the identifier "${identifier}" in Unisphere, and run the job again.`,
      effect: 'unknown',
    },
  );

/** For people, of a run that ended meanwhile. */
export const creationText = ({ devices, storageGroup, identifier }: Creation): string =>
  `it was making ${countOf(devices)} target(s) in pool "${storageGroup}": what came of it stays there for later runs, with the identifier "${identifier}"`;

function bySize(devices: readonly Device[]): readonly NewDevices[] {
  const sizes = new Map<string, NewDevices>();
  for (const { cylinders, emulation } of devices) {
    const key = `${cylinders} ${emulation}`;
    sizes.set(key, { cylinders, emulation, count: (sizes.get(key)?.count ?? 0) + 1 });
  }
  return [...sizes.values()];
}

function less(wanted: readonly NewDevices[], there: readonly Device[]): readonly NewDevices[] {
  const made = bySize(there);
  const countThere = ({ cylinders, emulation }: NewDevices) =>
    made.find((one) => one.cylinders === cylinders && one.emulation === emulation)?.count ?? 0;
  return wanted.map((one) => ({ ...one, count: one.count - countThere(one) })).filter(({ count }) => count > 0);
}

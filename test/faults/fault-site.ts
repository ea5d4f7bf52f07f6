import { readFileSync } from 'node:fs';
import { composePorts } from '../../src/cli/compose.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createLinuxGuests } from '../../src/guest/linux/linux-guest.ts';
import { createWindowsGuests } from '../../src/guest/windows/windows-guest.ts';
import { type WinRmSettings, winRmAccess } from '../../src/guest/windows/winrm-access.ts';
import type { JobLimits, JobSpec } from '../../src/job/job-spec.ts';
import type { JournalRecord } from '../../src/job/journal-records.ts';
import type { JobPorts } from '../../src/job/ports.ts';
import type { PreResult } from '../../src/job/pre.ts';
import { reap } from '../../src/job/reap.ts';
import { status } from '../../src/job/status.ts';
import { ARRAY_ID } from '../../src/lab/estate-array.ts';
import type { Lab, LabOptions } from '../../src/lab/lab.ts';
import { APPLICATION } from '../../src/lab/linux-guest/linux-guest.ts';
import { ACCOUNTS } from '../../src/lab/site-config.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Guests } from '../../src/ports/guest.ts';
import { arrayId } from '../../src/ports/identity.ts';
import { MODEL_LAG_MS } from '../../src/ports/polling.ts';
import type { Reporter } from '../../src/ports/reporter.ts';
import { createPowerMax } from '../../src/powermax/powermax.ts';
import { createVmSnapshots } from '../../src/vsphere/vm-snapshots.ts';
import { createVsphere } from '../../src/vsphere/vsphere.ts';
import { type Compose, openSite } from '../lab/main-job/site.ts';
import { type ForeignObjects, placeForeignObjects } from './foreign-objects.ts';
import type { Area } from './run-step.ts';

/** Factor of the lab's own delays: the Windows guest's lease of 9 s becomes 450 ms. */
export const PACE = 0.05;
/** Of the Windows guest's application: ten of these sites share the processor. */
const TRANSFER_PAUSE_MS = 25;
/** Factor of the waits of the Windows adapter. */
const WINDOWS_WAITS = 0.3;
/** Long enough for a second connection to find the guest still frozen, also on a busy machine. */
export const LINUX_LEASE_SECONDS = 40;
/** The script of the guest waits for the end of a transaction: 3 s in the lab. */
export const LINUX_SCRIPT_SECONDS = 60;

/** How long a guest holds at most, in the lab's time. */
export const LEASE_MS = { windows: 9000 * PACE, linux: LINUX_LEASE_SECONDS * 1000 * PACE } as const;
/** A shell nobody calls ends after 180 s. */
export const SHELL_IDLE_MS = 180_000 * PACE;

/**
 * Far above what each part takes in the lab even on a busy machine, so that only a fault meets them; short, so that a case whose
 * call hangs does not take long.
 */
const LIMITS: JobLimits = {
  deadlineMs: 12_000,
  freezeMs: 3000,
  establishMs: 1000,
  thawMs: 3000,
  settleMs: 400,
  unlinkMs: 1000,
  devicesMs: 3000,
  undoMs: 3000,
  lockWaitMs: 3000,
  heartbeatMs: 60_000,
  joinMs: 60_000,
};
const CALM_DEADLINE_MS = 120_000;
const REQUEST_TIMEOUT_MS = 1500;
const CALM_REQUEST_TIMEOUT_MS = 30_000;

/** What `status` and the journal say of a run that is not closed. */
export interface OpenRunRecord {
  readonly runId: string;
  /** As `snaphook status` lists them. */
  readonly errors: readonly string[];
  /** The last one of undoing each step, from the journal's own lines. */
  readonly undoErrors: readonly string[];
}

interface AreaJob {
  /** Of the lab's configuration. */
  readonly name: string;
  /** What is different in it, in the configuration as in the job itself. */
  readonly change: Pick<JobSpec, 'freeze' | 'grade'> | undefined;
  readonly lab: Partial<LabOptions>;
  /** Where undoing one step is more than a few calls. */
  readonly undoMs?: number;
}

/** An array that takes user snapshots of vVols, which are some of the guests' disks. */
const ACCEPTING = { vvolSnapVx: 'accepted' } as const;

/** `presented`: the proxy sees the targets for the length of a run. What happens on the proxy comes after the thaw: no guest is in it. */
const JOB_OF: Readonly<Record<Area, AreaJob>> = {
  'windows job': { name: 'presented', change: undefined, lab: ACCEPTING },
  'linux guest': { name: 'linux', change: undefined, lab: ACCEPTING },
  proxy: { name: 'presented', change: { freeze: 'none', grade: 'crash' }, lab: ACCEPTING },
  'storage groups': {
    name: 'presented',
    change: undefined,
    lab: { estate: { disksAre: 'rdm' }, arrayKnobs: { deviceListSnapVx: 'absent' } },
  },
  'managed route': {
    name: 'managed',
    change: undefined,
    lab: { vvolSnapVx: 'refused', estate: { disksAre: 'vvol' } },
    undoMs: 6000,
  },
};

/** A lab with foreign objects on its array, and the product's real adapters with short limits. */
export interface FaultSite {
  readonly lab: Lab;
  readonly area: Area;
  readonly job: AreaJob;
  /** Of a run that meets a fault. */
  readonly deadlineMs: number;
  readonly foreign: ForeignObjects;
  /** With the limits a fault is to meet. */
  pre(): Promise<PreResult>;
  /** With time enough for any machine: no fault is about. Ends an open run first. */
  calmPre(): Promise<PreResult>;
  post(): Promise<void>;
  /** Requests have time enough for any machine in this work, too. */
  calmly<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Everything that is ours to end, also runs that wait for their post hook. */
  reap(): Promise<void>;
  openRuns(): Promise<readonly OpenRunRecord[]>;
  leftBehind(): readonly string[];
  close(): Promise<void>;
}

/** `deadlineMs`: of a run that meets a fault; a call that hangs for good may take all of it. */
export async function openFaultSite(area: Area, deadlineMs = LIMITS.deadlineMs): Promise<FaultSite> {
  const job = JOB_OF[area];
  const site = await openSite({ pace: PACE, transferPauseMs: TRANSFER_PAUSE_MS, ...job.lab }, (configFile) =>
    composeQuickly(configFile),
  );
  const composeQuickly: Compose = (configFile) => quickPorts(site.lab, configFile, requestTimeoutMs);
  let requestTimeoutMs = REQUEST_TIMEOUT_MS;
  const calmly: FaultSite['calmly'] = async (work) => {
    requestTimeoutMs = CALM_REQUEST_TIMEOUT_MS;
    try {
      return await work();
    } finally {
      requestTimeoutMs = REQUEST_TIMEOUT_MS;
    }
  };
  const foreign = placeForeignObjects(site.lab);
  const change = { onLowerGrade: 'degrade', ...job.change } as const;
  const limits = { ...LIMITS, ...(job.undoMs === undefined ? {} : { undoMs: job.undoMs }) };
  return {
    lab: site.lab,
    area,
    job,
    deadlineMs,
    calmly,
    foreign,
    pre: () => site.pre({ job: job.name, spec: { ...change, limits: { ...limits, deadlineMs } } }),
    calmPre: () =>
      calmly(() =>
        site.pre({
          job: job.name,
          spec: { ...change, limits: { ...limits, deadlineMs: CALM_DEADLINE_MS }, onOpenRun: 'replace' },
        }),
      ),
    post: () => site.post(job.name),
    reap: async () => {
      const findings = await site.withPorts((ports) =>
        reap(ports, { apply: true, includeWaiting: true, olderThanMs: 0 }, new AbortController().signal),
      );
      const failed = findings.filter(({ did }) => did === 'failed');
      if (failed.length > 0) throw new Error(`reap failed: ${failed.map(({ error }) => error).join('; ')}`);
    },
    openRuns: () => site.withPorts(openRuns),
    leftBehind: () => site.leftBehind().filter((left) => !foreign.isOnList(left)),
    close: () => site.close(),
  };
}

async function openRuns(ports: JobPorts): Promise<readonly OpenRunRecord[]> {
  // Also one whose journal says that it is closed, but was not moved: a hook that could not be sure of its last write.
  const open = await status(ports, 0);
  return Promise.all(
    open.map(async ({ runId, errors }) => {
      const lines = await (await ports.journals.open(runId)).read();
      const ofStep = new Map<string, string>();
      for (const { data } of lines.filter(({ kind }) => kind === 'undo-failed')) {
        const { step, error } = data as UndoFailed; // what a line of this kind holds, see JournalRecord
        ofStep.set(step, error.message);
      }
      return { runId, errors: errors.map(({ message }) => message), undoErrors: [...ofStep.values()] };
    }),
  );
}

type UndoFailed = Extract<JournalRecord, { kind: 'undo-failed' }>['data'];

const silent: Reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined };

/** Waits by this clock are over sooner than in the field: pauses before another try, and the guest's time limits. */
const hurried = (factor: number): Clock => ({
  now: () => systemClock.now(),
  monotonicMs: () => systemClock.monotonicMs(),
  sleep: (durationMs, signal) => systemClock.sleep(durationMs * factor, signal),
});

/** The adapters of a hook process; array, vCenter and guest are given less time than in the field. */
function quickPorts(lab: Lab, configFile: string, requestTimeoutMs: number) {
  const tls = { ca: readFileSync(lab.caFile, 'utf8') };
  const vcenter = {
    url: lab.urls.vcenter,
    username: ACCOUNTS.vcenter.name,
    password: async () => ACCOUNTS.vcenter.password,
    tls,
    clock: hurried(0.1),
    requestTimeoutMs,
  };
  return {
    ...composePorts(loadConfig(configFile), silent),
    hypervisor: createVsphere(vcenter),
    vmSnapshots: createVmSnapshots(vcenter),
    arrays: [
      createPowerMax({
        arrayId: arrayId(ARRAY_ID),
        servers: [{ url: lab.urls.unisphere, tls }],
        username: ACCOUNTS.array.name,
        password: async () => ACCOUNTS.array.password,
        clock: hurried(0.1),
        requestTimeoutMs: { read: requestTimeoutMs, write: requestTimeoutMs },
        modelLagMs: MODEL_LAG_MS * PACE,
      }),
    ],
    guests: quickGuests(lab, tls),
  };
}

/** Each guest by the adapter for its kind; the jobs of the matrix have one guest. */
function quickGuests(lab: Lab, tls: { readonly ca: string }): Guests {
  const windows = quickWindowsGuests(lab, tls);
  const linux = quickLinuxGuests(lab);
  const of = ({ name }: { readonly name: string }) => (name === lab.linuxGuestName ? linux : windows);
  return {
    waysFor: (vm) => of(vm).waysFor(vm),
    open: (vm) => of(vm).open(vm),
    closeLeftover: (vm, session, signal) => of(vm).closeLeftover(vm, session, signal),
  };
}

/** The clock of the adapter runs half as fast as that of the guest, so that a busy machine is no fault. */
function quickLinuxGuests(lab: Lab): Guests {
  const { name, password } = ACCOUNTS.linuxGuest;
  return createLinuxGuests({
    clock: hurried(2 * PACE),
    settingsFor: () => ({
      address: '127.0.0.1',
      port: lab.linuxGuest.port,
      username: name,
      login: { kind: 'password', password: async () => password },
      trust: () => ({ kind: 'fingerprints', fingerprints: [lab.linuxGuest.hostKeyFingerprint] }),
      sudo: true,
      applications: [APPLICATION],
      leaseMs: LINUX_LEASE_SECONDS * 1000,
      scriptLimitMs: LINUX_SCRIPT_SECONDS * 1000,
      connectTimeoutMs: 40_000,
      helperStartTimeoutMs: 40_000,
      // Measured, not slept: well below the lease, so that a second connection still finds the guest frozen.
      thawPatienceMs: LEASE_MS.linux * 0.1,
      closeTimeoutMs: 15_000,
    }),
  });
}

function quickWindowsGuests(lab: Lab, tls: { readonly ca: string }): Guests {
  const clock = hurried(WINDOWS_WAITS);
  const winrm: WinRmSettings = {
    address: '127.0.0.1',
    port: Number(new URL(lab.urls.guest).port),
    scheme: 'https',
    authentication: 'ntlm',
    username: `SQL01\\${ACCOUNTS.guest.name}`,
    password: async () => ACCOUNTS.guest.password,
    tls,
    connectTimeoutMs: 5000,
    operationTimeoutMs: 20_000,
  };
  return createWindowsGuests({
    clock,
    settingsFor: () => ({
      access: winRmAccess(winrm, clock),
      helperStartTimeoutMs: 10_000,
      windowsHoldMs: (10_000 * PACE) / WINDOWS_WAITS,
      thawResendMs: 500,
      thawPatienceMs: 400,
      closeTimeoutMs: 9000,
    }),
  });
}

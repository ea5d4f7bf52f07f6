import { readFileSync } from 'node:fs';
import { composePorts } from '../../src/cli/compose.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { JobLimits } from '../../src/job/job-spec.ts';
import type { BackupResult, JournalRecord } from '../../src/job/journal-records.ts';
import type { JobPorts } from '../../src/job/ports.ts';
import type { PreResult } from '../../src/job/pre.ts';
import { reap } from '../../src/job/reap.ts';
import { status } from '../../src/job/status.ts';
import { ARRAY_ID } from '../../src/lab/estate-array.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { ACCOUNTS } from '../../src/lab/site-config.ts';
import { arrayId } from '../../src/ports/identity.ts';
import { MODEL_LAG_MS } from '../../src/ports/polling.ts';
import type { Reporter } from '../../src/ports/reporter.ts';
import { createPowerMax } from '../../src/powermax/powermax.ts';
import { createGuestOperations } from '../../src/vsphere/guest-operations.ts';
import { createVmSnapshots } from '../../src/vsphere/vm-snapshots.ts';
import { createVsphere } from '../../src/vsphere/vsphere.ts';
import { changeConfig } from '../lab/lab-config.ts';
import { type Compose, openSite } from '../lab/main-job/site.ts';
import { type AreaJob, JOB_OF } from './area-jobs.ts';
import { type ForeignObjects, placeForeignObjects } from './foreign-objects.ts';
import { hurried, PACE } from './pace.ts';
import { quickGuests } from './quick-guests.ts';
import type { Area } from './run-step.ts';

/** Of the Windows guest's application: ten of these sites share the processor. */
const TRANSFER_PAUSE_MS = 25;
const ESTABLISH_MS = 1000;
/**
 * Far above what each part takes in the lab even on a busy machine, so that only a fault meets them; short, so that a case whose
 * call hangs does not take long.
 */
const LIMITS: JobLimits = {
  deadlineMs: 12_000,
  freezeMs: 3000,
  establishMs: ESTABLISH_MS,
  thawMs: 3000,
  settleMs: 400,
  unlinkMs: 1000,
  devicesMs: 3000,
  undoMs: 3000,
  lockWaitMs: 3000,
  heartbeatMs: 60_000,
  joinMs: 60_000,
};
const REQUEST_TIMEOUT_MS = 1500;
/** Factor of what is waited for where no fault is about: time enough for any machine. */
const CALM = 20;

/** What `status` and the journal say of a run that is not closed. */
export interface OpenRunRecord {
  readonly runId: string;
  /** As `snaphook status` lists them. */
  readonly errors: readonly string[];
  /** The last one of undoing each step, from the journal's own lines. */
  readonly undoErrors: readonly string[];
}

/** A lab with foreign objects on its array, and the product's real adapters with short limits. */
export interface FaultSite {
  readonly lab: Lab;
  readonly area: Area;
  readonly job: AreaJob;
  /** Of a run that meets a fault. */
  readonly deadlineMs: number;
  readonly foreign: ForeignObjects;
  /** With the limits a fault is to meet; `patience`: a factor of those that have nothing to do with how long a guest is held. Default 1. */
  pre(patience?: number): Promise<PreResult>;
  /** With time enough: no fault is about. Ends an open run first. */
  calmPre(): Promise<PreResult>;
  /** `result`: what it hears of the backup; default nothing. */
  post(result?: BackupResult): Promise<void>;
  /** Requests and guests have time enough in this work, too. */
  calmly<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Everything that is ours to end, also runs that wait for their post hook. */
  reap(): Promise<void>;
  openRuns(): Promise<readonly OpenRunRecord[]>;
  leftBehind(): readonly string[];
  close(): Promise<void>;
}

/** `deadlineMs`: of a run that meets a fault; a call that hangs for good may take all of it. */
export async function openFaultSite(
  area: Area,
  deadlineMs = JOB_OF[area].deadlineMs ?? LIMITS.deadlineMs,
): Promise<FaultSite> {
  const job = JOB_OF[area];
  const site = await openSite({ pace: PACE, transferPauseMs: TRANSFER_PAUSE_MS, ...job.lab }, (configFile) =>
    composeQuickly(configFile),
  );
  if (job.configure) changeConfig(site.lab.configFile, job.configure);
  job.arrange?.(site.lab);
  const composeQuickly: Compose = (configFile) => quickPorts(site.lab, configFile, patience);
  let patience = 1;
  const calmly: FaultSite['calmly'] = async (work) => {
    patience = CALM;
    try {
      return await work();
    } finally {
      patience = 1;
    }
  };
  const foreign = placeForeignObjects(site.lab);
  const change = { onLowerGrade: 'degrade', ...job.change } as const;
  const limits = { ...LIMITS, ...(job.undoMs === undefined ? {} : { undoMs: job.undoMs }) };
  // How long an effect may be late stays as it is: that is waited out whether anything is late or not. So does the time to undo a step: the
  // post hook has it from the plan, and meets faults.
  const calmLimits = {
    ...limits,
    deadlineMs: LIMITS.deadlineMs * CALM,
    freezeMs: LIMITS.freezeMs * CALM,
    establishMs: ESTABLISH_MS * CALM,
    thawMs: LIMITS.thawMs * CALM,
    devicesMs: LIMITS.devicesMs * CALM,
  };
  return {
    lab: site.lab,
    area,
    job,
    deadlineMs,
    calmly,
    foreign,
    pre: (factor = 1) => {
      const longer = { deadlineMs: deadlineMs * factor, devicesMs: limits.devicesMs * factor };
      return site.pre({ job: job.name, spec: { ...change, limits: { ...limits, ...longer } } });
    },
    calmPre: () =>
      calmly(() =>
        site.pre({
          job: job.name,
          spec: { ...change, limits: calmLimits, onOpenRun: 'replace' },
        }),
      ),
    post: (result) => site.post(job.name, result),
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

/** The adapters of a hook process; array, vCenter and guest are given less time than in the field. `patience`: a factor of it. */
function quickPorts(lab: Lab, configFile: string, patience: number) {
  const requestTimeoutMs = REQUEST_TIMEOUT_MS * patience;
  const tls = { ca: readFileSync(lab.caFile, 'utf8') };
  const vcenter = {
    url: lab.urls.vcenter,
    username: ACCOUNTS.vcenter.name,
    password: async () => ACCOUNTS.vcenter.password,
    tls,
    clock: hurried(0.1),
    requestTimeoutMs,
  };
  const config = loadConfig(configFile);
  const { winrm, strategy } = config.guests.find((guest) => guest.winrm) ?? {};
  const byOperations = config.guests.some(({ guestOperations }) => guestOperations);
  return {
    ...composePorts(config, silent),
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
    guests: quickGuests({
      lab,
      tls,
      patience,
      operations: byOperations ? createGuestOperations(vcenter) : undefined,
      windows: {
        ...(winrm && { backupType: winrm.backupType, applications: winrm.applications }),
        strategy: strategy === 'auto' ? undefined : strategy,
      },
    }),
  };
}

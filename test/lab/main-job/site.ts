import { deepEqual } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { closePorts, composePorts, jobSpec } from '../../../src/cli/compose.ts';
import { manifestSchema } from '../../../src/cli/manifest-schema.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { JobSpec } from '../../../src/job/job-spec.ts';
import type { BackupResult } from '../../../src/job/journal-records.ts';
import type { JobPorts } from '../../../src/job/ports.ts';
import { post } from '../../../src/job/post.ts';
import { type PreResult, pre } from '../../../src/job/pre.ts';
import { type Lab, type LabOptions, startLab } from '../../../src/lab/lab.ts';
import type { SnaphookError } from '../../../src/ports/errors.ts';
import type { Reporter } from '../../../src/ports/reporter.ts';
import { leftBehind } from '../../left-behind.ts';

/** Slower than a lab alone: sites run side by side, and their applications never rest. */
const TRANSFER_PAUSE_MS = 15;

const silent: Reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined };

/** A lab with the product's real adapters in this process. */
export interface Site {
  readonly lab: Lab;
  /** New adapters for each use, as each hook process has its own. */
  withPorts<Result>(work: (ports: JobPorts) => Promise<Result>, configFile?: string): Promise<Result>;
  pre(change?: SiteChange): Promise<PreResult>;
  /** The error of a pre hook that must fail. */
  failingPre(change?: SiteChange): Promise<SnaphookError>;
  post(job?: string, result?: BackupResult): Promise<void>;
  leftBehind(): readonly string[];
  /** Every simulated system goes down and comes up again on what lies on disk. */
  restartLab(): Promise<void>;
  close(): Promise<void>;
}

export interface SiteChange {
  readonly job?: string;
  readonly vms?: readonly string[];
  readonly spec?: Partial<JobSpec>;
  readonly configFile?: string;
  readonly signal?: AbortSignal;
}

/** The adapters of one hook process for the configuration in that file. */
export type Compose = (configFile: string) => JobPorts;

const composeAsConfigured: Compose = (configFile) => composePorts(loadConfig(configFile), silent);

export async function openSite(options: Partial<LabOptions> = {}, compose = composeAsConfigured): Promise<Site> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'snaphook-site-'));
  const start = () =>
    startLab({
      directory,
      pace: 0.05,
      transferPauseMs: TRANSFER_PAUSE_MS,
      ...options,
      estate: { disks: 2, cylinders: 6, ...options.estate },
    });
  let lab = await start();
  const withPorts: Site['withPorts'] = async (work, configFile = lab.configFile) => {
    const ports = compose(configFile);
    try {
      return await work(ports);
    } finally {
      await closePorts(ports);
    }
  };
  const runPre = ({ job = 'nightly', vms, spec, configFile, signal }: SiteChange = {}) =>
    withPorts(async (ports) => {
      const configured = jobSpec(loadConfig(configFile ?? lab.configFile), job, vms ? { vms } : {});
      const context = { job, integration: 'test', instance: undefined, productRunId: undefined, level: undefined };
      const result = await pre(ports, { ...configured, ...spec }, context, signal ?? new AbortController().signal);
      requirePublishedShape(path.join(result.directory, result.manifest));
      return result;
    }, configFile);
  return {
    get lab() {
      return lab;
    },
    restartLab: async () => {
      await lab.close();
      lab = await start();
    },
    withPorts,
    pre: runPre,
    failingPre: async (change) => {
      try {
        await runPre(change);
      } catch (error) {
        return error as SnaphookError; // the tests look at its fields; anything else fails them
      }
      throw new Error('the pre hook succeeded');
    },
    post: (job = 'nightly', result) =>
      withPorts(async (ports) => {
        await post(ports, jobSpec(loadConfig(lab.configFile), job), undefined, result);
      }),
    leftBehind: () => leftBehind(lab),
    close: async () => {
      await lab.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Whatever run wrote it, a manifest has the published shape, and nothing that the schema does not tell. */
function requirePublishedShape(file: string): void {
  const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'));
  // Also used where no test runner is.
  deepEqual(manifestSchema.parse(manifest), manifest);
}

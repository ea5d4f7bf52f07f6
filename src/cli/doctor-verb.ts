import { access, constants } from 'node:fs/promises';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { wantedChecks } from '../job/content-checks.ts';
import { countOf } from '../job/create-targets.ts';
import { forecastOf } from '../job/establish-forecast.ts';
import { takerOf } from '../job/establish-speed.ts';
import { newRunId } from '../job/names.ts';
import type { PlanPreview } from '../job/plan.ts';
import { previewPlan } from '../job/planner.ts';
import type { JobPorts } from '../job/ports.ts';
import { ensureFolder } from '../platform/ensure-folder.ts';
import type { Reporter } from '../ports/reporter.ts';
import { closePorts, composePorts, jobSpec } from './compose.ts';
import { checkProxy } from './compose-proxy.ts';
import type { VerbResult } from './console.ts';
import { type Check, check } from './doctor-check.ts';
import { checkGuests } from './doctor-guests.ts';
import { askArray, vvolText } from './doctor-probe.ts';
import { EXIT } from './exit-codes.ts';
import { jsonDocument } from './render/json.ts';
import { speedText } from './render/speed.ts';
import { table } from './render/text.ts';

/**
 * Checks everything a run needs, each on its own: one failure does not hide the next. Makes the state directory, and a session in
 * every guest that it ends again; nothing else. `job`: that job alone; all of them without it. `probe`: selects a VM to ask its array
 * with, for which a snapshot of one vVol is taken and removed at once.
 */
export async function doctorVerb(
  request: { readonly configFile: string; readonly job: string | undefined; readonly probe: string | undefined },
  reporter: Reporter,
  signal: AbortSignal,
): Promise<VerbResult> {
  const config = loadConfig(request.configFile);
  const jobs = request.job === undefined ? Object.keys(config.jobs) : [jobSpec(config, request.job).name];
  const ports = composePorts(config, reporter);
  try {
    const { probe } = request;
    const asked =
      probe === undefined ? [] : [await check(`probe ${probe}`, () => askArray(config, probe, ports, signal))];
    const checks = [...asked, ...(await runChecks(config, jobs, ports, signal))];
    const ok = checks.every((check) => check.ok);
    return {
      document: jsonDocument('doctor', { ok, checks }),
      text: textOf(checks),
      exitCode: ok ? EXIT.ok : EXIT.preflight,
    };
  } finally {
    await closePorts(ports);
  }
}

async function runChecks(
  config: Config,
  jobs: readonly string[],
  ports: JobPorts,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const checks = [
    await check('state directory', async () => {
      await ensureFolder(config.stateDirectory, 0o700);
      await access(config.stateDirectory, constants.R_OK | constants.W_OK);
      return config.stateDirectory;
    }),
    await check('vCenter', async () => {
      const { product, version, apiVersion } = await ports.hypervisor.facts(signal);
      return `${product} ${version}, API ${apiVersion}`;
    }),
    await check('proxy', () => checkProxy(config, ports.proxy, signal)),
  ];
  for (const array of ports.arrays) {
    const servers = await array.servers(signal);
    for (const server of servers.length > 1 ? servers : []) {
      checks.push(
        await check(`server ${server.url} of array ${array.id}`, async () => {
          if (server.kind === 'fails') throw server.error;
          return `Unisphere ${server.version}`;
        }),
      );
    }
    checks.push(
      await check(`array ${array.id}`, async () => {
        const facts = await array.facts(signal);
        const limits = [facts.local ? '' : ', NOT LOCAL', facts.snapVxLicensed ? '' : ', NO SnapVX LICENCE'].join('');
        const vvols = vvolText(await ports.vvolAnswers.recall(facts));
        const speed = speedText(forecastOf(await ports.establishTimes.recall({ array: array.id, by: takerOf(facts) })));
        return `${facts.model}, microcode ${facts.microcode}, Unisphere ${facts.unisphereVersion} (API ${facts.apiVersion}), snapshots by ${facts.snapVxApi ?? 'unknown'}${limits}; ${vvols}; ${speed}`;
      }),
    );
  }
  // What is found in guests decides how jobs freeze them.
  const guests = await checkGuests(config, jobs, ports, signal);
  for (const name of jobs) checks.push(await check(`job ${name}`, () => checkJob(config, name, ports, signal)));
  return [...checks, ...guests];
}

async function checkJob(config: Config, name: string, ports: JobPorts, signal: AbortSignal): Promise<string> {
  const context = { job: name, integration: 'doctor', instance: undefined, productRunId: undefined, level: undefined };
  const runId = newRunId(ports.clock.now(), ports.randomText());
  const spec = jobSpec(config, name);
  if (spec.files || spec.verify) {
    await ports.fileSystems.preflight(spec.exportDirectory, [], signal);
    await ports.fileSystems.preflightChecks(wantedChecks(spec), signal);
  }
  if (spec.expose) await ports.exposures.preflight(spec.exportDirectory, spec.expose, [], signal);
  const plan = await previewPlan(ports, { runId, spec, context }, signal);
  const warnings = plan.warnings.length === 0 ? '' : `; ${plan.warnings.join('; ')}`;
  const what = plan.managed
    ? `${plan.managed.disks.length} disk(s) to be added to VM "${plan.managed.proxyVm.name}"`
    : `${plan.devices.length} device(s), a target for each${createdText(plan)}`;
  return `${plan.vms.length} VM(s), ${what}; route ${plan.route.name}: ${plan.route.because}${warnings}`;
}

function createdText({ targetsToCreate, spec }: PlanPreview): string {
  const count = countOf(targetsToCreate);
  return count === 0 ? '' : ` once ${count} are made in pool "${spec.targetPool}"`;
}

function textOf(checks: readonly Check[]): string {
  const rows = checks.map(({ name, ok, detail, error }) => [ok ? 'ok' : 'FAIL', name, detail, error?.hint ?? '']);
  return table(rows);
}

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { ended, start } from '../crash/killed-run.ts';
import { diskFault, diskWritesOfProcess } from './disk-writes.ts';
import type { FaultName } from './fault-kinds.ts';
import { type FaultSite, LINUX_LEASE_SECONDS, LINUX_SCRIPT_SECONDS } from './fault-site.ts';
import { prepareFor } from './given.ts';
import { proxyCallsOfProcess, proxyFault } from './proxy-calls.ts';
import { type CaseResult, type FaultCase, recover } from './run-case.ts';
import type { RunStep } from './run-step.ts';
import { openSilentRelay, type SilentRelay } from './silent-relay.ts';
import { isLeftQuiet, lookBefore, verdictOn } from './verdict.ts';

/**
 * The hook is a process of its own and is killed with SIGKILL when the lab sees the step. With `machine gone` the guest never
 * learns that its connection ended, and the locks are those of an earlier boot.
 */
export async function runKilledCase(site: FaultSite, { step, fault, recovery }: FaultCase): Promise<CaseResult> {
  const startedMs = performance.now();
  const before = lookBefore(site);
  await prepareFor(site, step, 'drop');
  const relay = fault === 'machine gone' ? await openSilentRelay(guestPort(site)) : undefined;
  try {
    const configFile = configOf(site, relay);
    const end = await kill(site, step, fault, configFile, relay);
    site.lab.faults.clear();
    if (relay && end.killed) ageLocks(path.join(site.lab.directory, 'state', 'locks'));
    const expected = end.killed || end.exitCode === 0 ? [] : [`exit code ${end.exitCode}: ${end.stderr}`];
    const atRecovery = await recover(site, recovery);
    const quiet = (await isLeftQuiet(site, before)) ? ['the application in the guest is quiet after the recovery'] : [];
    // The guest's own sshd finds out, after its time, that nobody is there.
    await relay?.close();
    const verdict = await verdictOn(site, before, step, false);
    return {
      ...step,
      ...verdict,
      fault,
      recovery,
      outcome: end.killed ? 'killed' : 'not met',
      exitCode: end.exitCode ?? undefined,
      code: undefined,
      overGraded: false,
      problems: [...expected, ...atRecovery, ...quiet, ...verdict.problems],
      tookMs: performance.now() - startedMs,
    };
  } finally {
    await relay?.close();
  }
}

async function kill(
  { lab, job }: FaultSite,
  step: RunStep,
  fault: FaultName,
  configFile: string,
  relay: SilentRelay | undefined,
) {
  const program = `${step.hook}-backup`;
  const args = ['--config', configFile, '--job', job.name];
  // Such a process kills itself, so that nobody can cut its connections first.
  relay?.hideEnds();
  if (step.system === 'disk') {
    const environment = diskWritesOfProcess(lab.directory, diskFault(step.operation, step.nth, fault));
    return ended(start(program, args, environment, '../../test/faults/disk-machine.cjs'));
  }
  if (step.system === 'proxy') {
    const environment = proxyCallsOfProcess(lab, proxyFault(step.operation, step.nth, fault));
    return ended(start(program, args, environment, '../../test/faults/proxy-machine.cjs'));
  }
  const child = start(program, args);
  const run = () => {
    relay?.vanish();
    child.kill('SIGKILL');
  };
  const when = fault === 'killed before the effect' ? 'before' : 'after';
  const { operation, nth } = step;
  const system = step.system === 'ssh' ? 'guest' : step.system;
  lab.faults.add({ system, operation, nth, when, action: { do: 'call', run } });
  return ended(child);
}

const isLinux = ({ area }: FaultSite): boolean => area === 'linux guest';

const guestPort = (site: FaultSite): number =>
  isLinux(site) ? site.lab.linuxGuest.port : Number(new URL(site.lab.urls.guest).port);

function configOf(site: FaultSite, relay: SilentRelay | undefined): string {
  const file = path.join(site.lab.directory, 'killed-case.yaml');
  const config: SiteConfig = parse(readFileSync(site.lab.configFile, 'utf8'));
  const port = relay ? { port: relay.port } : {};
  const times = { leaseSeconds: LINUX_LEASE_SECONDS, scriptSeconds: LINUX_SCRIPT_SECONDS };
  const guests = config.guests.map(({ winrm, ssh, ...guest }) => ({
    ...guest,
    ...(winrm ? { winrm: { ...winrm, ...(isLinux(site) ? {} : port) } } : {}),
    ...(ssh ? { ssh: { ...ssh, ...times, ...(isLinux(site) ? port : {}) } } : {}),
  }));
  const { name, change } = site.job;
  const jobs = { ...config.jobs, [name]: { ...config.jobs[name], ...change } };
  writeFileSync(file, stringify({ ...config, guests, jobs }));
  return file;
}

/** As the lab wrote it itself (src/lab/site-config.ts). */
interface SiteConfig {
  readonly jobs: Readonly<Record<string, object>>;
  readonly guests: readonly { readonly winrm?: { readonly port: number }; readonly ssh?: { readonly port: number } }[];
}

/** After a reboot the owner's number belongs to another living process, which started at another time. */
function ageLocks(folder: string): void {
  for (const name of readdirSync(folder).filter((entry) => entry.endsWith('.owner'))) {
    const file = path.join(folder, name);
    const owner: Record<string, unknown> = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...owner, pid: process.pid, startTicks: '1' }));
  }
}

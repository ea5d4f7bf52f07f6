import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { ended, start } from '../crash/killed-run.ts';
import { type ConfigChange, changeConfig } from '../lab/lab-config.ts';
import { isOfLinux } from './area-jobs.ts';
import { diskFault, diskWritesOfProcess } from './disk-writes.ts';
import type { FaultName } from './fault-kinds.ts';
import type { FaultSite } from './fault-site.ts';
import { prepareFor } from './given.ts';
import { CALM_SCRIPT_SECONDS, LINUX_LEASE_SECONDS } from './pace.ts';
import { proxyCallsOfProcess, proxyFault } from './proxy-calls.ts';
import { type CaseResult, type FaultCase, isOfApplication, lastSeq, recover } from './run-case.ts';
import type { RunStep } from './run-step.ts';
import { openSilentRelay, type SilentRelay } from './silent-relay.ts';
import { logProblems } from './truth.ts';
import { isLeftQuiet, lookBefore, verdictOn } from './verdict.ts';

/**
 * The hook is a process of its own and is killed with SIGKILL when the lab sees the step. With `machine gone` the guest never
 * learns that its connection ended, and the locks are those of an earlier boot.
 */
export async function runKilledCase(site: FaultSite, { step, fault, recovery }: FaultCase): Promise<CaseResult> {
  const startedMs = performance.now();
  const before = lookBefore(site);
  const prepared = await prepareFor(site, step, 'drop');
  const saidAtSeq = step.hook === 'post' && site.job.said === 'success' ? lastSeq(site) : undefined;
  const relay = fault === 'machine gone' ? await openSilentRelay(guestPort(site)) : undefined;
  try {
    const configFile = configOf(site, relay);
    const end = await kill(site, step, fault, configFile, relay);
    site.lab.faults.clear();
    if (relay && end.killed) ageLocks(path.join(site.lab.directory, 'state', 'locks'));
    const wentThrough = end.exitCode === EXIT.ok || end.exitCode === EXIT.degraded;
    const expected = end.killed || wentThrough ? [] : [`exit code ${end.exitCode}: ${end.stderr}`];
    const atRecovery = await recover(site, recovery);
    const quiet = (await isLeftQuiet(site, before)) ? ['the application in the guest is quiet after the recovery'] : [];
    // The guest's own sshd finds out, after its time, that nobody is there.
    await relay?.close();
    const verdict = await verdictOn(site, before, step, false);
    const logs = logProblems(site.lab.events.since(before.seq), { saidAtSeq, isGood: isOfApplication(prepared) });
    return {
      ...step,
      ...verdict,
      fault,
      recovery,
      outcome: end.killed ? 'killed' : 'not met',
      exitCode: end.exitCode ?? undefined,
      code: undefined,
      overGraded: false,
      problems: [...expected, ...atRecovery, ...quiet, ...logs, ...verdict.problems],
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
  const outcome = step.hook === 'post' && job.said !== undefined ? ['--outcome', job.said] : [];
  const args = ['--config', configFile, '--job', job.name, ...outcome];
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

const guestPort = ({ lab, job }: FaultSite): number =>
  isOfLinux(job) ? lab.linuxGuest.port : Number(new URL(lab.urls.guest).port);

function configOf({ lab, job }: FaultSite, relay: SilentRelay | undefined): string {
  const port = relay ? { port: relay.port } : {};
  const times = { leaseSeconds: LINUX_LEASE_SECONDS, scriptSeconds: CALM_SCRIPT_SECONDS };
  const change: ConfigChange = ({ guests, jobs }) => {
    for (const { winrm, ssh } of guests) {
      if (winrm && !isOfLinux(job)) Object.assign(winrm, { scriptSeconds: CALM_SCRIPT_SECONDS }, port);
      if (ssh) Object.assign(ssh, times, isOfLinux(job) ? port : {});
    }
    Object.assign(jobs[job.name] ?? {}, job.change);
  };
  return changeConfig(lab.configFile, change, path.join(lab.directory, 'killed-case.yaml'));
}

/** After a reboot the owner's number belongs to another living process, which started at another time. */
function ageLocks(folder: string): void {
  for (const name of readdirSync(folder).filter((entry) => entry.endsWith('.owner'))) {
    const file = path.join(folder, name);
    const owner: Record<string, unknown> = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...owner, pid: process.pid, startTicks: '1' }));
  }
}

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { ended, start } from '../crash/killed-run.ts';
import type { FaultName } from './fault-kinds.ts';
import { type FaultSite, JOB } from './fault-site.ts';
import { type CaseResult, type FaultCase, recover } from './run-case.ts';
import { openSilentRelay, type SilentRelay } from './silent-relay.ts';
import type { RunStep } from './steps.ts';
import { lookBefore, verdictOn } from './verdict.ts';

/**
 * The hook is a process of its own and is killed with SIGKILL when the lab sees the step. With `machine gone` the guest never
 * learns that its connection ended, and the locks are those of an earlier boot.
 */
export async function runKilledCase(site: FaultSite, { step, fault, recovery }: FaultCase): Promise<CaseResult> {
  const startedMs = performance.now();
  const before = lookBefore(site);
  if (step.hook === 'post') await site.calmPre();
  const relay = fault === 'machine gone' ? await openSilentRelay(Number(new URL(site.lab.urls.guest).port)) : undefined;
  try {
    const configFile = relay ? configThrough(relay, site) : site.lab.configFile;
    const end = await kill(site, step, fault, configFile, () => relay?.vanish());
    site.lab.faults.clear();
    if (relay && end.killed) ageLocks(path.join(site.lab.directory, 'state', 'locks'));
    const expected = end.killed || end.exitCode === 0 ? [] : [`exit code ${end.exitCode}: ${end.stderr}`];
    const atRecovery = await recover(site, recovery);
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
      problems: [...expected, ...atRecovery, ...verdict.problems],
      tookMs: performance.now() - startedMs,
    };
  } finally {
    await relay?.close();
  }
}

async function kill({ lab }: FaultSite, step: RunStep, fault: FaultName, configFile: string, atKill: () => void) {
  if (step.system === 'disk') throw new Error('writes are killed by test/crash');
  const child = start(`${step.hook}-backup`, ['--config', configFile, '--job', JOB]);
  const run = () => {
    atKill();
    child.kill('SIGKILL');
  };
  const when = fault === 'killed before the effect' ? 'before' : 'after';
  const { system, operation, nth } = step;
  lab.faults.add({ system, operation, nth, when, action: { do: 'call', run } });
  return ended(child);
}

function configThrough(relay: SilentRelay, { lab }: FaultSite): string {
  const file = path.join(lab.directory, 'through-relay.yaml');
  writeFileSync(file, stringify(withGuestPort(parse(readFileSync(lab.configFile, 'utf8')), relay.port)));
  return file;
}

interface SiteConfig {
  readonly guests: readonly { readonly winrm?: { readonly port: number } }[];
}

// The lab wrote this configuration itself (src/lab/site-config.ts).
function withGuestPort(config: SiteConfig, port: number): SiteConfig {
  const throughRelay = ({ winrm, ...guest }: SiteConfig['guests'][number]) =>
    winrm ? { ...guest, winrm: { ...winrm, port } } : guest;
  return { ...config, guests: config.guests.map(throughRelay) };
}

/** After a reboot the owner's number belongs to another living process, which started at another time. */
function ageLocks(folder: string): void {
  for (const name of readdirSync(folder).filter((entry) => entry.endsWith('.owner'))) {
    const file = path.join(folder, name);
    const owner: Record<string, unknown> = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...owner, pid: process.pid, startTicks: '1' }));
  }
}

import type { LabEvent } from '../../src/lab/world/events.ts';
import { type DiskWrites, watchWrites } from './disk-writes.ts';
import { REMOTE_SYSTEMS } from './fault-kinds.ts';
import type { FaultSite } from './fault-site.ts';
import { prepareFor } from './given.ts';
import { type ProxyCalls, watchProxyCalls } from './proxy-calls.ts';
import type { Area, Given, Hook, RunStep } from './run-step.ts';

/** The steps of an area, as the lab saw them: a call that is new in the product is covered without a word here. */
export async function recordSteps(site: FaultSite, area: Area): Promise<readonly RunStep[]> {
  switch (area) {
    case 'windows job':
      return stepsOfCleanRun(site);
    case 'linux guest':
    case 'plug-in':
      return sshSteps(site);
    case 'proxy':
      return proxySteps(site);
    // What else these do is met in the first area.
    case 'storage groups':
      return (await stepsOfCleanRun(site)).filter(({ system }) => system === 'array');
    case 'managed route':
    case 'VMware Tools':
      return (await stepsOfCleanRun(site)).filter(({ system }) => system === 'vcenter');
    case 'guest operations':
      return (await stepsOfCleanRun(site)).filter(({ operation }) => isGuestOperation(operation));
    case 'full backup':
      return (await stepsOfCleanRun(site)).filter(
        ({ system, hook }) => system === 'guest' || (system === 'disk' && hook === 'post'),
      );
    case 'shadow copies':
      return (await stepsOfCleanRun(site)).filter(({ system }) => system === 'guest');
  }
}

/** What vCenter is asked to do in a guest, and what its ESXi host is asked for. */
const isGuestOperation = (operation: string): boolean => /InGuest$|FromGuest$|^GET \/guestFile/.test(operation);

async function stepsOfCleanRun(site: FaultSite): Promise<readonly RunStep[]> {
  const record = async (hook: Hook, work: () => Promise<unknown>): Promise<readonly RunStep[]> => {
    const { events } = site.lab;
    const seq = events.events.at(-1)?.seq ?? 0;
    const writes = watchWrites(site.lab.directory);
    try {
      await work();
    } finally {
      writes.end();
    }
    return [...remoteSteps(hook, events.since(seq)), ...countedSteps(hook, 'disk', writes)];
  };
  const pre = await record('pre', () => site.calmPre());
  const post = await record('post', () => site.post(site.job.said));
  return [...pre, ...post];
}

function remoteSteps(hook: Hook, events: readonly LabEvent[]): readonly RunStep[] {
  const seen = new Map<string, number>();
  return events.flatMap(({ kind, system, operation }) => {
    const remote = REMOTE_SYSTEMS.find((name) => name === system);
    if (kind !== 'request' || remote === undefined) return [];
    const nth = (seen.get(`${system} ${operation}`) ?? 0) + 1;
    seen.set(`${system} ${operation}`, nth);
    return [{ hook, system: remote, operation, nth }];
  });
}

function countedSteps(hook: Hook, system: 'disk' | 'proxy', { counts }: DiskWrites | ProxyCalls): readonly RunStep[] {
  return [...counts].flatMap(([operation, count]) =>
    Array.from({ length: count }, (_, index) => ({ hook, system, operation, nth: index + 1 })),
  );
}

async function proxySteps(site: FaultSite): Promise<readonly RunStep[]> {
  const record = async (hook: Hook, work: () => Promise<unknown>): Promise<readonly RunStep[]> => {
    const calls = watchProxyCalls(site.lab);
    try {
      await work();
      return countedSteps(hook, 'proxy', calls);
    } finally {
      calls.end();
    }
  };
  const pre = await record('pre', () => site.calmPre());
  const post = await record('post', () => site.post());
  return [...pre, ...post];
}

/** What a second connection consists of. */
const RECONNECTING = ['connect', 'login', 'open channel', 'exec release'];

/** Those of a clean run, and those of the connections that only a run in trouble makes. */
async function sshSteps(site: FaultSite): Promise<readonly RunStep[]> {
  const record = async (hook: Hook, given: Given | undefined, work: () => Promise<unknown>) => {
    await prepareFor(site, { hook, ...(given === undefined ? {} : { given }) });
    const { events } = site.lab;
    const seq = events.events.at(-1)?.seq ?? 0;
    await work();
    site.lab.faults.clear();
    return remoteSteps(hook, events.since(seq)).flatMap((step): readonly RunStep[] => {
      if (step.system !== 'guest') return [];
      return [{ ...step, system: 'ssh', ...(given === undefined ? {} : { given }) }];
    });
  };
  const clean = await record('pre', undefined, () => site.calmPre());
  await site.post();
  const reconnecting = await record('pre', 'release bytes lost', () => site.calmPre());
  await site.post();
  const leftOpen = await record('post', 'session left open', () => site.post());
  const isOfFirst = ({ operation, nth }: RunStep) =>
    clean.some((one) => one.operation === operation && one.nth === nth);
  const second = reconnecting.filter((step) => RECONNECTING.includes(step.operation) && !isOfFirst(step));
  return [...clean, ...second, ...leftOpen];
}

import type { FaultRule } from '../../src/lab/world/faults.ts';
import { diskFault, watchWrites } from './disk-writes.ts';
import { CALL_FAULTS, type FaultName } from './fault-kinds.ts';
import type { FaultSite } from './fault-site.ts';
import { proxyFault, watchProxyCalls } from './proxy-calls.ts';
import type { RunStep } from './run-step.ts';
import { lastingSshAction, SSH_OPERATIONS, sshAction } from './ssh-faults.ts';

export interface Injection {
  /** Did the run come to the step? */
  readonly fired: boolean;
  heal(): void;
}

/** Lets one step of the next hook meet a fault. */
export function inject(site: FaultSite, step: RunStep, fault: FaultName): Injection {
  switch (step.system) {
    case 'disk':
      return injectOnDisk(site, step, fault);
    case 'proxy':
      return injectOnProxy(site, step, fault);
    case 'ssh':
      return injectOnSsh(site, step, fault);
    default:
      return injectOnCall(site, step, fault);
  }
}

function injectOnProxy({ lab }: FaultSite, { operation, nth }: RunStep, fault: FaultName): Injection {
  const calls = watchProxyCalls(lab, proxyFault(operation, nth, fault));
  let fired = false;
  return {
    get fired() {
      fired ||= calls.fired;
      return fired;
    },
    heal: () => calls.end(),
  };
}

function injectOnSsh({ lab }: FaultSite, { operation, nth }: RunStep, name: FaultName): Injection {
  const fault = CALL_FAULTS.find((kind) => kind.name === name);
  const action = fault && sshAction(fault.name, operation, lab);
  if (!fault || !action) throw new Error(`"${name}" has no meaning for "${operation}" over SSH`);
  let fired = false;
  const rule = (extra: Pick<FaultRule, 'operation' | 'nth' | 'action'>) =>
    lab.faults.add({ system: 'guest', when: fault.when, ...extra });
  const run = () => {
    fired = true;
    if (fault.reach === 'call') return;
    for (const other of SSH_OPERATIONS) {
      const lasting = lastingSshAction(fault.name, other, lab);
      if (lasting) rule({ operation: other, action: lasting });
    }
  };
  rule({ operation, nth, action: { do: 'call', run } });
  rule({ operation, nth, action });
  return {
    get fired() {
      return fired;
    },
    heal: () => lab.faults.clear(),
  };
}

function injectOnDisk(site: FaultSite, { operation, nth }: RunStep, fault: FaultName): Injection {
  const writes = watchWrites(site.lab.directory, diskFault(operation, nth, fault));
  return {
    get fired() {
      return writes.fired;
    },
    heal: () => writes.end(),
  };
}

function injectOnCall({ lab }: FaultSite, { system, operation, nth }: RunStep, name: FaultName): Injection {
  const fault = CALL_FAULTS.find((kind) => kind.name === name);
  if (!fault || system === 'disk' || system === 'proxy' || system === 'ssh')
    throw new Error(`"${name}" is no fault of a call`);
  let fired = false;
  const rule = (extra: Partial<FaultRule>, action: FaultRule['action']) =>
    lab.faults.add({ system, when: fault.when, action, ...extra });
  const onStep = { operation, nth };
  rule(onStep, {
    do: 'call',
    run: () => {
      fired = true;
      if (fault.reach === 'call') return;
      // The calls after this one: those of every operation the lab has seen answer differently, and all others alike.
      for (const other of operationsOf(system)) rule({ operation: other }, fault.action(system, other, lab));
      rule({ operation: notIn(operationsOf(system)) }, fault.action(system, '', lab));
    },
  });
  rule(onStep, fault.action(system, operation, lab));
  return {
    get fired() {
      return fired;
    },
    heal: () => lab.faults.clear(),
  };
}

/** Operations whose faults read differently from those of all others of the system. */
const operationsOf = (system: string): readonly string[] =>
  system === 'vcenter' ? ['Login', 'GET /sdk/vimServiceVersions.xml'] : [];

const notIn = (operations: readonly string[]): RegExp =>
  new RegExp(
    `^(?!(?:${operations.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|') || '\\b\\B'})$)`,
  );

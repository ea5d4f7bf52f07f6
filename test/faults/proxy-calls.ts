import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Lab } from '../../src/lab/lab.ts';
import type { FaultName } from './fault-kinds.ts';
import { type ProxyFault, watchProxy } from './proxy-machine.cjs';

/** Of `bin/blockdev`, which whoever runs the matrix puts first in PATH; the other operations are calls to the kernel by the hook itself. */
const COMMANDS = ['--flushbufs', '--getsize64'];
/** The calls of a hook to the system of the proxy. */
export interface ProxyCalls {
  readonly counts: ReadonlyMap<string, number>;
  readonly fired: boolean;
  end(): void;
}

/** Counts the calls of the hooks of one site until `end`; one of them can meet a fault. */
export function watchProxyCalls(lab: Lab, fault?: ProxyFault): ProxyCalls {
  const folder = path.join(lab.directory, 'proxy');
  clear(folder);
  tellBlockdev(folder, fault);
  const watch = watchProxy(path.join(folder, 'by-id'), fault);
  return {
    get counts() {
      const made = COMMANDS.map((option) => [option, callsOf(folder, option)] as const);
      return new Map([...watch.counts, ...made]);
    },
    get fired() {
      return watch.fired || existsSync(path.join(folder, 'blockdev-met'));
    },
    end: () => {
      watch.end();
      clear(folder);
    },
  };
}

/** The same for a hook that is a process of its own: what it needs in its environment. */
export function proxyCallsOfProcess(lab: Lab, fault: ProxyFault): { readonly PROXY_WATCH: string } {
  const folder = path.join(lab.directory, 'proxy');
  clear(folder);
  tellBlockdev(folder, fault);
  return { PROXY_WATCH: JSON.stringify({ folder: path.join(folder, 'by-id'), fault }) };
}

export function proxyFault(operation: string, nth: number, name: FaultName): ProxyFault {
  const fault = { operation, nth, forGood: false, when: 'before', what: 'fail' } as const;
  switch (name) {
    case 'command fails':
      return fault;
    case 'command fails for good':
      return { ...fault, forGood: true };
    case 'command fails after the effect':
      return { ...fault, when: 'after' };
    case 'command hangs':
      return { ...fault, what: 'hang' };
    case 'command hangs after the effect':
      return { ...fault, when: 'after', what: 'hang' };
    case 'device never appears':
      return { ...fault, what: 'hide' };
    case 'killed before the effect':
    case 'machine gone':
      return { ...fault, what: 'kill' };
    case 'killed after the effect':
      return { ...fault, when: 'after', what: 'kill' };
    default:
      throw new Error(`"${name}" is no fault of the proxy`);
  }
}

/** A look has no effect of its own, so that before and after are one. */
export function isProxyFault(fault: FaultName, operation: string): boolean {
  const hasEffect = operation === '--flushbufs' || operation === 'scan host';
  switch (fault) {
    case 'command fails':
    case 'command fails for good':
    case 'command hangs':
    case 'killed before the effect':
    case 'machine gone':
      return true;
    case 'command fails after the effect':
    case 'command hangs after the effect':
    case 'killed after the effect':
      return hasEffect;
    case 'device never appears':
      return operation === 'list devices';
    default:
      return false;
  }
}

function tellBlockdev(folder: string, fault: ProxyFault | undefined): void {
  if (!fault || !COMMANDS.includes(fault.operation)) return;
  const { operation, nth, forGood, when, what } = fault;
  writeFileSync(
    path.join(folder, 'blockdev-fault'),
    `${operation} ${nth} ${forGood ? 'all' : 'one'} ${when} ${what}\n`,
  );
}

const callsOf = (folder: string, option: string): number =>
  readdirSync(folder).filter((name) => name.startsWith(`${option}.`)).length;

function clear(folder: string): void {
  for (const name of readdirSync(folder).filter((entry) => entry !== 'by-id')) {
    rmSync(path.join(folder, name), { recursive: true, force: true });
  }
}

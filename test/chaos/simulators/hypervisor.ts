import { SnaphookError } from '../../../src/ports/errors.ts';
import type {
  DatastoreNeighbour,
  Hypervisor,
  HypervisorFacts,
  VmRecord,
  VmSelector,
} from '../../../src/ports/hypervisor.ts';
import type { MoRef } from '../../../src/ports/identity.ts';
import { matchesName } from '../../../src/ports/name-pattern.ts';
import type { HookProcess } from '../hook-process.ts';
import type { Random } from '../random.ts';

export interface VcenterSystem {
  readonly facts: HypervisorFacts;
  readonly vms: readonly VmRecord[];
  /** Inventory path to managed object, as far as anybody asks by path. */
  readonly paths: ReadonlyMap<string, MoRef>;
  readonly sessions: Set<{ readonly key: string }>;
  /** Does it name sessions to their clients? Schedules leave that out: a session holds nothing and ends when it is idle. */
  readonly namesSessions: boolean;
}

/** Why a client cannot get in. `no-rights`: it can, but may read nothing. */
type Barrier = 'login' | 'unreachable' | 'untrusted' | 'no-rights';

const CALL_TIMEOUT_MS = 60_000;
const errors = {
  refused: () => new SnaphookError('E_VCENTER', 'vCenter refused a call'),
  lost: () => new SnaphookError('E_VCENTER_UNREACHABLE', 'vCenter did not answer', { retry: 'safe' }),
};

const nextKey = (() => {
  let count = 0;
  return () => {
    count += 1;
    return `session-${count}`;
  };
})();

/** vCenter as its adapter gives it to one process: one session, made with the first call and made again when it was ended. */
export function simulatedHypervisor(
  system: VcenterSystem,
  process: HookProcess,
  random: Random,
  barrier?: Barrier,
): Hypervisor {
  const session = { key: nextKey() };
  const call = <Result>(name: string, signal: AbortSignal, effect: () => Result) =>
    process.call({
      name: `vcenter.${name}`,
      signal,
      latencyMs: random.latency(80, 4000),
      effect: () => {
        enter();
        return effect();
      },
      errors,
      timeoutMs: CALL_TIMEOUT_MS,
    });
  const enter = () => {
    if (barrier === 'login') throw new SnaphookError('E_VCENTER_LOGIN', 'the login was refused');
    if (barrier === 'unreachable') throw new SnaphookError('E_VCENTER_UNREACHABLE', 'nobody listens');
    if (barrier === 'untrusted') throw new SnaphookError('E_TLS_UNTRUSTED', 'the certificate is not trusted');
    system.sessions.add(session);
  };

  return {
    facts: (signal) => call('facts', signal, () => system.facts),
    findVms: (selectors, signal, excluding = []) =>
      call('findVms', signal, () =>
        selectors.map((selector) => {
          const isExcluded = (vm: VmRecord) => excluding.some((other) => isSelected(system, vm, other));
          const found = system.vms.filter((vm) => isSelected(system, vm, selector) && !isExcluded(vm));
          if (barrier === 'no-rights' && found[0])
            throw new SnaphookError('E_VCENTER_RIGHTS', `"System.Read" is missing on "${found[0].moRef}"`);
          return found;
        }),
      ),
    vmsOnDatastores: (datastores, signal) =>
      call('vmsOnDatastores', signal, () => datastores.flatMap((datastore) => neighboursOn(system, datastore))),
    readConfigurations: (vms, signal) =>
      call('readConfigurations', signal, () =>
        vms.map((moRef) => ({ changeVersion: '1', vmx: Buffer.from(`vmx of ${moRef}`), nvram: undefined })),
      ),
    async sessionKey(signal) {
      if (!system.namesSessions) return undefined;
      return call('sessionKey', signal, () => session.key);
    },
    endSession: (key, signal) =>
      call('endSession', signal, () => {
        for (const open of system.sessions) if (open.key === key) system.sessions.delete(open);
      }),
    async close() {
      system.sessions.delete(session);
    },
  };
}

function isSelected({ paths }: VcenterSystem, vm: VmRecord, selector: VmSelector): boolean {
  switch (selector.by) {
    case 'name':
      return vm.name === selector.name;
    case 'instanceUuid':
      return vm.instanceUuid === selector.uuid;
    case 'moRef':
      return vm.moRef === selector.moRef;
    case 'path':
      return paths.get(selector.inventoryPath) === vm.moRef;
    case 'folder':
      return [...paths].some(([path, moRef]) => moRef === vm.moRef && path.startsWith(`${selector.inventoryPath}/`));
    case 'datastore':
      return vm.disks.some(({ backing }) => 'datastore' in backing && backing.datastore === selector.datastore);
    case 'pattern':
      return matchesName(selector.pattern, vm.name);
    case 'biosUuid':
    case 'tag':
      return false; // a VmRecord tells neither
  }
}

function neighboursOn({ vms }: VcenterSystem, datastoreRef: MoRef): readonly DatastoreNeighbour[] {
  const found = vms.filter(({ disks }) =>
    disks.some(({ backing }) => backing.kind === 'vmfs' && backing.datastoreRef === datastoreRef),
  );
  if (found.length === 0) throw new SnaphookError('E_VCENTER', `there is no datastore "${datastoreRef}"`);
  return found.map(({ instanceUuid, name, poweredOn, disks }) => ({
    datastoreRef,
    instanceUuid,
    name,
    poweredOn,
    bytes: disks.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0),
  }));
}

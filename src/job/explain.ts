import { type ErrorRecord, toErrorRecord } from '../ports/errors.ts';
import type { DiskBacking, VmRecord, VmSelector } from '../ports/hypervisor.ts';
import type { ArrayId } from '../ports/identity.ts';
import type { DeviceInventory } from '../ports/storage-array.ts';
import { readCollateral } from './collateral.ts';
import {
  type DeviceFacts,
  type ExplainedDevice,
  explainDevice,
  factsOf,
  type Surroundings,
  type TargetPool,
} from './explain-device.ts';
import {
  type ArrayAnswer,
  checkDatastore,
  type IdentifiedDevice,
  identify,
  identitiesOf,
  type VmDisk,
} from './identity.ts';
import type { Collateral } from './plan.ts';
import { checkArray } from './planner.ts';
import type { JobPorts } from './ports.ts';
import { orProblem } from './problems.ts';
import { diskRefusal, vmRefusals } from './refusals.ts';
import { containersOf, containersOn } from './sources.ts';
import { guestAddressOf, resolveVms } from './vms.ts';

export interface ExplainRequest {
  readonly vm: VmSelector;
  /** Pools that targets may be taken from. */
  readonly targetPools: readonly TargetPool[];
}

export interface ExplainedIdentity {
  /** As vCenter shows it. */
  readonly identity: string;
  /** `array/device` as they stand in the name itself; undefined where it does not tell. */
  readonly nameTells: string | undefined;
  /** Every device that shows the identity, and the one that the name tells. */
  readonly candidates: readonly DeviceFacts[];
  /** Undefined while candidates contradict each other, or there is none. */
  readonly device: ExplainedDevice | undefined;
}

export interface ExplainedDisk {
  readonly key: number;
  readonly label: string;
  readonly capacityBytes: number;
  readonly guestDiskUuid: string | undefined;
  readonly diskMode: string;
  readonly onSnapshot: boolean;
  readonly sharedByWriters: boolean;
  readonly backing: DiskBacking;
  /** `ready`: a run could capture it. */
  readonly state: 'ready' | 'refused';
  /** Why it is refused, everything that was found. */
  readonly problems: readonly ErrorRecord[];
  readonly notes: readonly string[];
  /** Of a vVol: the arrays that show the storage container of its datastore, and how they call it. */
  readonly containers: readonly { readonly array: ArrayId; readonly name: string }[];
  readonly identities: readonly ExplainedIdentity[];
}

export interface VmExplanation {
  readonly vm: Pick<
    VmRecord,
    'name' | 'instanceUuid' | 'moRef' | 'poweredOn' | 'template' | 'connected' | 'guestHostName' | 'guestFamily'
  >;
  /** How its guest would be frozen; undefined: there are no settings for it, or no address. */
  readonly freeze: string | undefined;
  /** Of the VM as a whole, and of systems that did not answer. */
  readonly problems: readonly ErrorRecord[];
  readonly collateral: readonly Collateral[];
  readonly disks: readonly ExplainedDisk[];
}

/**
 * Everything that is known of the way from a VM to the devices behind its disks and on to the proxy. Goes on after every problem
 * and tells it where it belongs; only a VM that is not found, or a vCenter that does not answer, is an error. Reads only.
 */
export async function explainVm(ports: JobPorts, request: ExplainRequest, signal: AbortSignal): Promise<VmExplanation> {
  const [vm] = await resolveVms(ports.hypervisor, [request.vm], signal);
  if (!vm) throw new TypeError('a selector that resolves has a VM');
  const problems: ErrorRecord[] = vmRefusals(vm).map(toErrorRecord);
  const collateral = await orProblem(problems, [], signal, () => readCollateral(ports, [vm], signal));
  const owners = vm.disks.map((disk): VmDisk => ({ vm, disk }));
  const identities = [...new Set(owners.flatMap(({ disk }) => identitiesOf(disk)))];
  const answers: ArrayAnswer[] = [];
  const members = new Map<ArrayId, ReadonlyMap<string, DeviceInventory['pool']>>();
  for (const array of ports.arrays) {
    const answered = await orProblem(problems, undefined, signal, async () => {
      const facts = await array.facts(signal);
      const [first = '', ...more] = new Set(request.targetPools.map(({ targetPool }) => targetPool));
      const inventory = await array.inventory({ identities, pool: first, containers: containersOf(owners) }, signal);
      const byPool = new Map([[first, inventory.pool]]);
      for (const pool of more) byPool.set(pool, (await array.inventory({ identities: [], pool }, signal)).pool);
      const containers = await containersOn(array, [...new Set(containersOf(owners).values())], signal);
      return { answer: { array, facts, inventory, containers }, byPool };
    });
    if (!answered) continue;
    answers.push(answered.answer);
    members.set(array.id, answered.byPool);
  }
  const disks: ExplainedDisk[] = [];
  for (const owner of owners) {
    disks.push(
      await explainDisk({ ports, targetPools: request.targetPools, identities, answers, members, signal }, owner),
    );
  }
  const { name, instanceUuid, moRef, poweredOn, template, connected, guestHostName, guestFamily } = vm;
  return {
    vm: { name, instanceUuid, moRef, poweredOn, template, connected, guestHostName, guestFamily },
    freeze: ports.guests.strategyFor({ name, address: guestAddressOf(vm) }),
    problems,
    collateral,
    disks,
  };
}

interface Look extends Surroundings {
  readonly identities: readonly string[];
  readonly answers: readonly ArrayAnswer[];
}

async function explainDisk(look: Look, owner: VmDisk): Promise<ExplainedDisk> {
  const { key, label, capacityBytes, guestDiskUuid, diskMode, onSnapshot, sharedByWriters, backing } = owner.disk;
  const problems: ErrorRecord[] = [];
  const notes: string[] = [];
  const refusal = diskRefusal(owner);
  if (refusal) problems.push(toErrorRecord(refusal));
  if (onSnapshot) notes.push('runs on a VM snapshot: an image holds the current state, without the chain');
  if (sharedByWriters) notes.push('shared with other VMs that are not frozen');
  const found: IdentifiedDevice[] = [];
  const identities: ExplainedIdentity[] = [];
  for (const identity of identitiesOf(owner.disk)) {
    const index = look.identities.indexOf(identity);
    const identified = await orProblem(problems, undefined, look.signal, async () =>
      identify(identity, index, look.answers, owner),
    );
    if (identified) {
      found.push(identified);
      notes.push(...identified.notes);
      await orProblem(problems, undefined, look.signal, async () =>
        checkArray(identified.answer.array, identified.answer.facts),
      );
    }
    identities.push({
      identity,
      ...candidatesOf(look.answers, index),
      device: identified && (await explainDevice(look, identified, { problems, notes })),
    });
  }
  if (found.length === identities.length) {
    await orProblem(problems, undefined, look.signal, async () => checkDatastore(owner, found));
  }
  return {
    ...{ key, label, capacityBytes, guestDiskUuid, diskMode, onSnapshot, sharedByWriters, backing },
    state: problems.length === 0 ? 'ready' : 'refused',
    problems,
    notes,
    containers: look.answers.flatMap(({ array, containers }) => {
      const name = backing.kind === 'vvol' ? containers.get(backing.containerId ?? '') : undefined;
      return name === undefined ? [] : [{ array: array.id, name }];
    }),
    identities,
  };
}

function candidatesOf(
  answers: readonly ArrayAnswer[],
  index: number,
): Pick<ExplainedIdentity, 'nameTells' | 'candidates'> {
  const candidates = new Map<string, DeviceFacts>();
  let nameTells: string | undefined;
  for (const { array, inventory } of answers) {
    const clue = inventory.clues[index];
    if (clue?.decoded) nameTells = `${clue.decoded.arrayId}/${clue.decoded.deviceId}`;
    const claimed = clue?.decodedDevice ? [clue.decodedDevice] : [];
    for (const device of [...(inventory.sources[index] ?? []), ...claimed]) {
      candidates.set(`${array.id}/${device.id}`, factsOf(array, device));
    }
  }
  return { nameTells, candidates: [...candidates.values()] };
}

import { type ErrorRecord, toErrorRecord } from '../ports/errors.ts';
import type { DiskBacking, VmRecord, VmSelector } from '../ports/hypervisor.ts';
import type { ArrayId } from '../ports/identity.ts';
import type { DeviceInventory } from '../ports/storage-array.ts';
import { checkArray, checkSources } from './array-limits.ts';
import type { Collateral } from './captured-neighbours.ts';
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
  checkAgreement,
  checkDatastore,
  checkOneArray,
  type FoundDevice,
  findDevice,
  identitiesOf,
  type VmDisk,
} from './identity.ts';
import { managedRefusal } from './managed-plan.ts';
import type { Route } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { orProblem } from './problems.ts';
import { chooseRoute } from './route.ts';
import { containersOf, containersOn, homeOf, vvolsOf } from './sources.ts';
import { diskRefusal, vmRefusals } from './vm-checks.ts';
import { notesOf } from './vm-notes.ts';
import { findVm, guestOf } from './vms.ts';

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
  /** The one a job takes that does not ask for another; undefined when no device was found. */
  readonly route: Route | undefined;
  /** What is unusual of the VM as a whole. */
  readonly notes: readonly string[];
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
  const vm = await findVm(ports.hypervisor, request.vm, signal);
  const problems: ErrorRecord[] = vmRefusals(vm).map(toErrorRecord);
  const owners = vm.disks.map((disk): VmDisk => ({ vm, disk }));
  const { identities, answers, members } = await askArrays(ports, request, owners, problems, signal);
  const searches: DiskSearch[] = [];
  for (const owner of owners) searches.push(await searchDevices(owner, identities, answers, signal));
  const found = searches.flatMap(({ devices }) => devices);
  const home = found.length === 0 ? undefined : await orProblem(problems, undefined, signal, async () => homeOf(found));
  const route =
    home &&
    (await orProblem(problems, undefined, signal, () =>
      chooseRoute(ports.vvolAnswers, { route: 'auto' }, home.facts, [vm]),
    ));
  const isManaged = route?.name === 'managed';
  const collateral = isManaged ? [] : await orProblem(problems, [], signal, () => readCollateral(ports, [vm], signal));
  const notes = notesOf(vm, ports.clock.now());
  const notesAbout = (disk: number | undefined) => notes.filter((note) => note.disk === disk).map(({ text }) => text);
  const look: Look = {
    ports,
    targetPools: isManaged ? [] : request.targetPools,
    identities,
    answers,
    members,
    signal,
    isManaged,
  };
  const disks: ExplainedDisk[] = [];
  for (const search of searches) disks.push(await explainDisk(look, search, notesAbout(search.owner.disk.key)));
  const { name, instanceUuid, moRef, poweredOn, template, connected, guestHostName, guestFamily } = vm;
  return {
    vm: { name, instanceUuid, moRef, poweredOn, template, connected, guestHostName, guestFamily },
    freeze: ports.guests.waysFor(guestOf(vm))[0]?.strategy,
    route,
    notes: notesAbout(undefined),
    problems,
    collateral,
    disks,
  };
}

/** Position of each identity in the answers. */
type Positions = ReadonlyMap<string, number>;

/** What each array answers; one that does not is a problem. */
async function askArrays(
  ports: JobPorts,
  { targetPools }: ExplainRequest,
  owners: readonly VmDisk[],
  problems: ErrorRecord[],
  signal: AbortSignal,
): Promise<
  { readonly identities: Positions; readonly answers: readonly ArrayAnswer[] } & Pick<Surroundings, 'members'>
> {
  const identities = [...new Set(owners.flatMap(({ disk }) => identitiesOf(disk)))];
  const vvols = vvolsOf(owners);
  const answers: ArrayAnswer[] = [];
  const members = new Map<ArrayId, ReadonlyMap<string, DeviceInventory['pool']>>();
  for (const array of ports.arrays) {
    const answered = await orProblem(problems, undefined, signal, async () => {
      const facts = await array.facts(signal);
      const [first = '', ...more] = new Set(targetPools.map(({ targetPool }) => targetPool));
      const inventory = await array.inventory({ identities, pool: first, vvols }, signal);
      const byPool = new Map([[first, inventory.pool]]);
      for (const pool of more) byPool.set(pool, (await array.inventory({ identities: [], pool }, signal)).pool);
      const containers = await containersOn(array, containersOf(owners), signal);
      return { answer: { array, facts, inventory, containers }, byPool };
    });
    if (!answered) continue;
    answers.push(answered.answer);
    members.set(array.id, answered.byPool);
  }
  return { identities: new Map(identities.map((identity, index) => [identity, index])), answers, members };
}

interface DiskSearch {
  readonly owner: VmDisk;
  readonly devices: readonly FoundDevice[];
  readonly problems: readonly ErrorRecord[];
}

async function searchDevices(
  owner: VmDisk,
  positions: Positions,
  answers: readonly ArrayAnswer[],
  signal: AbortSignal,
): Promise<DiskSearch> {
  const problems: ErrorRecord[] = [];
  const devices: FoundDevice[] = [];
  for (const identity of identitiesOf(owner.disk)) {
    const found = await orProblem(problems, undefined, signal, async () =>
      findDevice(identity, positions.get(identity) ?? -1, answers, owner),
    );
    if (found) devices.push(found);
  }
  return { owner, devices, problems };
}

interface Look extends Surroundings {
  readonly identities: Positions;
  readonly answers: readonly ArrayAnswer[];
  readonly isManaged: boolean;
}

async function explainDisk(look: Look, search: DiskSearch, unusual: readonly string[]): Promise<ExplainedDisk> {
  const { owner, devices } = search;
  const { key, label, capacityBytes, guestDiskUuid, diskMode, onSnapshot, sharedByWriters, backing } = owner.disk;
  const refusals = [diskRefusal(owner, 'refuse'), ...(look.isManaged ? [managedRefusal(owner)] : [])];
  const problems = [...refusals.flatMap((refusal) => (refusal ? [toErrorRecord(refusal)] : [])), ...search.problems];
  const notes = [...unusual];
  const byIdentity = new Map(devices.map((device) => [device.identity, device]));
  const identities: ExplainedIdentity[] = [];
  for (const identity of identitiesOf(owner.disk)) {
    const found = byIdentity.get(identity);
    const agrees = found && (look.isManaged || (await isFit(look, owner, found, { problems, notes })));
    identities.push({
      identity,
      ...candidatesOf(look.answers, look.identities.get(identity) ?? -1),
      device: found && agrees ? await explainDevice(look, found, { problems, notes }) : undefined,
    });
  }
  if (devices.length === identities.length && !look.isManaged) {
    await orProblem(problems, undefined, look.signal, async () => {
      checkOneArray(owner, devices);
      checkDatastore(owner, devices);
    });
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

/** Does all that is known of the device agree? Also asks whether its array takes one more snapshot of it. */
async function isFit(
  { answers, signal }: Look,
  owner: VmDisk,
  found: FoundDevice,
  { problems, notes }: { readonly problems: ErrorRecord[]; readonly notes: string[] },
): Promise<boolean> {
  const agreed = await orProblem(problems, undefined, signal, async () => checkAgreement(found, answers, owner));
  if (!agreed) return false;
  notes.push(...agreed);
  const { array, facts } = found.answer;
  await orProblem(problems, undefined, signal, async () => {
    checkArray(array, facts);
    const held = { vm: owner.vm.instanceUuid, vmName: owner.vm.name, key: owner.disk.key, label: owner.disk.label };
    const source = { device: found.device, disks: [held] };
    notes.push(...(await checkSources(array, [source], await array.limits(signal), signal)));
  });
  return true;
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

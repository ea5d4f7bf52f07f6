import type { ExplainedDisk, ExplainedIdentity, VmExplanation } from '../../job/explain.ts';
import type { DeviceFacts, ExplainedDevice, ExplainedSnapshot } from '../../job/explain-device.ts';
import { oneLine } from '../../platform/text-reporter.ts';
import type { ErrorRecord } from '../../ports/errors.ts';
import type { DiskBacking } from '../../ports/hypervisor.ts';
import type { Presentation } from '../../ports/storage-array.ts';
import { collateralText } from './collateral.ts';
import { bytesText } from './text.ts';

/** One fact a line: what it is about, then what is known. Names from outside stay on their line. */
type Lines = readonly string[];

const fact = (depth: number, what: string, value: string): string =>
  `${'  '.repeat(depth)}${what.padEnd(24 - 2 * depth)}${oneLine(value)}`;

/** For people: the VM, then each disk with the whole way to the proxy under it. */
export function explanationText({ vm, freeze, route, notes, problems, collateral, disks }: VmExplanation): string {
  const states = [vm.poweredOn ? 'powered on' : 'powered off', ...(vm.template ? ['template'] : [])];
  const refused = disks.filter(({ state }) => state === 'refused').length;
  const lines = [
    `VM ${oneLine(vm.name)} (${vm.moRef}, uuid ${vm.instanceUuid}): ${states.join(', ')}`,
    fact(1, 'guest', guestText(vm.guestHostName, vm.guestFamily, freeze)),
    fact(
      1,
      'route',
      route ? `${route.name} where the job says auto: ${route.because}` : 'not known: no device was found',
    ),
    ...notes.map((note) => fact(1, 'note', note)),
    ...problems.flatMap((problem) => problemLines(1, problem)),
    ...disks.flatMap(diskLines),
    '',
    refused === 0 && problems.length === 0
      ? `${disks.length} disk(s), all ready to be captured`
      : `REFUSED (${refused} of ${disks.length} disk(s)): a run with this VM ends before anything is touched`,
  ];
  return `${lines.join('\n')}\n${collateral.map(collateralText).join('')}`;
}

function guestText(hostName: string | undefined, family: string | undefined, freeze: string | undefined): string {
  const who = [hostName, family].filter((word) => word !== undefined).join(', ');
  const how = freeze === undefined ? 'no settings under `guests:`, or no address' : `frozen by ${freeze}`;
  return who === '' ? how : `${who}; ${how}`;
}

function problemLines(depth: number, { code, message, hint }: ErrorRecord): Lines {
  return [
    fact(depth, 'refused:', `${message} [${code}]`),
    ...(hint === undefined ? [] : [fact(depth, 'to do:', hint)]),
  ];
}

function diskLines(disk: ExplainedDisk): Lines {
  const { label, capacityBytes, state, backing, identities, problems, notes } = disk;
  return [
    '',
    `${oneLine(label)}, ${bytesText(capacityBytes)}: ${state === 'ready' ? 'ready' : 'REFUSED'}`,
    ...problems.flatMap((problem) => problemLines(1, problem)),
    ...notes.map((note) => fact(1, 'note', note)),
    ...backingLines(disk),
    fact(1, 'in the guest', disk.guestDiskUuid === undefined ? 'no serial told' : `serial ${disk.guestDiskUuid}`),
    ...identities.flatMap((identity) => identityLines(identity, backing)),
  ];
}

function backingLines({ backing, containers }: ExplainedDisk): Lines {
  switch (backing.kind) {
    case 'vvol':
      return [
        fact(1, 'vVol', backing.objectId),
        fact(1, 'datastore', `${backing.datastore}, storage container ${backing.containerId ?? 'not told'}`),
        fact(
          1,
          'container',
          containers.map(({ array, name }) => `${name} on array ${array}`).join(', ') || 'no array shows it',
        ),
        fact(1, 'VASA provider', backing.vasaArrays.length === 0 ? 'names no array' : backing.vasaArrays.join(', ')),
      ];
    case 'vmfs':
      return [
        fact(1, 'file', backing.fileName),
        fact(
          1,
          'datastore',
          `${backing.datastore}, VMFS ${backing.vmfsUuid ?? 'uuid not told'}, ${backing.extents.length} extent(s)`,
        ),
      ];
    case 'rdm':
      return [
        fact(1, 'raw device', `${backing.canonicalName}, ${backing.compatibilityMode} mode`),
        fact(1, 'mapping file', `${backing.mappingFile} (not captured: it has no data)`),
      ];
    case 'ambiguous':
      return backing.candidates.map((candidate) => fact(1, 'may be', candidate));
    case 'unsupported':
      return [];
  }
}

function identityLines({ identity, nameTells, candidates, device }: ExplainedIdentity, { kind }: DiskBacking): Lines {
  const head = [
    fact(1, 'name', identity),
    fact(2, 'says by itself', nameTells === undefined ? 'neither array nor device' : `device ${nameTells}`),
  ];
  if (device)
    return [
      ...head,
      ...deviceLines(device, kind === 'vvol' ? 'nobody: vVols are reached through protocol endpoints' : 'nobody'),
    ];
  if (candidates.length === 0) return [...head, fact(2, 'device', 'none found')];
  return [...head, ...candidates.flatMap((candidate) => factsLines(candidate, 'candidate'))];
}

function factsLines(device: DeviceFacts, what: string): Lines {
  const { array, id, cylinders, sizeBytes, emulation, type, effectiveWwn, wwn, identifier } = device;
  const own = wwn === effectiveWwn ? 'its own' : `own WWN ${wwn ?? 'not shown'}`;
  return [
    fact(2, what, `${array}/${id}, ${type}, ${emulation}, ${cylinders} cylinders (${bytesText(sizeBytes)})`),
    fact(3, 'seen by hosts as', `${effectiveWwn}, ${own}`),
    ...(identifier === undefined ? [] : [fact(3, 'identifier', identifier)]),
  ];
}

function deviceLines(device: ExplainedDevice, whenUnmasked: string): Lines {
  return [
    ...factsLines(device, 'device'),
    fact(3, 'found by', device.foundBy),
    fact(3, 'storage groups', device.storageGroups.length === 0 ? 'none' : device.storageGroups.join(', ')),
    ...presentationLines(3, device.presentations, whenUnmasked),
    ...(device.snapshots.length === 0 ? [fact(3, 'our snapshots', 'none')] : device.snapshots.flatMap(snapshotLines)),
    ...device.pools.map(({ pool, jobs, fitting, members }) =>
      fact(3, 'targets', `${fitting} of ${members} in pool ${pool} fit (${jobs.join(', ')})`),
    ),
  ];
}

function presentationLines(depth: number, presentations: readonly Presentation[], whenUnmasked = 'nobody'): Lines {
  if (presentations.length === 0) return [fact(depth, 'masked to', whenUnmasked)];
  return presentations.map(({ view, host, paths }) => {
    const addresses = paths.map(({ initiator, lun }) => `LUN ${lun ?? 'not told'} at ${initiator}`);
    const where = addresses.length === 0 ? 'no connection told' : addresses.join(', ');
    return fact(depth, 'masked to', `${host ?? 'unknown host'} by view ${view}: ${where}`);
  });
}

function snapshotLines({ name, snapId, createdAt, targets }: ExplainedSnapshot): Lines {
  const when = createdAt === undefined ? '' : `, made ${createdAt}`;
  return [
    fact(3, 'our snapshot', `${name}, id ${snapId ?? 'not told'}${when}`),
    ...targets.flatMap((target) => [
      fact(4, 'target', `${target.id}, seen by hosts as ${target.effectiveWwn ?? 'nothing'}`),
      ...presentationLines(5, target.presentations),
      fact(5, 'on the proxy', target.proxyPath ?? 'not seen'),
    ]),
  ];
}

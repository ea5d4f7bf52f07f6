import type { LogicalVolumeName, OtherVolume } from '../../../ports/file-systems.ts';
import type { PhysicalVolume } from './physical-volume.ts';
import { type LogicalVolume, type Member, parseVolumeGroup, type VolumeGroup } from './volume-group.ts';

/** A physical volume, and where it lies. */
export interface Seat {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly volume: PhysicalVolume;
}

type Told = Pick<OtherVolume, 'state' | 'why'>;

/** A logical volume, and where on the disk all of it lies; or why it is not to be mounted. */
export interface Assigned {
  readonly logicalVolume: LogicalVolumeName;
  readonly at: { readonly offsetBytes: number; readonly sizeBytes: number } | Told;
}

/** What a physical volume is, and the logical volumes that are told with it. */
export interface Assembled {
  readonly told: Told;
  readonly volumes: readonly Assigned[];
}

/** Hold other logical volumes, which are told for themselves. */
const POOLS = new Set(['thin-pool', 'cache-pool', 'vdo-pool']);

/**
 * What the groups of these physical volumes, all that a VM's disks have, say of one of them. Each logical volume is told once: with the
 * physical volume on which it begins, or else with the first one of its group that is here. Nothing is activated, so that groups of
 * other VMs of the same ids are no matter.
 */
export function assemble(own: Seat, all: readonly Seat[]): Assembled {
  const { volume } = own;
  const unreadable = (why: string): Assembled => ({ told: { state: 'unreadable', why }, volumes: [] });
  if (all.filter((seat) => seat.volume.uuid === volume.uuid).length > 1)
    return unreadable('it is a physical volume of LVM of which the VM has several of the same id');
  const texts = all.flatMap((seat) => seat.volume.texts.map(parseVolumeGroup));
  const groups = texts.filter((group) => group !== undefined).filter((group) => memberIn(group, volume) !== undefined);
  if (new Set(groups.map(({ uuid }) => uuid)).size > 1)
    return unreadable('it is a physical volume of LVM that several volume groups call theirs');
  const group = groups.reduce<VolumeGroup | undefined>(
    (newest, one) => (newest && newest.sequence >= one.sequence ? newest : one),
    undefined,
  );
  if (group) return { told: memberOf(group), volumes: assignedTo(own, group, all) };
  if (volume.emptyAreas > 0 && volume.damagedAreas === 0)
    return { told: { state: 'no-files', why: 'it is a physical volume of LVM in no volume group' }, volumes: [] };
  return unreadable(
    'it is a physical volume of LVM, and what its volume group is cannot be read on the disks of the VM',
  );
}

const memberOf = ({ name }: VolumeGroup): Told => ({
  state: 'no-files',
  why: `it is a physical volume of the volume group "${name}", whose logical volumes are told for themselves`,
});

const memberIn = ({ members }: VolumeGroup, { uuid }: PhysicalVolume): Member | undefined =>
  [...members.values()].find((member) => member.uuid === uuid);

function assignedTo(own: Seat, group: VolumeGroup, all: readonly Seat[]): readonly Assigned[] {
  const seats = new Map(
    [...group.members].flatMap(([name, { uuid, isMissing }]) => {
      const seat = isMissing ? undefined : all.find((one) => one.volume.uuid === uuid);
      return seat ? [[name, seat] as const] : [];
    }),
  );
  // A group that goes on without the physical volume itself has nothing on it.
  const [first] = seats.values();
  return group.volumes.flatMap(({ name, made }) => {
    const beginsOn = made.of === 'plain' ? seats.get(made.pieces[0]?.member ?? '') : undefined;
    if ((beginsOn ?? first) !== own) return [];
    return [{ logicalVolume: { group: group.name, name }, at: placeOf(made, group, seats) }];
  });
}

function placeOf(
  made: LogicalVolume['made'],
  { members, extentBytes }: VolumeGroup,
  seats: ReadonlyMap<string, Seat>,
): Assigned['at'] {
  const unreadable = (why: string): Told => ({ state: 'unreadable', why });
  if (made.of === 'other') {
    if (POOLS.has(made.type)) return { state: 'no-files', why: `it is a pool of LVM (${made.type})` };
    return unreadable(`it is a logical volume of LVM of the kind "${made.type}", which cannot be read here`);
  }
  const [piece, ...others] = made.pieces;
  if (made.pieces.some(({ member }) => !seats.has(member)))
    return unreadable(
      'it is a logical volume of LVM that reaches over a physical volume on none of the disks of the VM here',
    );
  const seat = seats.get(piece?.member ?? '');
  const member = members.get(piece?.member ?? '');
  if (piece === undefined || others.length > 0 || !seat || !member)
    return unreadable(
      `it is a logical volume of LVM in ${made.pieces.length} pieces, which cannot be put together here`,
    );
  const offsetBytes = member.startBytes + piece.firstExtent * extentBytes;
  const sizeBytes = piece.extents * extentBytes;
  return offsetBytes + sizeBytes <= seat.sizeBytes
    ? { offsetBytes: seat.offsetBytes + offsetBytes, sizeBytes }
    : unreadable('it is a logical volume of LVM that reaches beyond the end of its physical volume');
}

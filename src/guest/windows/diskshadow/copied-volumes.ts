import { SnaphookError } from '../../../ports/errors.ts';
import { plainSerial } from '../../disk-serial.ts';
import type { StorageFacts, SystemFacts, VolumeFacts } from './facts.ts';

export interface GuestFacts {
  readonly guest: string;
  readonly volumes: readonly VolumeFacts[];
  readonly storage: readonly StorageFacts[];
}

const MIB = 1024 * 1024;
/** What Windows wants free for a shadow copy, after its backup's documentation: less of a small volume. */
const SMALL_VOLUME_BYTES = 500 * MIB;
const FREE_BYTES = { small: 50 * MIB, other: 320 * MIB } as const;

/** Errors: `E_GUEST_HELPER`. */
export function requireDiskshadow(guest: string, { name, isServer }: SystemFacts, isThere: boolean): void {
  if (isThere) return;
  throw new SnaphookError('E_GUEST_HELPER', `guest "${guest}" (${name}) has no diskshadow.exe`, {
    hint: isServer
      ? 'It is part of Windows Server: see what became of System32\\diskshadow.exe.'
      : 'Only Windows Server has it: set `strategy: vss-provider` for this guest.',
  });
}

/**
 * The volumes on the captured disks, each of which can have a shadow copy that is whole on these disks. Not those to repair Windows with: no
 * proxy hands them over. Errors: `E_GUEST` for everything
 * that cannot end in a copy that the array's snapshot holds.
 */
export function copiedVolumes(facts: GuestFacts, diskUuids: readonly string[]): readonly VolumeFacts[] {
  const { guest } = facts;
  const captured = new Set(diskUuids.map(plainSerial));
  const onThem = facts.volumes.filter((volume) => volume.diskUuids.some((serial) => captured.has(serial)));
  const volumes = onThem.filter(
    ({ isSystem, isRecovery, fileSystem }) => !isRecovery && (!isSystem || fileSystem === 'NTFS'),
  );
  const covered = new Set(volumes.flatMap((volume) => volume.diskUuids));
  const bare = diskUuids.filter((disk) => !covered.has(plainSerial(disk)));
  if (bare.length > 0) {
    const named = bare.map((disk) => `"${disk}"`).join(', ');
    throw refusal(guest, `has no volume on disk ${named} that a shadow copy can be made of`, BARE_HINT);
  }
  for (const volume of volumes) requireCopyable(facts, volume, captured);
  return volumes;
}

const BARE_HINT =
  'Check in the guest that the disk is online and formatted as NTFS, that it is a basic disk and in no storage pool, and that the VM has ' +
  'disk.EnableUUID set to TRUE.';

function requireCopyable({ guest, volumes, storage }: GuestFacts, volume: VolumeFacts, captured: ReadonlySet<string>) {
  const { name, fileSystem } = volume;
  if (fileSystem !== 'NTFS') {
    throw refusal(
      guest,
      `cannot keep a shadow copy of volume "${name}" (${fileSystem ?? 'no file system'})`,
      'Only NTFS has shadow copies that stay: set `strategy: vss-provider` for this guest.',
    );
  }
  requireInside(guest, volume, volume, captured);
  const { diffVolume = volume.id } = storage.find((one) => one.volume === volume.id) ?? {};
  const keeper = volumes.find(({ id }) => id === diffVolume);
  if (!keeper)
    throw refusal(guest, `keeps shadow copies of "${name}" on "${diffVolume}", which it does not show`, STORAGE_HINT);
  requireInside(guest, volume, keeper, captured);
  const wantedBytes = keeper.sizeBytes < SMALL_VOLUME_BYTES ? FREE_BYTES.small : FREE_BYTES.other;
  if (keeper.freeBytes >= wantedBytes) return;
  throw refusal(
    guest,
    `has ${Math.floor(keeper.freeBytes / MIB)} MiB free on "${keeper.name}", and a shadow copy of "${name}" needs ${wantedBytes / MIB} MiB`,
    'Free space on the volume, or move its shadow storage: vssadmin add shadowstorage.',
  );
}

const STORAGE_HINT =
  'Give the volume shadow storage on itself, or on a volume that is captured in the same job: vssadmin list shadowstorage.';

/** A copy of which a part lies elsewhere is no copy in the array's snapshot. */
function requireInside(guest: string, volume: VolumeFacts, keeper: VolumeFacts, captured: ReadonlySet<string>): void {
  const elsewhere = keeper.diskUuids.filter((serial) => !captured.has(serial));
  if (keeper.diskUuids.length > 0 && elsewhere.length === 0) return;
  const where =
    elsewhere.length === 0 ? 'disks that it does not tell' : `disk "${elsewhere[0]}", which is not captured`;
  if (keeper === volume)
    throw refusal(guest, `has volume "${volume.name}" also on ${where}`, 'Capture all of its disks in one job.');
  throw refusal(guest, `keeps shadow copies of "${volume.name}" on "${keeper.name}" and so on ${where}`, STORAGE_HINT);
}

/** After the copies were made Windows has chosen where their storage is. */
export function requireStorageInside(
  facts: GuestFacts,
  copied: readonly VolumeFacts[],
  diskUuids: readonly string[],
): void {
  const captured = new Set(diskUuids.map(plainSerial));
  for (const volume of copied) {
    const association = facts.storage.find((one) => one.volume === volume.id);
    const keeper = facts.volumes.find(({ id }) => id === association?.diffVolume);
    if (!keeper)
      throw refusal(facts.guest, `does not tell where it keeps the shadow copy of "${volume.name}"`, STORAGE_HINT);
    requireInside(facts.guest, volume, keeper, captured);
  }
}

const refusal = (guest: string, what: string, hint: string): SnaphookError =>
  new SnaphookError('E_GUEST', `guest "${guest}" ${what}`, { hint });

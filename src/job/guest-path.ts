import { SnaphookError } from '../ports/errors.ts';
import type { MountedVolume, Volume } from '../ports/file-systems.ts';
import { placeNameOf } from '../ports/place-name.ts';
import { placesInGuest } from './restore-map.ts';

/** A volume of a disk, by the label of the disk. */
export interface LabelledVolume {
  readonly disk: string;
  readonly volume: Volume;
}

export interface FoundPath {
  readonly disk: string;
  readonly volume: MountedVolume;
  /** From the root of the file system down. */
  readonly names: readonly string[];
  /** Mount points of the guest below the path: what lies there is on other file systems. */
  readonly notIncluded: readonly string[];
}

/**
 * Which file system a path is on, and where. With `volumeName` the path is one of that file system; otherwise of the guest, as the
 * `/etc/fstab` on one of its disks tells. Errors: `E_RESTORE`.
 */
export function findPath(
  volumes: readonly LabelledVolume[],
  { path, volumeName }: { readonly path: string; readonly volumeName: string | undefined },
): FoundPath {
  const names = fromRoot(path);
  if (!names)
    throw refused(`"${path}" is no path from the root down`, 'Give it as `/etc/hosts`, without `.` and `..`.');
  const mounted = volumes.flatMap(({ disk, volume }) => (volume.state === 'mounted' ? [{ disk, volume }] : []));
  if (volumeName !== undefined) {
    const found = mounted.filter(({ volume }) => placeNameOf(volume) === volumeName);
    return { ...onlyOne(found, `the volume "${volumeName}"`, volumes), names, notIncluded: [] };
  }
  const places = placesInGuest(mounted.map(({ volume }) => volume));
  const all = mounted.flatMap((one) =>
    (places.get(one.volume) ?? []).flatMap(({ mountPoint, subvolume = '' }) => {
      const at = fromRoot(mountPoint);
      // The word of a guest: of another kind of file system it means nothing, and it must not lead out of this one.
      const inside = one.volume.holds === 'btrfs' ? namesOf(subvolume) : [];
      return at && inside ? [{ ...one, at, inside }] : [];
    }),
  );
  const above = all.filter(({ at }) => isAt(at, names));
  const depth = Math.max(...above.map(({ at }) => at.length));
  const nearest = above.filter(({ at }) => at.length === depth);
  const { at, inside, disk, volume } = onlyOne(nearest, `the path "${path}"`, volumes);
  const below = all.filter((other) => other.at.length > names.length && isAt(names, other.at));
  const notIncluded = [...new Set(below.map((other) => `/${other.at.join('/')}`))].sort();
  return { disk, volume, names: [...inside, ...names.slice(at.length)], notIncluded };
}

const isAt = (folder: readonly string[], names: readonly string[]): boolean =>
  folder.every((name, index) => name === names[index]);

const fromRoot = (path: string): readonly string[] | undefined => (path.startsWith('/') ? namesOf(path) : undefined);

/** Undefined: it does not lead down alone. */
function namesOf(path: string): readonly string[] | undefined {
  const names = path.split('/').filter((name) => name !== '');
  return path.includes('\0') || names.some((name) => name === '.' || name === '..') ? undefined : names;
}

function onlyOne<Found>(found: readonly Found[], what: string, volumes: readonly LabelledVolume[]): Found {
  const [one, ...others] = found;
  if (one !== undefined && others.length === 0) return one;
  const told = volumes.map(({ disk, volume }) => {
    const state = volume.state === 'mounted' ? '' : `, ${volume.state}: ${volume.why}`;
    return `"${disk}" ${placeNameOf(volume)} (${volume.holds ?? 'unknown'}${state})`;
  });
  throw refused(
    `${what} is on ${found.length} file systems`,
    `Name the disk with \`--disk\` and the file system with \`--volume\`. There are: ${told.join('; ') || 'none'}.`,
  );
}

const refused = (why: string, hint: string) =>
  new SnaphookError('E_RESTORE', `no files can be restored: ${why}`, { hint });

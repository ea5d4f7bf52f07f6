import { parseSnapshotName, startOfRun } from '../../src/job/names.ts';
import type { SimSnapshot } from './simulators/array-system.ts';
import { POOL, type Site } from './site.ts';

/** What the documentation allows clocks to differ by, and the longest run of a site. */
const SKEW_MS = 10 * 60_000;
const LEAST_DEADLINE_MS = 230_000;

/** What is ours without a journal that could tell of it, as text. */
export function lostThings(site: Site): readonly string[] {
  return [...lostSnapshots(site).map(describe), ...lostFiles(site)];
}

/** Those of them with both proofs of docs/decisions/ownership.md: `reap` must remove them once they are old enough. */
export function provableThings(site: Site): readonly string[] {
  const { array } = site;
  const snapshots = lostSnapshots(site).filter((snapshot) => {
    const sameName = array.snapshots.filter(({ name }) => name === snapshot.name);
    const targets = sameName.flatMap(({ links }) => links.map(({ target }) => target));
    const isAlone = sameName.every(({ owner }) => owner === 'ours');
    const isInside = targets.every((target) => array.group(POOL)?.has(target));
    return isAlone && isInside && isOfItsTime(site, snapshot.name, snapshot.createdAtMs);
  });
  return [...snapshots.map(describe), ...provableFiles(site)];
}

function lostSnapshots({ array, state }: Site): readonly SimSnapshot[] {
  const isLost = ({ name }: SimSnapshot) => !state.journals.has(parseSnapshotName(name)?.run ?? '');
  return array.snapshots.filter((snapshot) => snapshot.owner === 'ours' && isLost(snapshot));
}

/** Files beside a manifest of a run without a journal, and the manifest. */
function lostFiles(site: Site): readonly string[] {
  return manifests(site).flatMap(({ files }) => files);
}

const provableFiles = (site: Site): readonly string[] =>
  manifests(site).flatMap(({ snapshotName, bornAtMs, files }) =>
    isOfItsTime(site, snapshotName, bornAtMs) ? files : [],
  );

function manifests({ files, state }: Site) {
  return [...files.files].flatMap(([path, { content, bornAtMs, owner }]) => {
    const name = path.split('/').at(-1) ?? '';
    if (owner !== 'ours' || !name.startsWith('snaphook-')) return [];
    const directory = path.slice(0, -name.length);
    // A draft has its snapshot in its name; a manifest names it, and the images.
    const note: Note = name.endsWith('.draft')
      ? { snapshot: { name: name.slice(0, -'.draft'.length) }, images: [] }
      : (JSON.parse(content) as Note); // written whole, by the product
    const snapshotName = note.snapshot.name;
    if (state.journals.has(parseSnapshotName(snapshotName)?.run ?? '')) return [];
    const listed = note.images.flatMap((image) => [`${directory}${image.path}`, `${directory}${image.path}.partial`]);
    const ours = listed.filter((file) => files.files.get(file)?.owner === 'ours');
    return [{ snapshotName, bornAtMs, files: [path, ...ours] }];
  });
}

interface Note {
  readonly snapshot: { readonly name: string };
  readonly images: readonly { readonly path: string }[];
}

function isOfItsTime({ jobs }: Site, snapshotName: string, madeAtMs: number): boolean {
  const run = parseSnapshotName(snapshotName)?.run;
  if (run === undefined) return false;
  const longestMs = Math.max(LEAST_DEADLINE_MS, ...jobs.map(({ limits }) => limits.deadlineMs));
  const afterMs = madeAtMs - startOfRun(run).getTime();
  return afterMs >= -SKEW_MS && afterMs <= longestMs + SKEW_MS;
}

const describe = ({ name, source }: SimSnapshot): string => `snapshot ${name} of ${source}`;

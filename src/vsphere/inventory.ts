import type { VmSelector } from '../ports/hypervisor.ts';
import { matchesName } from '../ports/name-pattern.ts';
import { type Census, readCensus } from './census.ts';
import { ref } from './decode.ts';
import { findByInstanceUuid, findByInventoryPath } from './encode.ts';
import { samePath } from './managed-entity.ts';
import type { Session } from './session.ts';
import type { Tags } from './tags.ts';

/** Up to this many UUIDs or paths one lookup each costs less than reading the names of the whole inventory. */
const MAX_SINGLE_LOOKUPS = 3;

const OF_PLACES: readonly VmSelector['by'][] = ['folder', 'datastore'];
const OF_CENSUS: readonly VmSelector['by'][] = ['name', 'biosUuid', 'pattern', ...OF_PLACES];

/** Ids of the virtual machines that each selector matches. */
export async function matchVms(
  session: Session,
  tags: Tags,
  selectors: readonly VmSelector[],
): Promise<readonly (readonly string[])[]> {
  const areMany = (kind: VmSelector['by']) => selectors.filter(({ by }) => by === kind).length > MAX_SINGLE_LOOKUPS;
  const places = areMany('path') || selectors.some(({ by }) => OF_PLACES.includes(by));
  const needsCensus = places || areMany('instanceUuid') || selectors.some(({ by }) => OF_CENSUS.includes(by));
  const census = needsCensus ? await readCensus(session, { places }) : undefined;
  const tagged = selectors.filter((selector) => selector.by === 'tag');
  const vmsOfTags = await tags.vmsWith(tagged);
  return await Promise.all(
    selectors.map(async (selector) => {
      switch (selector.by) {
        case 'moRef':
          return [selector.moRef];
        case 'path': {
          const known = places ? (census?.atPath(selector.inventoryPath) ?? []) : [];
          if (known.length > 0) return known;
          // What the census has no path of, as a VM in a vApp, the server may know.
          const body = findByInventoryPath(session.searchIndex, samePath(selector.inventoryPath));
          return vmIds(await session.call('FindByInventoryPath', body));
        }
        case 'instanceUuid':
          if (census !== undefined) return census.withInstanceUuid(selector.uuid);
          return vmIds(await session.call('FindByUuid', findByInstanceUuid(session.searchIndex, selector.uuid)));
        case 'tag':
          return vmsOfTags[tagged.indexOf(selector)] ?? [];
        default:
          return census === undefined ? [] : idsInCensus(census, selector);
      }
    }),
  );
}

function idsInCensus(
  census: Census,
  selector: Extract<VmSelector, { by: 'name' | 'biosUuid' | 'pattern' | 'folder' | 'datastore' }>,
): readonly string[] {
  switch (selector.by) {
    case 'name':
      return census.named(selector.name);
    case 'biosUuid':
      return census.withBiosUuid(selector.uuid);
    case 'pattern':
      return census.fitting((name) => matchesName(selector.pattern, name));
    case 'folder':
      return census.inFolder(selector.inventoryPath);
    case 'datastore':
      return census.onDatastore(selector.datastore);
  }
}

/** What a lookup found; an inventory path can also lead to a folder. */
function vmIds(found: unknown): readonly string[] {
  const object = ref(found);
  return object?.type === 'VirtualMachine' ? [object.id] : [];
}

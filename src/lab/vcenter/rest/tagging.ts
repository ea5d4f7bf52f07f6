import type { TagCategoryInventory } from '../inventory.ts';
import { vmsOf } from '../model/model.ts';
import { stableHex } from '../properties/stable-ids.ts';
import type { LabUser } from '../sessions.ts';
import { type RestCall, RestError, type RestRoutes } from './rest-call.ts';

const TAGGING = '/api/cis/tagging';

const categoryId = (category: string): string =>
  `urn:vmomi:InventoryServiceCategory:${stableHex(`category/${category}`, 32)}:GLOBAL`;
const tagId = (category: string, tag: string): string =>
  `urn:vmomi:InventoryServiceTag:${stableHex(`tag/${category}/${tag}`, 32)}:GLOBAL`;

/** Reading categories, tags and what has them (vSphere Automation API: `com.vmware.cis.tagging`). */
export const taggingRoutes: RestRoutes = {
  [`GET ${TAGGING}/category`]: (call) => categoriesOf(call).map(({ name }) => categoryId(name)),
  [`GET ${TAGGING}/category/*`]: (call) => {
    const category = categoriesOf(call).find(({ name }) => categoryId(name) === call.id);
    if (!category) throw notFound(call.id);
    const { name } = category;
    return { id: call.id, name, description: '', cardinality: 'MULTIPLE', associable_types: [], used_by: [] };
  },
  [`GET ${TAGGING}/tag`]: (call) => tagsOf(call).map(({ id }) => id),
  [`GET ${TAGGING}/tag/*`]: (call) => {
    const tag = tagsOf(call).find(({ id }) => id === call.id);
    if (!tag) throw notFound(call.id);
    return { ...tag, description: '', used_by: [] };
  },
  [`POST ${TAGGING}/tag?action=list-tags-for-category`]: (call) => {
    const [wanted = ''] = textsOf(call, 'category_id');
    if (!categoriesOf(call).some(({ name }) => categoryId(name) === wanted)) throw notFound(wanted);
    return tagsOf(call)
      .filter(({ category_id }) => category_id === wanted)
      .map(({ id }) => id);
  },
  [`POST ${TAGGING}/tag-association?action=list-attached-objects-on-tags`]: (call) =>
    textsOf(call, 'tag_ids').map((wanted) => {
      if (!tagsOf(call).some(({ id }) => id === wanted)) throw notFound(wanted);
      return { tag_id: wanted, object_ids: attachedTo(call, wanted) };
    }),
};

const mayRead = ({ privileges }: LabUser): boolean => privileges === 'all' || privileges.includes('System.Read');

/** Who may not read a category or a tag is shown none, and no error. */
const categoriesOf = ({ server, user }: RestCall): readonly TagCategoryInventory[] =>
  mayRead(user) ? server.model.tagCategories : [];

const tagsOf = (call: RestCall) =>
  categoriesOf(call).flatMap(({ name: category, tags }) =>
    tags.map((name) => ({ id: tagId(category, name), category_id: categoryId(category), name })),
  );

function attachedTo({ server }: RestCall, wanted: string): readonly { id: string; type: string }[] {
  const has = (tag: string) => {
    const slash = tag.indexOf('/');
    return tagId(tag.slice(0, slash), tag.slice(slash + 1)) === wanted;
  };
  return vmsOf(server.model)
    .filter(({ spec }) => spec.tags?.some(has))
    .map(({ id }) => ({ id, type: 'VirtualMachine' }));
}

function textsOf({ body }: RestCall, name: string): readonly string[] {
  const fields: Readonly<Record<string, unknown>> = typeof body === 'object' && body !== null ? { ...body } : {};
  const value = fields[name];
  const texts = Array.isArray(value) ? value : [value];
  if (!texts.every((text) => typeof text === 'string'))
    throw new RestError(400, 'INVALID_ARGUMENT', `Missing or malformed field ${name}.`);
  return texts;
}

const notFound = (id: string) => new RestError(404, 'NOT_FOUND', `The object "${id}" was not found.`);

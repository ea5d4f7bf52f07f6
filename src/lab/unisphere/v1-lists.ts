import { okAnswer, type RestAnswer } from './answers.ts';
import { malformed } from './messages.ts';
import { arrayOf, type Handler, type RestCall } from './rest-call.ts';
import {
  HOST_ATTRIBUTES,
  INITIATOR_ATTRIBUTES,
  MASKING_VIEW_ATTRIBUTES,
  PORT_GROUP_ATTRIBUTES,
  STORAGE_GROUP_ATTRIBUTES,
} from './v1-other-attributes.ts';
import { type AttributeTable, orderItems, parseFilters, selectAttributes } from './v1-query.ts';
import { VOLUME_ATTRIBUTES } from './v1-volume-attributes.ts';

/** Rows of one answer when the client sets no limit. Not published: inferred. */
const DEFAULT_LIMIT = 2000;

/** Everything of one kind under `/univmax/rest/v1/systems/{id}/<kind>`. */
function enhancedList<Item>(
  key: string,
  table: AttributeTable<Item>,
  itemsOf: (call: RestCall) => readonly Item[],
): { readonly list: Handler; readonly metadata: Handler } {
  return {
    list: (call) => {
      arrayOf(call);
      const token = call.query.get('resume_token');
      if (token !== null) {
        const { rows, total } = call.unisphere.cursors.take(token);
        return page(call, key, rows, total);
      }
      const select = selectAttributes(table, call.query.get('select'));
      const passes = parseFilters(table, call.query.getAll('filter'), arrayOf(call).knobs.nestedFilters);
      const items = orderItems(table, itemsOf(call).filter(passes), call.query.get('order'));
      return page(call, key, items.map(select), items.length);
    },
    metadata: () => okAnswer(Object.entries(table).map(([name, { description }]) => ({ name, description }))),
  };
}

function limitOf(call: RestCall, name: string): number | undefined {
  const text = call.query.get(name);
  if (text === null) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw malformed(`The value of parameter ${name} is not valid`);
  return value;
}

function page(call: RestCall, key: string, rows: readonly unknown[], total: number): RestAnswer {
  let size = Math.min(rows.length, limitOf(call, 'limit') ?? DEFAULT_LIMIT);
  const limitKb = limitOf(call, 'limit_kb');
  if (limitKb !== undefined) size = Math.min(size, fitting(rows, limitKb * 1024));
  const rest = rows.slice(size);
  const life = limitOf(call, 'expiration_delay_secs');
  return okAnswer({
    [key]: rows.slice(0, size),
    paging: {
      resume_token: rest.length > 0 ? call.unisphere.cursors.keep(rest, total, life) : undefined,
      total_instances: total,
      remaining_instances: rest.length,
    },
  });
}

/** How many rows stay within this many bytes; at least one. */
function fitting(rows: readonly unknown[], bytes: number): number {
  let left = bytes;
  const at = rows.findIndex((row) => {
    left -= JSON.stringify(row).length + 1;
    return left < 0;
  });
  return at < 0 ? rows.length : Math.max(1, at);
}

const of =
  <T>(read: (config: ReturnType<typeof arrayOf>['config']) => readonly T[]) =>
  (call: RestCall) => {
    const array = arrayOf(call);
    return read(array.config).map((item) => ({ array, item }));
  };

const asksForId = (call: RestCall, id: string): boolean =>
  call.query.getAll('filter').some((filter) => new RegExp(`(^|,)\\s*id\\s+eq\\s+${id}\\s*(,|$)`, 'i').test(filter));

export const ENHANCED_LISTS: Readonly<Record<string, { readonly list: Handler; readonly metadata: Handler }>> = {
  volumes: enhancedList('volumes', VOLUME_ATTRIBUTES, (call) => {
    const array = arrayOf(call);
    const { index, knobs } = array;
    const isListed = (id: string): boolean =>
      (knobs.vvolsInVolumeLists ?? true) || !index.vvolOf(id) || asksForId(call, id);
    return array.store
      .devices()
      .flatMap((device) => (array.births.shown(device.id, true) && isListed(device.id) ? [{ array, device }] : []));
  }),
  'storage-groups': enhancedList(
    'storage_groups',
    STORAGE_GROUP_ATTRIBUTES,
    of((config) => config.storageGroups),
  ),
  'masking-views': enhancedList(
    'masking_views',
    MASKING_VIEW_ATTRIBUTES,
    of((config) => config.maskingViews),
  ),
  hosts: enhancedList(
    'hosts',
    HOST_ATTRIBUTES,
    of((config) => config.hosts),
  ),
  initiators: enhancedList(
    'initiators',
    INITIATOR_ATTRIBUTES,
    of((config) => config.initiators),
  ),
  'port-groups': enhancedList(
    'port_groups',
    PORT_GROUP_ATTRIBUTES,
    of((config) => config.portGroups),
  ),
};

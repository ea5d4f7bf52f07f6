import { randomUUID } from 'node:crypto';
import { Collector, notFound } from '../property-collector/collector.ts';
import { parseFilterSpec } from '../property-collector/filter-spec.ts';
import { PropertyFilter } from '../property-collector/property-filter.ts';
import { readPath, resolvePath } from '../property-collector/property-path.ts';
import type { Call, OperationHandler } from '../server-context.ts';
import { dataListOf, dataOf, flagOf, optionalDataOf, optionalIntOf, optionalTextOf, textOf } from '../wire/fields.ts';
import { invalidArgument } from '../wire/vim-fault.ts';
import { anyOf, type DataObject, reference } from '../wire/vim-values.ts';
import { refuseWithout, viewFor } from './object-view.ts';

/** Without `maxWaitSeconds` the server still answers some time, so that dead connections are noticed. */
const DEFAULT_WAIT_MS = 30 * 60_000;

export const propertyCollectorOperations: Readonly<Record<string, OperationHandler>> = {
  RetrieveProperties: (call) => {
    const contents = collectorOf(call).retrieveAll(filterSpecs(call), viewFor(call));
    return contents.length > 0 ? contents : undefined;
  },
  RetrievePropertiesEx: (call) => {
    const maxObjects = optionalIntOf(dataOf(call.args, 'options').fields, 'maxObjects');
    if (maxObjects !== undefined && maxObjects <= 0) throw invalidArgument('options.maxObjects');
    return collectorOf(call).retrieve(filterSpecs(call), maxObjects ?? call.server.pageSize, viewFor(call));
  },
  ContinueRetrievePropertiesEx: (call) => collectorOf(call).continueRetrieve(textOf(call.args, 'token'), viewFor(call)),
  CancelRetrievePropertiesEx: (call) => {
    collectorOf(call).cancelRetrieve(textOf(call.args, 'token'));
    return undefined;
  },
  CreatePropertyCollector: (call) => {
    const collector = new Collector(ownObjectId(call), call.server.model.changes);
    call.session.objects.set(collector.id, collector);
    call.session.onEnd.add(() => collector.cancelWaits());
    return reference(collector.type, collector.id);
  },
  DestroyPropertyCollector: (call) => {
    const collector = collectorOf(call);
    collector.cancelWaits();
    for (const id of collector.filters.keys()) call.session.objects.delete(id);
    collector.filters.clear();
    call.session.objects.delete(collector.id);
    return undefined;
  },
  CreateFilter: (call) => {
    const view = viewFor(call);
    const spec = parseFilterSpec(dataOf(call.args, 'spec'), view);
    for (const start of spec.objectSet) {
      const object = view.find(start.obj);
      if (object) view.requireView(object);
      else if (!spec.reportMissing) throw notFound(start.obj);
    }
    const filter = new PropertyFilter(ownObjectId(call), spec, flagOf(call.args, 'partialUpdates'));
    collectorOf(call).filters.set(filter.id, filter);
    call.session.objects.set(filter.id, filter);
    return reference(filter.type, filter.id);
  },
  DestroyPropertyFilter: (call) => {
    for (const object of call.session.objects.values()) {
      if (object instanceof Collector) object.filters.delete(call.object.id);
    }
    call.session.objects.delete(call.object.id);
    return undefined;
  },
  CheckForUpdates: (call) =>
    collectorOf(call).check(optionalTextOf(call.args, 'version') ?? '', Number.MAX_SAFE_INTEGER, viewFor(call)),
  WaitForUpdates: async (call) => {
    for (;;) {
      const update = await waitForUpdates(call, undefined, undefined);
      if (update) return update;
    }
  },
  WaitForUpdatesEx: (call) => {
    const options = optionalDataOf(call.args, 'options')?.fields ?? {};
    const maxWaitSeconds = optionalIntOf(options, 'maxWaitSeconds');
    const maxObjectUpdates = optionalIntOf(options, 'maxObjectUpdates');
    if (maxWaitSeconds !== undefined && maxWaitSeconds < 0) throw invalidArgument('options.maxWaitSeconds');
    if (maxObjectUpdates !== undefined && maxObjectUpdates <= 0) throw invalidArgument('options.maxObjectUpdates');
    return waitForUpdates(call, maxWaitSeconds, maxObjectUpdates);
  },
  CancelWaitForUpdates: (call) => {
    collectorOf(call).cancelWaits();
    return undefined;
  },
  Fetch: (call) => {
    const view = viewFor(call);
    const path = resolvePath(call.object.type, textOf(call.args, 'prop'), call.version, view.onUnserved);
    refuseWithout(call, path.privilege);
    const value = readPath(path, call.object.readers(), view.onUnserved);
    return value === undefined ? undefined : anyOf(path.type, value);
  },
};

function waitForUpdates(
  call: Call,
  maxWaitSeconds: number | undefined,
  maxObjectUpdates: number | undefined,
): Promise<DataObject | undefined> {
  return collectorOf(call).wait(
    optionalTextOf(call.args, 'version') ?? '',
    {
      maxWaitMs: maxWaitSeconds === undefined ? DEFAULT_WAIT_MS : maxWaitSeconds * 1000,
      maxObjectUpdates: maxObjectUpdates ?? Number.MAX_SAFE_INTEGER,
    },
    viewFor(call),
    call.clientGone,
  );
}

function filterSpecs(call: Call) {
  return dataListOf(call.args, 'specSet').map((spec) => parseFilterSpec(spec, viewFor(call)));
}

function collectorOf(call: Call): Collector {
  if (!(call.object instanceof Collector)) throw new Error(`${call.object.id} is no property collector`);
  return call.object;
}

/** Objects a session creates carry its key in their id. */
export function ownObjectId(call: Call): string {
  return `session[${call.session.objectKey}]${randomUUID()}`;
}

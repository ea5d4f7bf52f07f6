import { child, children, ref, text, type VimRef } from './decode.ts';
import { continueRetrieveProperties, type PropertyFilter, retrieveProperties } from './encode.ts';
import { errorOfMissingProperty, isNotAuthenticated, readDataFault, type VimFault, VimFaultError } from './faults.ts';
import type { Session } from './session.ts';

/** What one managed object told of itself. */
export interface ObjectProperties {
  readonly object: VimRef;
  /** By path; a property that is not set, or not readable, is not there. */
  readonly properties: ReadonlyMap<string, unknown>;
  /** By path: why a property could not be read. */
  readonly missing: ReadonlyMap<string, VimFault>;
}

/**
 * Reads properties of many objects, page by page, each page decoded before the next is asked for
 * (vSphere API: RetrievePropertiesEx, ContinueRetrievePropertiesEx).
 */
export async function* retrieveObjects(session: Session, filter: PropertyFilter): AsyncGenerator<ObjectProperties> {
  if (filter.objectSet.length === 0) return;
  const { propertyCollector } = session;
  let page = await session.call(
    'RetrievePropertiesEx',
    retrieveProperties(propertyCollector, filter, session.pageSize),
  );
  for (;;) {
    for (const object of children(page, 'objects')) {
      const properties = objectProperties(object);
      if (properties !== undefined) yield properties;
    }
    const token = text(child(page, 'token')); // `0` and even an empty text are tokens: only absence ends it
    if (token === undefined) return;
    page = await session.call('ContinueRetrievePropertiesEx', continueRetrieveProperties(propertyCollector, token));
  }
}

function objectProperties(content: unknown): ObjectProperties | undefined {
  const object = ref(child(content, 'obj'));
  if (object === undefined) return undefined;
  const properties = new Map<string, unknown>();
  for (const property of children(content, 'propSet')) {
    const name = text(child(property, 'name'));
    const value = child(property, 'val');
    if (name !== undefined && value !== undefined) properties.set(name, value);
  }
  const missing = new Map<string, VimFault>();
  for (const property of children(content, 'missingSet')) {
    const path = text(child(property, 'path'));
    const fault = readDataFault(child(property, 'fault'));
    if (isNotAuthenticated(fault)) throw new VimFaultError('RetrievePropertiesEx', fault);
    if (path !== undefined) missing.set(path, fault);
  }
  return { object, properties, missing };
}

/** Where a filter begins to read every object of a ContainerView. */
export const everythingIn = (view: VimRef): PropertyFilter['objectSet'][number] => ({
  obj: view,
  skip: true,
  selectSet: [{ type: 'ContainerView', path: 'view' }],
});

/** Throws when the server said that it cannot tell one of these, instead of just having no value. */
export function requireReadable(session: Session, object: ObjectProperties, paths: readonly string[]): void {
  for (const path of paths) {
    const fault = object.missing.get(path);
    if (fault !== undefined) throw errorOfMissingProperty(session.server, object.object, path, fault);
  }
}

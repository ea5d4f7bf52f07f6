import { type DataObject, data, type Fields, type Reference } from './vim-values.ts';

/** A fault of the API on its way to the client: as SOAP fault, in a task's `error` or in a `missingSet`. */
export class VimFault extends Error {
  readonly detail: DataObject;

  constructor(type: string, message: string, fields: Fields = {}) {
    super(message);
    this.name = 'VimFault';
    this.detail = data(type, fields);
  }

  /** The same fault inside data. */
  localized(): DataObject {
    return data('LocalizedMethodFault', { fault: this.detail, localizedMessage: this.message });
  }
}

/** The requested release is newer than the server or no release at all. vCenter answers with its own fault code. */
export class VersionMismatch extends Error {}

export function invalidRequest(message: string): VimFault {
  return new VimFault('InvalidRequest', message);
}

export function invalidArgument(property: string): VimFault {
  return new VimFault('InvalidArgument', `A specified parameter was not correct: ${property}`, {
    invalidProperty: property,
  });
}

export function invalidProperty(path: string): VimFault {
  return new VimFault('InvalidProperty', 'InvalidProperty', { name: path });
}

export function managedObjectNotFound(object: Reference, vmodlName: string): VimFault {
  return new VimFault(
    'ManagedObjectNotFound',
    `The object '${vmodlName}:${object.id}' has already been deleted or has not been completely created`,
    { obj: object },
  );
}

export function notAuthenticated(object: Reference, privilegeId: string): VimFault {
  return new VimFault('NotAuthenticated', 'The session is not authenticated.', { object, privilegeId });
}

/** `missingPrivileges` repeats object and privilege for clients of 7.0.3.2 and later. */
export function noPermission(object: Reference, privilegeId: string): VimFault {
  return new VimFault('NoPermission', 'Permission to perform this operation was denied.', {
    object,
    privilegeId,
    missingPrivileges: [data('NoPermissionEntityPrivileges', { entity: object, privilegeIds: [privilegeId] })],
  });
}

export function requestCanceled(): VimFault {
  return new VimFault('RequestCanceled', 'The request was canceled.');
}

import type { ManagedObject } from '../model/managed-object.ts';
import type { ReadingView } from '../property-collector/read-object.ts';
import { isSubtype, managedType } from '../schema/schema.ts';
import type { Call, ServerContext } from '../server-context.ts';
import { type HttpSession, hasPrivilege } from '../sessions.ts';
import { noPermission, notAuthenticated, type VimFault } from '../wire/vim-fault.ts';
import { type Reference, reference } from '../wire/vim-values.ts';

/** Readable before a login. */
const ANONYMOUS_TYPES: ReadonlySet<string> = new Set(['ServiceInstance', 'SessionManager', 'PropertyCollector']);

/** An object by reference, the session's own ones first. The reference's type must fit. */
export function findObject(server: ServerContext, session: HttpSession, ref: Reference): ManagedObject | undefined {
  const object = session.objects.get(ref.id) ?? server.model.objects.get(ref.id);
  return object && isSubtype(managedType(object.type), ref.type) ? object : undefined;
}

function permissionFault(session: HttpSession, object: Reference, privilege: string): VimFault {
  return session.login ? noPermission(object, privilege) : notAuthenticated(object, privilege);
}

/** Throws `NotAuthenticated` or `NoPermission` unless the caller holds the privilege. */
export function refuseWithout(call: Call, privilege: string): void {
  if (!hasPrivilege(call.session, privilege)) throw permissionFault(call.session, call.receiver, privilege);
}

export function viewFor(call: Call): ReadingView {
  const { server, session } = call;
  const noted = new Set<string>();
  return {
    version: call.version,
    find: (ref) => findObject(server, session, ref),
    may: (privilege) => hasPrivilege(session, privilege),
    requireView: (object) => {
      if (session.login || ANONYMOUS_TYPES.has(object.type)) return;
      throw notAuthenticated(reference(object.type, object.id), 'System.View');
    },
    denied: ({ object }, privilege) => permissionFault(session, reference(object.type, object.id), privilege),
    onUnserved: (what) => {
      if (noted.has(what)) return;
      noted.add(what);
      server.events.add('vcenter', 'unserved', call.operation, call.receiver.id, { what });
    },
  };
}

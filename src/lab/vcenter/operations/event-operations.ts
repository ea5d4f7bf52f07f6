import { notFound } from '../property-collector/collector.ts';
import type { Call, OperationHandler } from '../server-context.ts';
import { dataOf, referenceOf, textOf } from '../wire/fields.ts';
import { findObject, refuseWithout } from './object-view.ts';

/** Posted events are only written to the lab's event log: the lab keeps no event history to query. */
export const eventOperations: Readonly<Record<string, OperationHandler>> = {
  PostEvent: (call) => {
    const { type, fields } = dataOf(call.args, 'eventToPost');
    note(call, { type, eventTypeId: fields.eventTypeId, message: fields.message });
    return undefined;
  },
  LogUserEvent: (call) => {
    refuseWithout(call, 'Global.LogEvent');
    const ref = referenceOf(call.args, 'entity');
    if (!findObject(call.server, call.session, ref)) throw notFound(ref);
    note(call, { type: 'GeneralUserEvent', entity: ref.id, message: textOf(call.args, 'msg') });
    return undefined;
  },
};

function note(call: Call, detail: Record<string, unknown>): void {
  call.server.events.add('vcenter', 'effect', call.operation, call.session.login?.user.name, detail);
}

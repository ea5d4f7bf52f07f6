import type { EntityRecord, VmRecord } from '../model/records.ts';
import type { Call } from '../server-context.ts';
import type { AnyValue, Reference } from '../wire/vim-values.ts';
import { shownUserName } from './session-operations.ts';

/** Answers with a task; what `run` returns becomes its result, a `VimFault` it throws its error. */
export function startTask(
  call: Call,
  entity: EntityRecord,
  descriptionId: string,
  // biome-ignore lint/suspicious/noConfusingVoidType: the work of most tasks has no result
  run: () => Promise<AnyValue | void>,
): Reference {
  const { server, operation } = call;
  return server.tasks.start({
    name: operation,
    descriptionId,
    entity,
    userName: userNameOf(call),
    cancelable: false,
    run: async () => {
      const result = (await run()) ?? undefined;
      server.events.add('vcenter', 'effect', operation, entity.name);
      return result;
    },
  });
}

export function entityOf(call: Call): EntityRecord {
  const entity = call.server.model.entities.get(call.object.id);
  if (!entity) throw new Error(`${call.object.id} is no entity`);
  return entity;
}

export function vmOf(call: Call): VmRecord {
  const entity = entityOf(call);
  if (entity.type !== 'VirtualMachine') throw new Error(`${entity.id} is no VM`);
  return entity;
}

export function userNameOf(call: Call): string {
  return shownUserName(call.session.login?.user.name ?? '');
}

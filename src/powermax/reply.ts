import { isAboutRights, mayPass, type Refusal, refusalError } from './messages.ts';

/** How a call ended when there was an answer. Without one the call throws. */
export type Reply =
  | { readonly kind: 'done'; readonly body: unknown; readonly serviceMs: number | undefined }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** The body of a call that was done; throws the error of one that was refused. */
export function bodyOf(reply: Reply, action: string): unknown {
  if (reply.kind === 'refused') throw refusalError(reply.refusal, action);
  return reply.body;
}

/** Like `bodyOf`, but undefined when the object asked for is not there. */
export function bodyIfFound(reply: Reply, action: string): unknown {
  return reply.kind === 'refused' && reply.refusal.kind === 'not-found' ? undefined : bodyOf(reply, action);
}

/** Refused in a way that tells the server cannot do it: another way may get the answer. Not for want of rights, or busy. */
export function isUnsupported(reply: Reply): boolean {
  if (reply.kind === 'done' || mayPass(reply.refusal) || isAboutRights(reply.refusal)) return false;
  return [400, 404, 500].includes(reply.refusal.status);
}

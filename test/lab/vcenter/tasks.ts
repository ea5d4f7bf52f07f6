import { childOf, type XmlElement } from '../../../src/platform/xml.ts';
import { type RawSoap, textAt, xsiType } from './raw-soap.ts';

/** `info` of a task that has ended. */
export async function taskEnd(soap: RawSoap, id: string): Promise<XmlElement | undefined> {
  const deadlineMs = performance.now() + 5000;
  for (;;) {
    const info = (await soap.properties('Task', id, 'info')).get('info');
    const state = textAt(info, 'state');
    if (state === 'success' || state === 'error') return info;
    if (performance.now() > deadlineMs) throw new Error(`task ${id} is still ${state}`);
  }
}

export const onVm = (soap: RawSoap, operation: string, vm: string, args = '') =>
  soap.call(operation, `<_this type="VirtualMachine">${vm}</_this>${args}`);

export interface TaskOutcome {
  /** `success`, or the type of the fault, of the call itself or of the task. */
  readonly end: string;
  readonly fault: XmlElement | undefined;
  /** Text of the task's result. */
  readonly result: string;
}

/** Calls an operation that answers with a task and waits for its end. */
export async function outcomeOf(
  soap: RawSoap,
  operation: string,
  [type, id]: readonly [type: string, id: string],
  args = '',
): Promise<TaskOutcome> {
  const answer = await soap.call(operation, `<_this type="${type}">${id}</_this>${args}`);
  if (answer.fault) return { end: answer.fault.type, fault: answer.fault.detail, result: '' };
  const info = await taskEnd(soap, answer.returnval?.text ?? '');
  const fault = childOf(childOf(info, 'error'), 'fault');
  return { end: xsiType(fault) ?? 'success', fault, result: textAt(info, 'result') ?? '' };
}

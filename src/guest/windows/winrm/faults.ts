import { attributeOf, descend, type XmlElement } from '../../../platform/xml.ts';
import { NAMESPACE } from './namespaces.ts';

type WsmanFaultKind =
  /** Receive found no output in time: nothing is lost, ask again. */
  | 'operation-timeout'
  /** There is no such shell (any more), so its commands have ended. */
  | 'shell-gone'
  | 'quota'
  | 'access-denied'
  /** The shell or the service was stopped under the call: its outcome is unknown. */
  | 'aborted'
  /** The program to start does not exist, or is not a program. */
  | 'program-missing'
  | 'other';

export interface WsmanFault {
  readonly kind: WsmanFaultKind;
  /** `WSManFault/@Code`: a Win32 or WS-Management error, undefined when the fault carries none. */
  readonly code: number | undefined;
  /** The server's own words, localised, shortened; for people, never compared. */
  readonly message: string;
}

/** Codes from wsmerror.h and winerror.h; the plain and the HRESULT form of a Win32 error both occur. */
const KIND_BY_CODE: ReadonlyMap<number, WsmanFaultKind> = new Map<number, WsmanFaultKind>([
  [2150858793, 'operation-timeout'], // 0x80338029
  [2150858843, 'shell-gone'], // 0x8033805B, invalid selectors
  [2150859173, 'quota'], // 0x803381A5, shells for this user
  [2150859174, 'quota'], // 0x803381A6, operations for this user
  [2150859175, 'quota'], // 0x803381A7, user
  [2150859176, 'quota'], // 0x803381A8, system
  [2150859179, 'quota'], // 0x803381AB, users with shells
  [2150859236, 'quota'], // 0x803381E4 to E9: the same limits per plug-in
  [2150859237, 'quota'],
  [2150859238, 'quota'],
  [2150859239, 'quota'],
  [2150859240, 'quota'],
  [2150859241, 'quota'],
  [5, 'access-denied'],
  [2147942405, 'access-denied'], // 0x80070005
  [995, 'aborted'],
  [2147943395, 'aborted'], // 0x800703E3
  [2, 'program-missing'],
  [3, 'program-missing'],
  [123, 'program-missing'], // what Windows says of a file name with quotes in it
  [161, 'program-missing'],
  [193, 'program-missing'],
  [2147942402, 'program-missing'], // 0x80070002
  [2147942403, 'program-missing'], // 0x80070003
  [2147942523, 'program-missing'], // 0x8007007B
  [2147942561, 'program-missing'], // 0x800700A1
  [2147942593, 'program-missing'], // 0x800700C1, not a program for this machine
]);

const MAX_MESSAGE = 300;

/** The one place that says what a fault means. Returns undefined when the envelope carries no fault. */
export function faultOf(envelope: XmlElement): WsmanFault | undefined {
  const fault = descend(envelope, 'Body', 'Fault');
  if (fault?.namespace !== NAMESPACE.soap) return undefined;
  const detail = descend(fault, 'Detail', 'WSManFault');
  const code = detail ? numberOf(attributeOf(detail, 'Code')) : undefined;
  return { kind: kindOf(fault, code), code, message: messageOf(fault, detail) };
}

function kindOf(fault: XmlElement, code: number | undefined): WsmanFaultKind {
  if (code !== undefined) return KIND_BY_CODE.get(code) ?? 'other';
  // Servers other than Windows send DMTF's subcode alone (DSP0226 14.6). Its prefix is free, so only the local part counts.
  const subcode = descend(fault, 'Code', 'Subcode', 'Value')?.text.trim().split(':').at(-1);
  if (subcode === 'TimedOut') return 'operation-timeout';
  if (subcode === 'InvalidSelectors') return 'shell-gone';
  if (subcode === 'QuotaLimit') return 'quota';
  if (subcode === 'AccessDenied') return 'access-denied';
  return 'other';
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function messageOf(fault: XmlElement, detail: XmlElement | undefined): string {
  const words = allText(descend(detail, 'Message')) || (descend(fault, 'Reason', 'Text')?.text ?? '');
  const plain = words.replace(/\s+/g, ' ').trim();
  return plain.length > MAX_MESSAGE ? `${plain.slice(0, MAX_MESSAGE)}…` : plain;
}

/** Windows nests a provider's fault inside the message of the outer one. */
function allText(element: XmlElement | undefined): string {
  return element ? [element.text, ...element.children.map(allText)].join(' ').trim() : '';
}

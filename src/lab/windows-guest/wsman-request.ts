import { attributeOf, childOf, childrenOf, descend, parseXml, type XmlElement } from '../../platform/xml.ts';
import { faults } from './wsman-fault.ts';
import { ANONYMOUS, NS } from './wsman-names.ts';

export interface WsmanRequest {
  readonly action: string;
  readonly messageId: string;
  readonly resourceUri: string;
  readonly shellId: string | undefined;
  readonly operationTimeoutMs: number;
  readonly options: ReadonlyMap<string, { readonly value: string; readonly mustComply: boolean }>;
  /** Element inside `s:Body`, absent when it is empty. */
  readonly content: XmlElement | undefined;
}

export interface WsmanLimits {
  readonly maxEnvelopeKb: number;
  readonly maxTimeoutMs: number;
}

const KNOWN_HEADERS: ReadonlySet<string> = new Set([
  ...['To', 'ReplyTo', 'FaultTo', 'From', 'MessageID', 'RelatesTo', 'Action'].map((name) => `${NS.addressing} ${name}`),
  ...['ResourceURI', 'SelectorSet', 'OperationTimeout', 'MaxEnvelopeSize', 'Locale', 'OptionSet'].map(
    (name) => `${NS.wsman} ${name}`,
  ),
  ...['DataLocale', 'SessionId', 'OperationID', 'SequenceId', 'ActivityId'].map((name) => `${NS.microsoft} ${name}`),
]);

/** The root of a SOAP 1.2 envelope. Throws the fault for anything else. */
export function parseEnvelope(text: string): XmlElement {
  let root: XmlElement;
  try {
    root = parseXml(text);
  } catch (error) {
    throw faults.malformed(error instanceof Error ? error.message : 'not XML');
  }
  if (root.name !== 'Envelope' || root.namespace !== NS.soap) throw faults.malformed('not a SOAP 1.2 envelope');
  return root;
}

export function isIdentify(envelope: XmlElement): boolean {
  return descend(envelope, 'Body', 'Identify')?.namespace === NS.identify;
}

/** For faults about requests that could not be parsed further. */
export function messageIdOf(envelope: XmlElement): string {
  return descend(envelope, 'Header', 'MessageID')?.text.trim() ?? '';
}

/** Reads headers and body of a request. Throws the fault for what the service refuses. */
export function parseRequest(envelope: XmlElement, limits: WsmanLimits): WsmanRequest {
  const header = childOf(envelope, 'Header');
  for (const element of header?.children ?? []) checkUnderstood(element);
  const messageId = headerText(header, NS.addressing, 'MessageID');
  if (!messageId) throw faults.messageIdRequired();
  if (descend(header, 'ReplyTo', 'Address')?.text.trim() !== ANONYMOUS) throw faults.addressingMode();
  checkEnvelopeSize(headerText(header, NS.wsman, 'MaxEnvelopeSize'), limits);
  const selectors = childrenOf(childOf(header, 'SelectorSet'), 'Selector');
  const shellSelector = selectors.find((selector) => attributeOf(selector, 'Name')?.toUpperCase() === 'SHELLID');
  const options = childrenOf(childOf(header, 'OptionSet'), 'Option').map((option) => {
    const mustComply = /^(true|1)$/i.test(attributeOf(option, 'MustComply') ?? '');
    return [attributeOf(option, 'Name') ?? '', { value: option.text.trim(), mustComply }] as const;
  });
  return {
    messageId,
    action: headerText(header, NS.addressing, 'Action') ?? '',
    resourceUri: headerText(header, NS.wsman, 'ResourceURI') ?? '',
    shellId: shellSelector?.text.trim(),
    operationTimeoutMs: parseTimeout(headerText(header, NS.wsman, 'OperationTimeout'), limits.maxTimeoutMs),
    options: new Map(options),
    content: childOf(envelope, 'Body')?.children[0],
  };
}

/** Milliseconds of an XML duration of days and smaller; undefined when it is none. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(text.trim());
  if (!match || text.trim().length < 3) return undefined;
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return ((((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000;
}

function headerText(header: XmlElement | undefined, namespace: string, name: string): string | undefined {
  return header?.children.find((child) => child.name === name && child.namespace === namespace)?.text.trim();
}

function checkUnderstood(element: XmlElement): void {
  if (!/^(true|1)$/i.test(attributeOf(element, 'mustUnderstand', NS.soap) ?? '')) return;
  if (!KNOWN_HEADERS.has(`${element.namespace} ${element.name}`)) throw faults.notUnderstood(element.name);
  if (element.name === 'Locale') throw faults.localeMustUnderstand();
}

function checkEnvelopeSize(text: string | undefined, limits: WsmanLimits): void {
  if (text === undefined) return;
  const bytes = Number(text);
  if (!Number.isInteger(bytes)) throw faults.malformed('MaxEnvelopeSize is not a number');
  if (bytes < 8192) throw faults.envelopeSizeTooSmall();
  if (bytes > limits.maxEnvelopeKb * 1024) throw faults.envelopeSizeNotSupported(limits.maxEnvelopeKb);
}

function parseTimeout(text: string | undefined, limitMs: number): number {
  if (text === undefined) return limitMs;
  const timeoutMs = parseDurationMs(text);
  if (timeoutMs === undefined) throw faults.invalidTimeout();
  if (timeoutMs > limitMs) throw faults.timeoutNotSupported(limitMs);
  return timeoutMs;
}

import { descend, escapeXml, parseXml, type XmlElement } from '../../../platform/xml.ts';
import { OLDEST_VERSION, rankOf, type VersionRank } from '../schema/versions.ts';
import { encodeFaultDetail } from './encode-answer.ts';
import { invalidRequest, VersionMismatch, type VimFault } from './vim-fault.ts';

const SOAP_NAMESPACE = 'http://schemas.xmlsoap.org/soap/envelope/';

export interface SoapCall {
  /** Operation as sent. */
  readonly operation: string;
  /** `_this` as sent. */
  readonly receiver: XmlElement;
  /** The elements after `_this`. */
  readonly parameters: readonly XmlElement[];
}

export const XML_HEADERS = { 'Content-Type': 'text/xml; charset=utf-8', 'Cache-Control': 'no-cache' } as const;

/** Throws a `VimFault` when the text is not one SOAP 1.1 call with `_this` first. */
export function parseSoapCall(body: string): SoapCall {
  let envelope: XmlElement;
  try {
    envelope = parseXml(body);
  } catch (error) {
    throw invalidRequest(
      `Error returned by expat parser: ${error instanceof Error ? error.message : String(error)}\n\nwhile parsing SOAP envelope`,
    );
  }
  if (envelope.name !== 'Envelope' || envelope.namespace !== SOAP_NAMESPACE) {
    throw invalidRequest(`Unexpected element tag "${envelope.name}" seen while parsing SOAP envelope`);
  }
  const calls = descend(envelope, 'Body')?.children ?? [];
  const [call, second] = calls;
  if (!call || second) throw invalidRequest('Expected one call element\n\nwhile parsing SOAP body');
  if (call.namespace !== 'urn:vim25') {
    throw invalidRequest(`Unsupported namespace URI "${call.namespace}"\n\nwhile parsing SOAP body`);
  }
  const receiver = call.children[0];
  if (receiver?.name !== '_this') {
    throw invalidRequest(`Missing _this in the call of ${call.name}\n\nwhile parsing SOAP body`);
  }
  return { operation: call.name, receiver, parameters: call.children.slice(1) };
}

/**
 * SOAPAction `urn:vim25/<release>` selects the schema the client knows. Without one the oldest holds. Anything the
 * server does not speak, a newer release included, is refused.
 */
export function versionOfAction(header: string | undefined, newest: VersionRank): VersionRank {
  const action = (header ?? '').trim().replace(/^"(.*)"$/, '$1');
  if (action === '' || action === 'urn:vim25' || action === 'urn:vim25/') return OLDEST_VERSION;
  const rank = rankOf(action.replace(/^urn:vim25\//, ''));
  if (!action.startsWith('urn:vim25/') || rank === undefined || rank > newest) {
    throw new VersionMismatch(`Unsupported version URI "${action}"`);
  }
  return rank;
}

export function soapAnswer(operation: string, content: string): string {
  return envelopeOf(`<${operation}Response xmlns="urn:vim25">${content}</${operation}Response>`);
}

export function soapFault(fault: VimFault, version: VersionRank): string {
  return faultOf('ServerFaultCode', fault.message, `<detail>${encodeFaultDetail(fault.detail, version)}</detail>`);
}

export function soapVersionMismatch(mismatch: VersionMismatch): string {
  return faultOf('VersionMismatchFaultCode', mismatch.message, '');
}

function faultOf(code: string, message: string, detail: string): string {
  return envelopeOf(
    `<soapenv:Fault><faultcode>${code}</faultcode><faultstring>${escapeXml(message)}</faultstring>${detail}</soapenv:Fault>`,
  );
}

function envelopeOf(content: string): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<soapenv:Envelope xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/" xmlns:soapenv="${SOAP_NAMESPACE}" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">`,
    `<soapenv:Body>`,
    content,
    '</soapenv:Body>',
    '</soapenv:Envelope>',
  ].join('\n');
}

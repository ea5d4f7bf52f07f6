import { randomUUID } from 'node:crypto';
import { escapeXml } from '../../platform/xml.ts';
import type { WsmanFault } from './wsman-fault.ts';
import { ANONYMOUS, CMD_RESOURCE, NS } from './wsman-names.ts';

const newMessageId = (): string => `uuid:${randomUUID().toUpperCase()}`;

const PREFIXES =
  `xmlns:s="${NS.soap}" xmlns:a="${NS.addressing}" xmlns:x="${NS.transfer}" ` +
  `xmlns:w="${NS.wsman}" xmlns:rsp="${NS.shell}" xmlns:p="${NS.microsoft}"`;

function envelope(action: string, relatesTo: string, body: string): string {
  const related = relatesTo === '' ? '' : `<a:RelatesTo>${escapeXml(relatesTo)}</a:RelatesTo>`;
  return (
    `<s:Envelope xml:lang="en-US" ${PREFIXES}><s:Header><a:Action>${action}</a:Action>` +
    `<a:MessageID>${newMessageId()}</a:MessageID><a:To>${ANONYMOUS}</a:To>${related}</s:Header>` +
    `<s:Body>${body}</s:Body></s:Envelope>`
  );
}

export function formatFault(fault: WsmanFault, relatesTo: string, machine: string): string {
  const namespace = fault.subcode.startsWith('a:') ? NS.addressing : 'http://schemas.dmtf.org/wbem/wsman/1/wsman';
  const reason = escapeXml(fault.message);
  const body =
    `<s:Fault><s:Code><s:Value>s:${fault.who}</s:Value><s:Subcode><s:Value>${fault.subcode}</s:Value></s:Subcode>` +
    `</s:Code><s:Reason><s:Text xml:lang="en-US">${reason}</s:Text></s:Reason><s:Detail>` +
    `<f:WSManFault xmlns:f="${NS.fault}" Code="${fault.code}" Machine="${escapeXml(machine)}">` +
    `<f:Message>${reason}</f:Message></f:WSManFault></s:Detail></s:Fault>`;
  return envelope(`${namespace}/fault`, relatesTo, body);
}

export interface CreatedShell {
  readonly id: string;
  readonly owner: string;
  readonly clientAddress: string;
  readonly idleTimeoutMs: number;
}

export function formatCreated(relatesTo: string, address: string, shell: CreatedShell): string {
  const body =
    `<x:ResourceCreated><a:Address>${escapeXml(address)}</a:Address><a:ReferenceParameters>` +
    `<w:ResourceURI>${CMD_RESOURCE}</w:ResourceURI>` +
    `<w:SelectorSet><w:Selector Name="ShellId">${shell.id}</w:Selector></w:SelectorSet>` +
    `</a:ReferenceParameters></x:ResourceCreated>` +
    `<rsp:Shell><rsp:ShellId>${shell.id}</rsp:ShellId><rsp:ResourceUri>${CMD_RESOURCE}</rsp:ResourceUri>` +
    `<rsp:Owner>${escapeXml(shell.owner)}</rsp:Owner><rsp:ClientIP>${escapeXml(shell.clientAddress)}</rsp:ClientIP>` +
    `<rsp:IdleTimeOut>PT${(shell.idleTimeoutMs / 1000).toFixed(3)}S</rsp:IdleTimeOut>` +
    `<rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>`;
  return envelope(`${NS.transfer}/CreateResponse`, relatesTo, body);
}

export function formatCommand(relatesTo: string, commandId: string): string {
  const body = `<rsp:CommandResponse><rsp:CommandId>${commandId}</rsp:CommandId></rsp:CommandResponse>`;
  return envelope(`${NS.shell}/CommandResponse`, relatesTo, body);
}

export interface Received {
  readonly chunks: readonly { readonly stream: string; readonly data: Buffer }[];
  /** Present when the command has ended and everything it wrote has been handed over. */
  readonly done: { readonly exitCode: number; readonly streams: readonly string[] } | undefined;
}

export function formatReceived(relatesTo: string, commandId: string, received: Received): string {
  const chunks = received.chunks.map(
    ({ stream, data }) =>
      `<rsp:Stream Name="${stream}" CommandId="${commandId}">${data.toString('base64')}</rsp:Stream>`,
  );
  const ends = (received.done?.streams ?? []).map(
    (stream) => `<rsp:Stream Name="${stream}" CommandId="${commandId}" End="true"/>`,
  );
  const state = `CommandId="${commandId}" State="${NS.shell}/CommandState/${received.done ? 'Done' : 'Running'}"`;
  const outcome = received.done
    ? `<rsp:CommandState ${state}><rsp:ExitCode>${received.done.exitCode}</rsp:ExitCode></rsp:CommandState>`
    : `<rsp:CommandState ${state}/>`;
  const body = `<rsp:ReceiveResponse>${chunks.join('')}${ends.join('')}${outcome}</rsp:ReceiveResponse>`;
  return envelope(`${NS.shell}/ReceiveResponse`, relatesTo, body);
}

export function formatSent(relatesTo: string): string {
  return envelope(`${NS.shell}/SendResponse`, relatesTo, '<rsp:SendResponse/>');
}

export function formatSignalled(relatesTo: string): string {
  return envelope(`${NS.shell}/SignalResponse`, relatesTo, '<rsp:SignalResponse/>');
}

export function formatDeleted(relatesTo: string): string {
  return envelope(`${NS.transfer}/DeleteResponse`, relatesTo, '');
}

/** Without a log-on the versions of the operating system are hidden. */
export function formatIdentified(osVersion: string): string {
  return (
    `<s:Envelope xml:lang="en-US" xmlns:s="${NS.soap}"><s:Header/><s:Body>` +
    `<wsmid:IdentifyResponse xmlns:wsmid="${NS.identify}"><wsmid:ProtocolVersion>${NS.wsman}</wsmid:ProtocolVersion>` +
    `<wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>` +
    `<wsmid:ProductVersion>OS: ${osVersion} SP: 0.0 Stack: 3.0</wsmid:ProductVersion>` +
    `</wsmid:IdentifyResponse></s:Body></s:Envelope>`
  );
}

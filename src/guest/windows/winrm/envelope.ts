import { randomUUID } from 'node:crypto';
import { escapeXml } from '../../../platform/xml.ts';
import { NAMESPACE, SHELL_RESOURCE } from './namespaces.ts';

/** Larger answers are refused by default servers (MaxEnvelopeSizekb 150). */
const MAX_ENVELOPE_BYTES = 153_600;

export interface EnvelopeFields {
  /** The endpoint's URL. */
  readonly to: string;
  readonly action: string;
  /** How long the server may work or wait; Windows refuses more than 60 s by default. */
  readonly operationTimeoutMs: number;
  /** Absent for Create only. */
  readonly shellId?: string;
  readonly options?: Readonly<Record<string, string>>;
  /** Content of the SOAP body, already escaped. */
  readonly body: string;
}

/** A WS-Management request for the remote shell (MS-WSMV 3.1.4.1), with a message id of its own. */
export function envelope(fields: EnvelopeFields): string {
  const header = [
    `<a:To>${escapeXml(fields.to)}</a:To>`,
    `<a:ReplyTo><a:Address s:mustUnderstand="true">${NAMESPACE.addressing}/role/anonymous</a:Address></a:ReplyTo>`,
    `<a:Action s:mustUnderstand="true">${escapeXml(fields.action)}</a:Action>`,
    `<a:MessageID>uuid:${randomUUID()}</a:MessageID>`,
    `<w:ResourceURI s:mustUnderstand="true">${SHELL_RESOURCE}</w:ResourceURI>`,
    `<w:MaxEnvelopeSize s:mustUnderstand="true">${MAX_ENVELOPE_BYTES}</w:MaxEnvelopeSize>`,
    '<w:Locale xml:lang="en-US" s:mustUnderstand="false"/>',
    '<p:DataLocale xml:lang="en-US" s:mustUnderstand="false"/>',
    `<w:OperationTimeout>${duration(fields.operationTimeoutMs)}</w:OperationTimeout>`,
    fields.shellId === undefined
      ? ''
      : `<w:SelectorSet><w:Selector Name="ShellId">${escapeXml(fields.shellId)}</w:Selector></w:SelectorSet>`,
    optionSet(fields.options ?? {}),
  ];
  return (
    '<?xml version="1.0" encoding="UTF-8"?>' +
    `<s:Envelope xmlns:s="${NAMESPACE.soap}" xmlns:a="${NAMESPACE.addressing}" xmlns:w="${NAMESPACE.wsman}"` +
    ` xmlns:p="${NAMESPACE.microsoft}" xmlns:rsp="${NAMESPACE.shell}">` +
    `<s:Header>${header.join('')}</s:Header><s:Body>${fields.body}</s:Body></s:Envelope>`
  );
}

function optionSet(options: Readonly<Record<string, string>>): string {
  const entries = Object.entries(options);
  if (entries.length === 0) return '';
  const listed = entries.map(([name, value]) => `<w:Option Name="${escapeXml(name)}">${escapeXml(value)}</w:Option>`);
  return `<w:OptionSet>${listed.join('')}</w:OptionSet>`;
}

/** An XML Schema duration. */
export const duration = (durationMs: number): string => `PT${durationMs / 1000}S`;

import { child } from '../../../src/vsphere/decode.ts';
import { createVimClient } from '../../../src/vsphere/vim-client.ts';
import type { VimOperation } from '../../../src/vsphere/vim-wsdl.ts';

/** How the server writes the XML Schema instance namespace: vCenter the first, servers written in Go the others. */
export const XSI_PREFIXES = ['xsi', 'XMLSchema-instance', '_XMLSchema-instance'] as const;

/** An answer's envelope. `xml` is written with the prefix `xsi:`, which is replaced by the wanted one. */
export function envelope(xml: string, prefix: string = 'xsi'): string {
  const body = xml.replaceAll('xsi:', `${prefix}:`);
  return `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:${prefix}="http://www.w3.org/2001/XMLSchema-instance">
<soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`;
}

export function answerOf(operation: VimOperation, returnval: string, prefix?: string): string {
  return envelope(`<${operation}Response xmlns="urn:vim25">${returnval}</${operation}Response>`, prefix);
}

export function faultOf(type: string, message: string, detail = '', prefix?: string): string {
  return envelope(
    `<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>${message}</faultstring>
<detail><${type}Fault xmlns="urn:vim25" xsi:type="${type}">${detail}</${type}Fault></detail></soapenv:Fault>`,
    prefix,
  );
}

/** What the client makes of such an answer: `returnval` as `decode.ts` gets it. */
export async function received(operation: VimOperation, answer: string, status = 200): Promise<unknown> {
  const client = createVimClient({ server: 'vc.test', operationId: undefined, apiVersion: '8.0.3.0' });
  return await client.call(operation, {}, async () => ({ status, setCookie: [], body: answer }));
}

/** A value as it stands in `DynamicProperty.val`. */
export async function receivedValue(val: string, prefix?: string): Promise<unknown> {
  const objects = `<returnval><objects><obj type="VirtualMachine">vm-1</obj>
<propSet><name>p</name>${val}</propSet></objects></returnval>`;
  const result = await received('RetrievePropertiesEx', answerOf('RetrievePropertiesEx', objects, prefix));
  return child(result, 'objects', 'propSet', 'val');
}

/** Namespaces and URIs of WS-Management's remote shell (MS-WSMV 2.1, 2.2). */
export const NS = {
  soap: 'http://www.w3.org/2003/05/soap-envelope',
  addressing: 'http://schemas.xmlsoap.org/ws/2004/08/addressing',
  wsman: 'http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd',
  microsoft: 'http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd',
  shell: 'http://schemas.microsoft.com/wbem/wsman/1/windows/shell',
  transfer: 'http://schemas.xmlsoap.org/ws/2004/09/transfer',
  fault: 'http://schemas.microsoft.com/wbem/wsman/1/wsmanfault',
  identify: 'http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd',
} as const;

export const CMD_RESOURCE = `${NS.shell}/cmd`;
export const ANONYMOUS = `${NS.addressing}/role/anonymous`;

export type ShellOperation = 'Create' | 'Command' | 'Receive' | 'Send' | 'Signal' | 'Delete';

const OPERATIONS: ReadonlyMap<string, ShellOperation> = new Map([
  [`${NS.transfer}/Create`, 'Create'],
  [`${NS.shell}/Command`, 'Command'],
  [`${NS.shell}/Receive`, 'Receive'],
  [`${NS.shell}/Send`, 'Send'],
  [`${NS.shell}/Signal`, 'Signal'],
  [`${NS.transfer}/Delete`, 'Delete'],
]);

export function operationOf(action: string): ShellOperation | undefined {
  return OPERATIONS.get(action);
}

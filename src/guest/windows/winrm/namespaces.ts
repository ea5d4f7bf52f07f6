/** Namespaces of WS-Management and the remote shell (MS-WSMV 2.2.1). */
export const NAMESPACE = {
  soap: 'http://www.w3.org/2003/05/soap-envelope',
  addressing: 'http://schemas.xmlsoap.org/ws/2004/08/addressing',
  wsman: 'http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd',
  microsoft: 'http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd',
  shell: 'http://schemas.microsoft.com/wbem/wsman/1/windows/shell',
} as const;

export const SHELL_RESOURCE = `${NAMESPACE.shell}/cmd`;

const TRANSFER = 'http://schemas.xmlsoap.org/ws/2004/09/transfer';

export const ACTION = {
  create: `${TRANSFER}/Create`,
  delete: `${TRANSFER}/Delete`,
  command: `${NAMESPACE.shell}/Command`,
  receive: `${NAMESPACE.shell}/Receive`,
  send: `${NAMESPACE.shell}/Send`,
  signal: `${NAMESPACE.shell}/Signal`,
} as const;

export const SIGNAL_TERMINATE = `${NAMESPACE.shell}/signal/terminate`;
export const STATE_DONE = `${NAMESPACE.shell}/CommandState/Done`;

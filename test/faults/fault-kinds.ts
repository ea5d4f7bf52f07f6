import type { Lab } from '../../src/lab/lab.ts';
import type { FaultAction } from '../../src/lab/world/faults.ts';

export const REMOTE_SYSTEMS = ['vcenter', 'array', 'guest'] as const;
export type RemoteSystem = (typeof REMOTE_SYSTEMS)[number];

/** What happens to a write: this one, or every one from now on. */
export const DISK_FAULTS = ['disk full', 'disk full for good', 'write fails', 'written but reported failed'] as const;
/** What happens to a call of the proxy to its system. */
export const PROXY_FAULTS = [
  'command fails',
  'command fails for good',
  'command fails after the effect',
  'command hangs',
  'command hangs after the effect',
  'device never appears',
] as const;
/** What happens to the process at a call. */
export const KILLS = ['killed before the effect', 'killed after the effect', 'machine gone'] as const;

/** What can happen to a call over a network whose process lives on. */
export type CallFaultName =
  | 'refused'
  | 'refused for good'
  | 'busy'
  | '503 after the effect'
  | 'timeout before the effect'
  | 'timeout after the effect'
  | 'effect after the timeout'
  | 'dropped before the effect'
  | 'dropped after the effect'
  | 'hangs for ever'
  | 'unreachable'
  | 'session ended'
  | 'credentials refused';

export type FaultName =
  | CallFaultName
  | (typeof PROXY_FAULTS)[number]
  | (typeof DISK_FAULTS)[number]
  | (typeof KILLS)[number];

/** Every one, in the order of the tables. */
export const allFaults = (): readonly FaultName[] => [
  ...CALL_FAULTS.map(({ name }) => name),
  ...PROXY_FAULTS,
  ...DISK_FAULTS,
  ...KILLS,
];

export const isKill = (fault: FaultName): boolean => KILLS.some((kill) => kill === fault);

/** What happens to one remote call of a run. */
export interface FaultKind {
  readonly name: CallFaultName;
  readonly when: 'before' | 'after';
  /** `call`: this call only. `system`: every later call to the system too, until the fault is healed. */
  readonly reach: 'call' | 'system';
  /** On a system that is called over HTTP; ssh-faults.ts has the other. */
  action(system: RemoteSystem, operation: string, lab: Lab): FaultAction;
}

/** Shorter than the settling time of a run (400 ms), as the product promises nothing about effects that come later than that. */
const LATE_MS = 100;

/** Everything that can happen to a call whose process lives on. */
export const CALL_FAULTS: readonly FaultKind[] = [
  { name: 'refused', when: 'before', reach: 'call', action: refusal },
  { name: 'refused for good', when: 'before', reach: 'system', action: refusal },
  { name: 'busy', when: 'before', reach: 'call', action: busy },
  { name: '503 after the effect', when: 'after', reach: 'call', action: () => answer(503, 'Service Unavailable') },
  { name: 'timeout before the effect', when: 'before', reach: 'call', action: () => ({ do: 'hang' }) },
  { name: 'timeout after the effect', when: 'after', reach: 'call', action: () => ({ do: 'hang' }) },
  {
    name: 'effect after the timeout',
    when: 'before',
    reach: 'call',
    action: () => ({ do: 'late', afterMs: LATE_MS }),
  },
  { name: 'dropped before the effect', when: 'before', reach: 'call', action: () => ({ do: 'drop' }) },
  { name: 'dropped after the effect', when: 'after', reach: 'call', action: () => ({ do: 'drop' }) },
  { name: 'hangs for ever', when: 'before', reach: 'system', action: () => ({ do: 'hang' }) },
  { name: 'unreachable', when: 'before', reach: 'system', action: () => ({ do: 'drop' }) },
  { name: 'session ended', when: 'before', reach: 'call', action: endedSession },
  { name: 'credentials refused', when: 'before', reach: 'system', action: refusedLogin },
];

const answer = (status: number, body: string): FaultAction => ({ do: 'answer', status, body });
const arrayError = (status: number, message: string): FaultAction => answer(status, JSON.stringify({ message }));

/** Certain: the call was understood and not carried out. */
function refusal(system: RemoteSystem, operation: string): FaultAction {
  switch (system) {
    case 'array':
      return arrayError(400, 'A problem occurred: the request is not valid in the present state');
    case 'vcenter':
      return operation.startsWith('GET ')
        ? answer(404, 'Not Found')
        : soapFault(
            'NoPermission',
            'Permission to perform this operation was denied.',
            '<object type="Folder">group-d1</object><privilegeId>System.Read</privilegeId>',
          );
    case 'guest':
      return wsmanFault('w:AccessDenied', 5, 'Access is denied.');
  }
}

/** Certain as well, and worth another try: the texts of array and vCenter say so in an HTTP 500. */
function busy(system: RemoteSystem, operation: string): FaultAction {
  switch (system) {
    case 'array':
      return arrayError(500, 'Unable to acquire the Symmetrix device lock');
    case 'vcenter':
      if (operation.startsWith('GET ')) return answer(503, '');
      return soapFault('SystemError', 'The server is busy. Try again in a few seconds.', '<reason>busy</reason>');
    case 'guest':
      return wsmanFault('w:QuotaLimit', 2150859174, 'The maximum number of concurrent operations has been exceeded.');
  }
}

function endedSession(system: RemoteSystem, _operation: string, lab: Lab): FaultAction {
  if (system === 'vcenter') return { do: 'call', run: () => lab.vcenter.endSessions() };
  return answer(401, '');
}

/** The account was locked or its password changed while the run was at work. */
function refusedLogin(system: RemoteSystem, operation: string): FaultAction {
  if (system !== 'vcenter') return answer(401, '');
  if (operation === 'Login') {
    return soapFault('InvalidLogin', 'Cannot complete login due to an incorrect user name or password.', '');
  }
  return soapFault(
    'NotAuthenticated',
    'The session is not authenticated.',
    '<object type="Folder">group-d1</object><privilegeId>System.View</privilegeId>',
  );
}

function soapFault(type: string, message: string, fields: string): FaultAction {
  const detail = `<${type}Fault xmlns="urn:vim25" xsi:type="${type}">${fields}</${type}Fault>`;
  const fault = `<faultcode>ServerFaultCode</faultcode><faultstring>${message}</faultstring><detail>${detail}</detail>`;
  return answer(
    500,
    `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><soapenv:Fault>${fault}</soapenv:Fault></soapenv:Body></soapenv:Envelope>`,
  );
}

function wsmanFault(subcode: string, code: number, message: string): FaultAction {
  const detail = `<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="${code}" Machine="sql01"><f:Message>${message}</f:Message></f:WSManFault>`;
  return answer(
    500,
    `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>${subcode}</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en-US">${message}</s:Text></s:Reason><s:Detail>${detail}</s:Detail></s:Fault></s:Body></s:Envelope>`,
  );
}

import { type ErrorDetails, SnaphookError } from '../ports/errors.ts';
import { child, childNames, ref, text, typeOf, type VimRef } from './decode.ts';

/** A fault as vCenter names it; the one place that knows which types there are is this file. */
export interface VimFault {
  /** Type without `Fault` decoration, such as `NotAuthenticated`; empty when the server sent none. */
  readonly type: string;
  readonly message: string;
  /** `NoPermission`, `ManagedObjectNotFound`: what it is about. */
  readonly object: VimRef | undefined;
  /** `NoPermission`: the privilege that is missing. */
  readonly privilegeId: string | undefined;
  /** `InvalidProperty`: the path the server does not know. */
  readonly property: string | undefined;
  /** `TaskInProgress`: the task that is in the way. */
  readonly task: VimRef | undefined;
  /** `FileLocked` and other faults about a file: its path. */
  readonly file: string | undefined;
}

/** Thrown inside the client for a SOAP fault; carries only what was read from it, never the exchange it came from. */
export class VimFaultError extends Error {
  override readonly name = 'VimFaultError';
  readonly operation: string;
  readonly fault: VimFault;

  constructor(operation: string, fault: VimFault) {
    super(`${operation} failed: ${fault.type}`);
    this.operation = operation;
    this.fault = fault;
  }

  /** The same fault with every secret cut out of the server's own words. */
  without(secrets: readonly (string | undefined)[]): VimFaultError {
    const message = secrets.reduce<string>(
      (words, secret) => (secret === undefined || secret === '' ? words : words.replaceAll(secret, '[secret]')),
      this.fault.message,
    );
    return new VimFaultError(this.operation, { ...this.fault, message });
  }
}

function faultOf(type: string, message: string, body: unknown): VimFault {
  return {
    type,
    message,
    object: ref(child(body, 'object')) ?? ref(child(body, 'obj')),
    privilegeId: text(child(body, 'privilegeId')),
    property: text(child(body, 'name')),
    task: ref(child(body, 'task')),
    file: text(child(body, 'file')),
  };
}

/** Reads a `soapenv:Fault`. The detail's element name can double the suffix, so `xsi:type` goes first. */
export function readSoapFault(fault: unknown): VimFault {
  const detail = child(fault, 'detail');
  const [element] = childNames(detail);
  const body = element === undefined ? undefined : child(detail, element);
  const type = typeOf(body) ?? element?.replace(/Fault$/, '') ?? '';
  return faultOf(type, text(child(fault, 'faultstring')) ?? '', body);
}

/** Reads a `LocalizedMethodFault`: a fault inside data, such as why a property is missing. */
export function readDataFault(localized: unknown): VimFault {
  const body = child(localized, 'fault');
  return faultOf(typeOf(body) ?? '', text(child(localized, 'localizedMessage')) ?? '', body);
}

/**
 * The session is gone: idle for too long or ended by an administrator. Logging in again may help. A server that lets
 * anybody call the PropertyCollector does not say so itself: then the session's view is what it no longer finds.
 */
export function isSessionLost(error: unknown): boolean {
  if (!(error instanceof VimFaultError)) return false;
  const { type, object } = error.fault;
  return isNotAuthenticated(error.fault) || (type === 'ManagedObjectNotFound' && object?.type === 'ContainerView');
}

/** Also as the reason why a property is missing: nobody is logged in, which is not a matter of rights. */
export const isNotAuthenticated = (fault: VimFault): boolean => fault.type === 'NotAuthenticated';

/** Wrong user name or password: must not be tried again. */
export function isLoginRefused(error: unknown): boolean {
  return error instanceof VimFaultError && error.fault.type === 'InvalidLogin';
}

/** What the call was about does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof VimFaultError && error.fault.type === 'NotFound';
}

/** The object of the call is gone. */
export function isGone(error: unknown): boolean {
  return error instanceof VimFaultError && error.fault.type === 'ManagedObjectNotFound';
}

/** How a fault reads for a user; `server` is the host name from the configuration. */
export function errorOfFault(server: string, operation: string, fault: VimFault): SnaphookError {
  const object = fault.object === undefined ? 'an object' : `${fault.object.type} "${fault.object.id}"`;
  switch (fault.type) {
    case 'InvalidLogin':
      return new SnaphookError('E_VCENTER_LOGIN', `vCenter "${server}" does not accept the user name or password`, {
        hint: 'Check the user name (with its domain, as in "user@vsphere.local") and the password. It was tried once only, so that the account is not locked.',
      });
    case 'NotAuthenticated':
      return new SnaphookError(
        'E_VCENTER_LOGIN',
        `vCenter "${server}" ended the session during "${operation}", and again after a new login`,
        { hint: 'See the sessions and events of the account in vCenter: something ends them.', retry: 'safe' },
      );
    case 'NoPermission':
      return new SnaphookError(
        'E_VCENTER_RIGHTS',
        `vCenter "${server}" refuses "${operation}": privilege "${fault.privilegeId ?? 'unknown'}" is missing on ${object}`,
        {
          hint: `Give the account a role with "${fault.privilegeId ?? 'System.Read'}" on ${object} or above it, with "propagate to children".`,
        },
      );
    case 'ManagedObjectNotFound':
      return new SnaphookError('E_VCENTER', `vCenter "${server}" knows ${object} no more`, {
        hint: 'It was deleted or unregistered meanwhile. Run again; if it stays, look for the object in vCenter.',
        retry: 'safe',
      });
    case 'InvalidProperty':
      return new SnaphookError(
        'E_VCENTER',
        `vCenter "${server}" does not know the property "${fault.property ?? 'unknown'}"`,
        { hint: 'This vCenter is older than 7.0, or this is a defect in snaphook. Please report it with the version.' },
      );
    case 'ApplicationQuiesceFault':
    case 'FilesystemQuiesceFault':
      return new SnaphookError(
        'E_FREEZE_FAILED',
        withMessage(`VMware Tools could not quiesce the guest: vCenter "${server}" says "${fault.type}"`, fault),
        { hint: 'See the log of VMware Tools in the guest and, on Windows, `vssadmin list writers`.' },
      );
    case 'FileLocked':
      return new SnaphookError('E_VCENTER', `file "${fault.file ?? 'unknown'}" is in use by another virtual machine`, {
        hint: 'See which VM has it: a backup proxy may still have the disk attached. Detach it there without deleting the file.',
        retry: 'safe',
      });
    case 'TaskInProgress':
      return new SnaphookError('E_VCENTER', `another task was in the way of "${operation}" in vCenter "${server}"`, {
        hint: 'See the running tasks of the VM in vCenter, then run again.',
        retry: 'safe',
      });
    case 'HostNotConnected':
    case 'HostNotReachable':
    case 'HostCommunication':
      return new SnaphookError('E_VCENTER', withMessage(`vCenter "${server}" does not reach an ESXi host`, fault), {
        hint: 'Wait until the host is connected again, then run again.',
        retry: 'safe',
      });
    default:
      return new SnaphookError(
        'E_VCENTER',
        withMessage(
          `vCenter "${server}" refused "${operation}"${fault.type === '' ? '' : ` with "${fault.type}"`}`,
          fault,
        ),
        { hint: 'See the task and event log of this vCenter at this time.' },
      );
  }
}

const MESSAGE_LIMIT = 300;

const withMessage = (start: string, fault: VimFault): string =>
  fault.message === '' ? start : `${start}: ${fault.message.slice(0, MESSAGE_LIMIT)}`;

/** Why a property that the product cannot do without is missing. */
export function errorOfMissingProperty(server: string, object: VimRef, path: string, fault: VimFault): SnaphookError {
  if (fault.type === 'NoPermission') {
    return errorOfFault(server, `read ${path}`, { ...fault, object: fault.object ?? object });
  }
  return new SnaphookError(
    'E_VCENTER',
    withMessage(`vCenter "${server}" cannot tell "${path}" of ${object.type} "${object.id}"`, fault),
    { hint: 'See whether vCenter shows the object without an alarm, then run again.', retry: 'safe' },
  );
}

/** An HTTP status that is no vim25 fault. 503: still starting, or its table of sessions is full. */
export function errorOfStatus(server: string, operation: string, status: number): SnaphookError {
  if (status === 502 || status === 503 || status === 504) {
    return unreachable(server, `answered "${operation}" with HTTP status ${status}`, {
      hint: 'vCenter may still be starting, or its table of 2000 sessions is full: see which account holds many of them under Sessions. Try again in some minutes.',
    });
  }
  return new SnaphookError('E_VCENTER', `"${server}" answered "${operation}" with HTTP status ${status}`, {
    hint: 'Check that the address is that of a vCenter and ends with "/sdk".',
  });
}

export function errorOfUnreadableAnswer(server: string, operation: string): SnaphookError {
  return new SnaphookError('E_VCENTER', `"${server}" answered "${operation}" with something that is not vSphere SOAP`, {
    hint: 'Check that the address is that of a vCenter and that no web proxy answers in its place.',
  });
}

/** A call without an answer. A read can always be sent again; whoever changes something says that its effect is unknown. */
export function errorOfNetwork(server: string, operation: string, code: string): SnaphookError {
  return unreachable(server, `could not be reached for "${operation}" (${code})`, {
    hint: 'Check the address, name resolution, firewalls and that vCenter runs.',
  });
}

export function errorOfTimeout(server: string, operation: string, timeoutMs: number): SnaphookError {
  return unreachable(server, `did not answer "${operation}" within ${timeoutMs} ms`, {
    hint: 'Check the load of vCenter and the network between here and there.',
  });
}

const unreachable = (server: string, what: string, details: ErrorDetails): SnaphookError =>
  new SnaphookError('E_VCENTER_UNREACHABLE', `vCenter "${server}" ${what}`, { retry: 'safe', ...details });

/** `fingerprint256` as seen on the wire. */
export function errorOfUntrustedCertificate(server: string, reason: string, fingerprint256: string): SnaphookError {
  const seen = `it shows the certificate with SHA-256 "${fingerprint256}"`;
  return new SnaphookError(
    'E_TLS_UNTRUSTED',
    `the identity of vCenter "${server}" is not proven (${reason}); ${seen}`,
    {
      hint: `Compare that fingerprint with the one vCenter itself shows. If it is the same, pin it in the TLS settings: fingerprint256 "${fingerprint256}"; or give the CA certificate. If not, someone stands in between.`,
    },
  );
}

/** A status of the REST API (vSphere Automation API) other than success. */
export function errorOfRest(server: string, operation: string, status: number): SnaphookError {
  switch (status) {
    case 401:
      return new SnaphookError('E_VCENTER_LOGIN', `vCenter "${server}" does not accept the login for "${operation}"`, {
        hint: 'Tags are read over the REST API with the same account: see whether it may log in there.',
      });
    case 403:
      return new SnaphookError('E_VCENTER_RIGHTS', `vCenter "${server}" refuses "${operation}"`, {
        hint: 'Give the account System.Read on the tags of the job.',
      });
    case 404:
      return new SnaphookError('E_VCENTER', `vCenter "${server}" does not know "${operation}"`, {
        hint: 'Selecting by tag needs vCenter 7.0 U2 or later. Select by folder, pattern or name instead.',
      });
    default:
      return errorOfStatus(server, operation, status);
  }
}

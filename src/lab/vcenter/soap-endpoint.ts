import type { LabAnswer, LabCall, LabRequest } from '../world/http-server.ts';
import { changedAreasOperation } from './operations/changed-areas-operation.ts';
import { cloneOperations } from './operations/clone-operations.ts';
import { entityOperations } from './operations/entity-operations.ts';
import { eventOperations } from './operations/event-operations.ts';
import { guestOperations } from './operations/guest-operations.ts';
import { hostStorageOperations } from './operations/host-storage-operations.ts';
import { importOperations } from './operations/import-operations.ts';
import { findObject, refuseWithout } from './operations/object-view.ts';
import { propertyCollectorOperations } from './operations/property-collector-operations.ts';
import { reconfigureOperations } from './operations/reconfigure-operations.ts';
import { registrationOperations } from './operations/registration-operations.ts';
import { searchIndexOperations } from './operations/search-index-operations.ts';
import { serviceOperations } from './operations/service-operations.ts';
import { sessionOperations } from './operations/session-operations.ts';
import { snapshotOperations } from './operations/snapshot-operations.ts';
import { viewOperations } from './operations/view-operations.ts';
import { notFound } from './property-collector/collector.ts';
import type { OperationBlock } from './schema/notation.ts';
import { isSubtype, managedType, operationNamed } from './schema/schema.ts';
import { OLDEST_VERSION, type VersionRank, versionName } from './schema/versions.ts';
import type { Call, OperationHandler, ServerContext } from './server-context.ts';
import { type HttpSession, sessionCookie } from './sessions.ts';
import { decodeArguments, decodeReceiver } from './wire/decode-request.ts';
import { encodeProperty } from './wire/encode-answer.ts';
import {
  parseSoapCall,
  type SoapCall,
  soapAnswer,
  soapFault,
  soapVersionMismatch,
  versionOfAction,
  XML_HEADERS,
} from './wire/soap-message.ts';
import { invalidRequest, notAuthenticated, VersionMismatch, VimFault } from './wire/vim-fault.ts';
import type { VimValue } from './wire/vim-values.ts';

const handlers: ReadonlyMap<string, OperationHandler> = new Map(
  [
    serviceOperations,
    sessionOperations,
    propertyCollectorOperations,
    viewOperations,
    searchIndexOperations,
    entityOperations,
    snapshotOperations,
    changedAreasOperation,
    reconfigureOperations,
    registrationOperations,
    importOperations,
    cloneOperations,
    hostStorageOperations,
    guestOperations,
    eventOperations,
  ].flatMap((operations) => Object.entries(operations)),
);

/** One POST to the SDK: names the call for rules and events, then session, version, parse, privilege, operation. */
export function soapCall(server: ServerContext, newest: VersionRank, request: LabRequest): LabCall {
  let parsed: SoapCall | VimFault;
  try {
    parsed = parseSoapCall(request.body.toString('utf8'));
  } catch (error) {
    if (!(error instanceof VimFault)) throw error;
    parsed = error;
  }
  const id = parsed instanceof VimFault ? '' : parsed.receiver.text.trim();
  const entity = server.model.entities.get(id);
  return {
    operation: parsed instanceof VimFault ? 'POST /sdk' : parsed.operation,
    object: entity?.type === 'VirtualMachine' ? entity.name : id,
    run: () => answer(server, newest, request, parsed),
  };
}

async function answer(
  server: ServerContext,
  newest: VersionRank,
  request: LabRequest,
  parsed: SoapCall | VimFault,
): Promise<LabAnswer> {
  const known = server.sessions.find(request.headers.cookie);
  const session = known ?? server.sessions.open();
  if (!session) {
    return { status: 503, headers: { 'Content-Type': 'text/plain' }, body: 'Out of HTTP sessions' };
  }
  session.callsInFlight += 1;
  session.lastUsedMs = performance.now();
  if (session.login) session.login.callCount += 1;
  const gone = new AbortController();
  const onClose = () => gone.abort();
  request.socket.once('close', onClose);
  let version = OLDEST_VERSION;
  let current: HttpSession = session;
  const headers = () => ({
    ...XML_HEADERS,
    ...(current === known ? {} : { 'Set-Cookie': sessionCookie(current) }),
  });
  try {
    if (parsed instanceof VimFault) throw parsed;
    version = versionOfAction(soapActionOf(request), newest);
    const { call, operation, handler } = prepare(server, session, version, parsed, request, gone.signal);
    const result = await handler(call);
    current = call.session;
    return {
      status: 200,
      headers: headers(),
      body: soapAnswer(parsed.operation, encodeResult(operation, result, version)),
    };
  } catch (error) {
    if (error instanceof VersionMismatch) return { status: 500, headers: headers(), body: soapVersionMismatch(error) };
    if (!(error instanceof VimFault)) throw error;
    return { status: 500, headers: headers(), body: soapFault(error, version) };
  } finally {
    request.socket.off('close', onClose);
    session.callsInFlight -= 1;
    session.lastUsedMs = performance.now();
  }
}

function prepare(
  server: ServerContext,
  session: HttpSession,
  version: VersionRank,
  parsed: SoapCall,
  request: LabRequest,
  clientGone: AbortSignal,
): { call: Call; operation: OperationBlock; handler: OperationHandler } {
  const operation = operationNamed(parsed.operation);
  const handler = handlers.get(parsed.operation);
  if (!operation || !handler || operation.since > version) {
    if (!operation || !handler) {
      server.events.add('vcenter', 'unserved', parsed.operation, parsed.receiver.text.trim(), { what: 'operation' });
    }
    throw invalidRequest(`Unable to resolve WSDL method name ${parsed.operation} in ${versionName(version)}`);
  }
  const receiver = decodeReceiver(parsed.receiver, parsed.operation);
  if (!isSubtype(managedType(receiver.type), operation.receiver)) {
    throw new VimFault('MethodNotFound', `The method ${operation.name} is not found on ${receiver.type}`, {
      receiver,
      method: operation.name,
    });
  }
  const args = decodeArguments(operation.name, parsed.parameters, operation.parameters, version);
  const object = findObject(server, session, receiver);
  if (!object) {
    // Views and collectors vanish with their session: the client learns that first.
    throw session.login || operation.privilege === 'System.Anonymous'
      ? notFound(receiver)
      : notAuthenticated(receiver, operation.privilege ?? 'System.View');
  }
  const call: Call = {
    server,
    operation: operation.name,
    receiver,
    object,
    args,
    version,
    session,
    remote: {
      ipAddress: request.socket.remoteAddress ?? '',
      userAgent: request.headers['user-agent'] ?? '',
    },
    clientGone,
  };
  if (operation.privilege !== undefined) refuseWithout(call, operation.privilege);
  return { call, operation, handler };
}

function encodeResult(operation: OperationBlock, result: VimValue | undefined, version: VersionRank): string {
  if (!operation.result) return '';
  if (result === undefined && !operation.result.optional) throw new Error(`${operation.name} must return a value`);
  return encodeProperty('returnval', operation.result.type, result, version);
}

function soapActionOf(request: LabRequest): string | undefined {
  const header = request.headers.soapaction;
  return Array.isArray(header) ? header[0] : header;
}

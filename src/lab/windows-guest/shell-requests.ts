import { attributeOf, childOf, childrenOf, descend, type XmlElement } from '../../platform/xml.ts';
import type { EventLog } from '../world/events.ts';
import type { Pace } from '../world/pace.ts';
import type { ProgramFinder } from './command-line.ts';
import type { GuestUser } from './guest-accounts.ts';
import type { OutputStream } from './remote-command.ts';
import type { RemoteShells } from './remote-shells.ts';
import {
  formatCommand,
  formatCreated,
  formatDeleted,
  formatReceived,
  formatSent,
  formatSignalled,
} from './wsman-answer.ts';
import { faults } from './wsman-fault.ts';
import { CMD_RESOURCE, NS, type ShellOperation } from './wsman-names.ts';
import { parseDurationMs, type WsmanRequest } from './wsman-request.ts';

export interface ShellRequestContext {
  readonly shells: RemoteShells;
  readonly findProgram: ProgramFinder;
  readonly pace: Pace;
  readonly events: EventLog;
  readonly guestName: string;
}

export interface Caller {
  readonly user: GuestUser;
  readonly address: string;
  /** URL the request came to. */
  readonly endpoint: string;
  /** Aborted when the connection is gone. */
  readonly gone: AbortSignal;
}

const DEFAULT_CODE_PAGE = 437;
/** However short the scaled time, a client that repeats Receive must not spin. */
const MIN_RECEIVE_MS = 20;
const KNOWN_OPTIONS = new Set(['WINRS_NOPROFILE', 'WINRS_CODEPAGE', 'WINRS_CONSOLEMODE_STDIN', 'WINRS_SKIP_CMD_SHELL']);

/** Serves one request of the text shell (MS-WSMV 3.1.4.5 to 3.1.4.14) and gives the answer's envelope; faults are thrown. */
export async function serveShellRequest(
  context: ShellRequestContext,
  operation: ShellOperation,
  request: WsmanRequest,
  caller: Caller,
): Promise<string> {
  if (request.resourceUri !== CMD_RESOURCE) {
    context.events.add('guest', 'unserved', operation, context.guestName, { resourceUri: request.resourceUri });
    throw faults.resourceNotFound(request.resourceUri);
  }
  for (const [name, { mustComply }] of request.options) {
    if (mustComply && !KNOWN_OPTIONS.has(name.toUpperCase())) throw faults.optionNotSupported(name);
  }
  switch (operation) {
    case 'Create':
      return create(context, request, caller);
    case 'Command':
      return command(context, request, caller);
    case 'Receive':
      return receive(context, request, caller);
    case 'Send':
      return send(context, request, caller);
    case 'Signal':
      return signal(context, request, caller);
    case 'Delete':
      return context.shells.use(caller.user, request.shellId, (shell) => {
        context.shells.close(shell);
        return formatDeleted(request.messageId);
      });
  }
}

function create({ shells }: ShellRequestContext, request: WsmanRequest, caller: Caller): string {
  const content = contentOf(request, 'Shell');
  const idleText = childOf(content, 'IdleTimeOut')?.text ?? childOf(content, 'IdleTimeout')?.text;
  const idleTimeoutMs = idleText === undefined ? undefined : parseDurationMs(idleText);
  if (idleText !== undefined && idleTimeoutMs === undefined) throw faults.malformed('IdleTimeOut is not a duration');
  const variables = childrenOf(childOf(content, 'Environment'), 'Variable');
  const shell = shells.open(caller.user, {
    codePage: Number(request.options.get('WINRS_CODEPAGE')?.value ?? DEFAULT_CODE_PAGE),
    environment: new Map(variables.map((variable) => [attributeOf(variable, 'Name') ?? '', variable.text])),
    idleTimeoutMs,
  });
  return formatCreated(request.messageId, caller.endpoint, {
    id: shell.id,
    owner: shell.account,
    clientAddress: caller.address,
    idleTimeoutMs: shell.idleTimeoutMs,
  });
}

function command(context: ShellRequestContext, request: WsmanRequest, caller: Caller): Promise<string> {
  const content = contentOf(request, 'CommandLine');
  const program = childOf(content, 'Command')?.text ?? '';
  const parts = [program, ...childrenOf(content, 'Arguments').map((argument) => argument.text)];
  const isTrue = (name: string) => /^(true|1)$/i.test(request.options.get(name)?.value ?? '');
  return context.shells.use(caller.user, request.shellId, (shell) => {
    const found = context.findProgram(parts.join(' ').trim(), {
      throughCmd: !isTrue('WINRS_SKIP_CMD_SHELL'),
      environment: shell.options.environment,
      account: shell.account,
    });
    if (found === undefined) throw faults.fileNotFound();
    const started = context.shells.start(shell, { ...found, consoleInput: isTrue('WINRS_CONSOLEMODE_STDIN') });
    return formatCommand(request.messageId, started.id);
  });
}

function receive(context: ShellRequestContext, request: WsmanRequest, caller: Caller): Promise<string> {
  const desired = descend(contentOf(request, 'Receive'), 'DesiredStream');
  if (desired === undefined) throw faults.malformed('no DesiredStream');
  const streams = desired.text
    .split(/\s+/)
    .filter((stream): stream is OutputStream => stream === 'stdout' || stream === 'stderr');
  const timeoutMs = Math.max(MIN_RECEIVE_MS, context.pace.scaledMs(request.operationTimeoutMs));
  return context.shells.use(caller.user, request.shellId, async (shell) => {
    const source = context.shells.commandOf(shell, attributeOf(desired, 'CommandId'));
    return formatReceived(request.messageId, source.id, await source.receive(streams, timeoutMs, caller.gone));
  });
}

function send(context: ShellRequestContext, request: WsmanRequest, caller: Caller): Promise<string> {
  const streams = childrenOf(contentOf(request, 'Send'), 'Stream');
  return context.shells.use(caller.user, request.shellId, (shell) => {
    for (const stream of streams) {
      if (attributeOf(stream, 'Name') !== 'stdin') throw faults.malformed('only the stream stdin takes input');
      const target = context.shells.commandOf(shell, attributeOf(stream, 'CommandId'));
      const end = /^(true|1)$/i.test(attributeOf(stream, 'End') ?? '');
      target.send(Buffer.from(stream.text, 'base64'), end);
    }
    return formatSent(request.messageId);
  });
}

function signal(context: ShellRequestContext, request: WsmanRequest, caller: Caller): Promise<string> {
  const content = contentOf(request, 'Signal');
  const code = childOf(content, 'Code')?.text.trim() ?? '';
  return context.shells.use(caller.user, request.shellId, (shell) => {
    const target = context.shells.commandOf(shell, attributeOf(content, 'CommandId'));
    if (code === `${NS.shell}/signal/terminate`) {
      target.terminate();
      shell.commands.delete(target.id);
    } else if (code === `${NS.shell}/signal/ctrl_c` || code === `${NS.shell}/signal/ctrl_break`) {
      target.interrupt();
    } else {
      throw faults.malformed(`unknown signal "${code}"`);
    }
    return formatSignalled(request.messageId);
  });
}

function contentOf(request: WsmanRequest, name: string): XmlElement {
  const { content } = request;
  if (content?.name !== name || content.namespace !== NS.shell) throw faults.malformed(`the body has no ${name}`);
  return content;
}

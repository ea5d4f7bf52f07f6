import { attributeOf, childOf, childrenOf, descend, escapeXml, type XmlElement } from '../../../platform/xml.ts';
import { isPlainForCmd, quoteArgument } from '../quoting.ts';
import type { WinRmConnection } from './connection.ts';
import { duration, envelope } from './envelope.ts';
import { ACTION, SIGNAL_TERMINATE, STATE_DONE } from './namespaces.ts';
import { faultKindOf, WinRmError } from './winrm-error.ts';

/** A default server refuses a longer OperationTimeout (MaxTimeoutms 60000). */
export const MAX_OPERATION_TIMEOUT_MS = 60_000;

/** The HTTP limit must be later than the server's own, else a quiet Receive would look like a dead connection. */
const ANSWER_SLACK_MS = 10_000;

/** Addresses one running command. Both ids survive the client: another process may use them. */
export interface CommandIds {
  readonly shellId: string;
  readonly commandId: string;
}

export interface CallLimits {
  /** How long the server may take; at most 60 s. */
  readonly operationTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

interface Call {
  readonly action: string;
  readonly shellId?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly body: string;
}

const invoke = (connection: WinRmConnection, call: Call, limits: CallLimits): Promise<XmlElement> =>
  connection.exchange(
    envelope({ ...call, to: connection.url, operationTimeoutMs: limits.operationTimeoutMs }),
    limits.operationTimeoutMs + ANSWER_SLACK_MS,
    limits.signal,
  );

const missing = (what: string): WinRmError =>
  new WinRmError({ kind: 'malformed', reason: `the answer has no ${what}` });

/**
 * Opens a remote shell without a user profile, in UTF-8 (MS-WSMV 3.1.4.5). Resolves to its id.
 * The server ends it by itself when nobody calls for `idleTimeoutMs`.
 */
export async function createShell(
  connection: WinRmConnection,
  idleTimeoutMs: number,
  limits: CallLimits,
): Promise<string> {
  const body =
    '<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr</rsp:OutputStreams>' +
    `<rsp:IdleTimeOut>${duration(idleTimeoutMs)}</rsp:IdleTimeOut></rsp:Shell>`;
  const options = { WINRS_NOPROFILE: 'TRUE', WINRS_CODEPAGE: '65001' };
  const answer = await invoke(connection, { action: ACTION.create, options, body }, limits);
  const created = descend(answer, 'Body', 'ResourceCreated', 'ReferenceParameters', 'SelectorSet');
  const selector = childrenOf(created, 'Selector').find((candidate) => attributeOf(candidate, 'Name') === 'ShellId');
  const shellId = (selector ?? descend(answer, 'Body', 'Shell', 'ShellId'))?.text.trim();
  if (!shellId) throw missing('shell id');
  return shellId;
}

interface Program {
  readonly path: string;
  readonly arguments: readonly string[];
}

/**
 * How a program is named, most direct first. A path with blanks is never given without quotes: Windows would then start
 * `C:\Program.exe` where somebody put one.
 */
const startForms = (path: string): readonly { readonly command: string; readonly direct: boolean }[] => {
  const quoted = `"${path}"`;
  return [
    { command: path.includes(' ') ? quoted : path, direct: true },
    { command: quoted, direct: false },
  ];
};

/**
 * Starts a program, its standard input a pipe (MS-WSMV 3.1.4.11), without cmd.exe where the server can. Another way is
 * tried only when the server said that it found no program, so at most one is started. Resolves to the command id.
 * Arguments that cmd.exe would
 * change are never given to it. A program that does not exist is the fault `program-missing`, or one that ends at once with words of cmd.exe.
 */
export async function startProgram(
  connection: WinRmConnection,
  shellId: string,
  program: Program,
  limits: CallLimits,
): Promise<string> {
  const words = program.arguments
    .map((word) => `<rsp:Arguments>${escapeXml(quoteArgument(word))}</rsp:Arguments>`)
    .join('');
  const plain = program.arguments.every(isPlainForCmd);
  let refusal: unknown;
  for (const { command, direct } of startForms(program.path)) {
    if (!direct && !plain) continue;
    const body = `<rsp:CommandLine><rsp:Command>${escapeXml(command)}</rsp:Command>${words}</rsp:CommandLine>`;
    const options = { WINRS_CONSOLEMODE_STDIN: 'FALSE', WINRS_SKIP_CMD_SHELL: direct ? 'TRUE' : 'FALSE' };
    try {
      const answer = await invoke(connection, { action: ACTION.command, shellId, options, body }, limits);
      const commandId = descend(answer, 'Body', 'CommandResponse', 'CommandId')?.text.trim();
      if (!commandId) throw missing('command id');
      return commandId;
    } catch (thrown) {
      if (faultKindOf(thrown) !== 'program-missing') throw thrown;
      refusal = thrown;
    }
  }
  throw refusal;
}

/** Writes bytes to the program's standard input, and ends it where they are its last (MS-WSMV 3.1.4.13). */
export async function sendInput(
  connection: WinRmConnection,
  ids: CommandIds,
  data: Buffer,
  limits: CallLimits,
  isEnd = false,
): Promise<void> {
  const end = isEnd ? ' End="true"' : '';
  const stream = `<rsp:Stream Name="stdin" CommandId="${escapeXml(ids.commandId)}"${end}>${data.toString('base64')}</rsp:Stream>`;
  const body = `<rsp:Send>${stream}</rsp:Send>`;
  await invoke(connection, { action: ACTION.send, shellId: ids.shellId, body }, limits);
}

export interface CommandOutput {
  /** In the order sent. A chunk may end in the middle of a character: join the bytes first, then decode. */
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly state: { readonly kind: 'running' } | { readonly kind: 'done'; readonly exitCode: number | undefined };
}

const NOTHING: CommandOutput = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), state: { kind: 'running' } };

/**
 * Waits for output or the program's end, at most the operation time-out (MS-WSMV 3.1.4.14); nothing new is an answer
 * without bytes, so the caller simply asks again.
 */
export async function receiveOutput(
  connection: WinRmConnection,
  ids: CommandIds,
  limits: CallLimits,
): Promise<CommandOutput> {
  const desired = `<rsp:DesiredStream CommandId="${escapeXml(ids.commandId)}">stdout stderr</rsp:DesiredStream>`;
  const call = { action: ACTION.receive, shellId: ids.shellId, body: `<rsp:Receive>${desired}</rsp:Receive>` };
  let answer: XmlElement;
  try {
    answer = await invoke(connection, call, limits);
  } catch (thrown) {
    if (faultKindOf(thrown) === 'operation-timeout') return NOTHING;
    throw thrown;
  }
  return readOutput(answer);
}

/** Reads a ReceiveResponse. */
function readOutput(answer: XmlElement): CommandOutput {
  const received = descend(answer, 'Body', 'ReceiveResponse');
  if (!received) throw missing('output');
  const bytesOf = (name: string) =>
    Buffer.concat(
      childrenOf(received, 'Stream')
        .filter((stream) => attributeOf(stream, 'Name') === name)
        .map((stream) => Buffer.from(stream.text, 'base64')),
    );
  const state = childOf(received, 'CommandState');
  const done = state !== undefined && attributeOf(state, 'State') === STATE_DONE;
  const exitText = childOf(state, 'ExitCode')?.text.trim();
  const exitCode = exitText !== undefined && /^-?\d+$/.test(exitText) ? Number(exitText) : undefined;
  return {
    stdout: bytesOf('stdout'),
    stderr: bytesOf('stderr'),
    state: done ? { kind: 'done', exitCode } : { kind: 'running' },
  };
}

/** Ends the program (MS-WSMV 3.1.4.12). */
export async function terminateCommand(
  connection: WinRmConnection,
  ids: CommandIds,
  limits: CallLimits,
): Promise<void> {
  const body = `<rsp:Signal CommandId="${escapeXml(ids.commandId)}"><rsp:Code>${SIGNAL_TERMINATE}</rsp:Code></rsp:Signal>`;
  await invoke(connection, { action: ACTION.signal, shellId: ids.shellId, body }, limits);
}

/** Ends the shell and everything in it, whoever opened it. A shell that is gone already is success. */
export async function deleteShell(
  connection: WinRmConnection,
  shellId: string,
  limits: CallLimits,
): Promise<'deleted' | 'gone'> {
  try {
    await invoke(connection, { action: ACTION.delete, shellId, body: '' }, limits);
    return 'deleted';
  } catch (thrown) {
    if (faultKindOf(thrown) === 'shell-gone') return 'gone';
    throw thrown;
  }
}

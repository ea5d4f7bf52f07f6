import { loaderCall, requireStored } from './upload-loader.ts';
import type { GuestProgram, ProgramResult, WindowsCommands } from './windows-commands.ts';
import type { WinRmConnection } from './winrm/connection.ts';
import {
  type CommandIds,
  createShell,
  deleteShell,
  receiveOutput,
  sendInput,
  startProgram,
  terminateCommand,
} from './winrm/shell.ts';
import { faultKindOf, WinRmError } from './winrm/winrm-error.ts';

interface Options {
  readonly connect: (signal?: AbortSignal) => Promise<WinRmConnection>;
  readonly operationTimeoutMs: number;
}

interface Limits {
  readonly operationTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** A shell nobody calls any more ends itself after this time. */
const SHELL_IDLE_TIMEOUT_MS = 180_000;
/** In base64 and sealed it stays below the 150 KB that a default server takes for one message. */
const PIECE_BYTES = 64 * 1024;
/** A shell that does not answer its end must not hold up who waits for it. */
const CLOSE_LIMIT_MS = 5000;

/** One shell for all programs: shells and operations are counted against quotas of the account. */
export async function openWinRmCommands(options: Options, signal: AbortSignal): Promise<WindowsCommands> {
  const { operationTimeoutMs } = options;
  const connection = await options.connect(signal);
  let shellId: string;
  try {
    shellId = await createShell(connection, SHELL_IDLE_TIMEOUT_MS, { operationTimeoutMs, signal });
  } catch (thrown) {
    connection.close();
    throw thrown;
  }
  let started = 0;
  const start = async (program: GuestProgram, limits: Limits): Promise<CommandIds> => {
    try {
      return { shellId, commandId: await startProgram(connection, shellId, program, limits) };
    } catch (thrown) {
      if (faultKindOf(thrown) !== 'quota' || started === 0) throw thrown;
      // Windows counts every program that a shell has started, ended ones too, until the shell itself ends.
      await deleteShell(connection, shellId, limits);
      shellId = await createShell(connection, SHELL_IDLE_TIMEOUT_MS, limits);
      started = 0;
      return await start(program, limits);
    }
  };
  const run = async (program: GuestProgram, ended: AbortSignal): Promise<ProgramResult> => {
    const limits = { operationTimeoutMs, signal: ended };
    const ids = await start(program, limits);
    started += 1;
    const refused = await sendAll(connection, ids, program.input ?? Buffer.alloc(0), limits);
    const result = await receiveAll(connection, ids, limits).catch((thrown: unknown) => {
      throw refused ?? thrown;
    });
    // What remains of a command counts until it is terminated.
    await terminateCommand(connection, ids, limits).catch(() => undefined);
    return result;
  };
  return {
    run,
    async upload(file, ended) {
      requireStored(file, await run(loaderCall(file), ended));
    },
    async close() {
      const limits = { operationTimeoutMs: CLOSE_LIMIT_MS, signal: AbortSignal.timeout(CLOSE_LIMIT_MS) };
      // A call that was called off has broken the connection, and what it has started goes on in the shell.
      const way = connection.isOpen ? connection : await options.connect(limits.signal).catch(() => undefined);
      if (way) await deleteShell(way, shellId, limits).catch(() => undefined);
      way?.close();
      connection.close();
    },
  };
}

/** A program that ends before it has read everything closes its input: what it has to say about that comes with its output. */
async function sendAll(connection: WinRmConnection, ids: CommandIds, input: Buffer, limits: Limits): Promise<unknown> {
  try {
    for (let start = 0; start === 0 || start < input.length; start += PIECE_BYTES) {
      const isEnd = start + PIECE_BYTES >= input.length;
      await sendInput(connection, ids, input.subarray(start, start + PIECE_BYTES), limits, isEnd);
    }
    return undefined;
  } catch (thrown) {
    if (thrown instanceof WinRmError && thrown.problem.kind === 'fault') return thrown;
    throw thrown;
  }
}

async function receiveAll(connection: WinRmConnection, ids: CommandIds, limits: Limits): Promise<ProgramResult> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  for (;;) {
    const output = await receiveOutput(connection, ids, limits);
    stdout.push(output.stdout);
    stderr.push(output.stderr);
    if (output.state.kind === 'running') continue;
    const { exitCode } = output.state;
    if (exitCode === undefined) {
      throw new WinRmError({ kind: 'malformed', reason: 'a program that ended has no exit code' });
    }
    return { exitCode, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
  }
}

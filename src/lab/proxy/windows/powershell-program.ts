import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { CmdletError } from './cmdlet.ts';
import { readPipeline } from './pipeline.ts';
import { runPipeline } from './storage-cmdlets.ts';
import type { WindowsMachine } from './windows-machine.ts';

export interface PowerShellProgram {
  /** The executable file. */
  readonly file: string;
  /** On loopback; undefined: sessions come from `file`. */
  readonly port: number | undefined;
  /** Every pipeline that was run, of all sessions. */
  readonly pipelines: readonly string[];
  /** Ends every session, as if the machine had killed them. */
  endSessions(): void;
  /** From now on no request is answered, as with paths that hang. */
  hang(hangs: boolean): void;
  close(): Promise<void>;
}

/** What a session must have been told before it may ask: without it, errors would be text and umlauts another letter. */
const SET_UP = [
  "$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'; $WarningPreference = 'SilentlyContinue'; $ConfirmPreference = 'None'",
  '[Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false',
  'function Invoke-Request([string]$Mark, [scriptblock]$Request) { try { $answer = @{ rows = @(& $Request) } } catch { $answer = @{ error = @{ id = [string]$_.FullyQualifiedErrorId; message = [string]$_.Exception.Message } } }; [Console]::Out.WriteLine($Mark + (ConvertTo-Json -Compress -Depth 4 -InputObject $answer)) }',
];
const ARGUMENTS = ['-NoLogo', '-NoProfile', '-NonInteractive', '-Command', '-'];

/**
 * Stands in for powershell.exe on a machine. It knows by heart the lines that set a session up, and reads of the language what
 * `readPipeline` reads. At anything else it ends, where the real one would complain and go on.
 * `port`: sessions come there, from a program that is no file of this system; 0 takes any.
 */
export async function startPowerShellProgram(machine: WindowsMachine, port?: number): Promise<PowerShellProgram> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-powershell-'));
  const socketPath = path.join(folder, 'sessions');
  const file = path.join(folder, 'powershell');
  writeFileSync(file, programText(socketPath));
  chmodSync(file, 0o700);
  const pipelines: string[] = [];
  const sessions = new Set<Socket>();
  let hangs = false;
  const server = createServer((socket) => {
    sessions.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sessions.delete(socket));
    const expected = [JSON.stringify(ARGUMENTS), ...SET_UP];
    const lines = createInterface({ input: socket });
    // The interface repeats the errors of its input.
    lines.on('error', () => undefined);
    lines.on('line', (line) => {
      const next = expected.shift();
      if (next !== undefined) {
        if (next !== line) socket.destroy();
        return;
      }
      const [, mark = '', text = ''] = /^Invoke-Request '([ -~]*)' \{ (.*) \}$/.exec(line) ?? [];
      const pipeline = readPipeline(text);
      if (!pipeline) return void socket.destroy();
      if (hangs) return;
      pipelines.push(text);
      socket.write(`${mark}${JSON.stringify(answerOf(() => runPipeline(machine, pipeline)))}\r\n`);
    });
  });
  await new Promise<void>((resolve) => {
    if (port === undefined) server.listen(socketPath, resolve);
    else server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  const endSessions = () => {
    for (const socket of sessions) socket.destroy();
  };
  return {
    file,
    port: typeof address === 'object' ? address?.port : undefined,
    pipelines,
    endSessions,
    hang: (value) => {
      hangs = value;
    },
    async close() {
      endSessions();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function answerOf(run: () => readonly unknown[]): object {
  try {
    return { rows: run() };
  } catch (error) {
    if (!(error instanceof CmdletError)) throw error;
    return { error: { id: error.id, message: error.message } };
  }
}

/** The process has nothing of its own: what the machine knows must outlive it. */
const programText = (socketPath: string): string => `#!${process.execPath}
const socket = require('node:net').connect(${JSON.stringify(socketPath)});
socket.write(JSON.stringify(process.argv.slice(2)) + '\\n');
process.stdin.pipe(socket);
socket.pipe(process.stdout);
socket.on('error', () => process.exit(1));
socket.on('close', () => process.exit(0));
`;

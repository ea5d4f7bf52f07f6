import { createHash } from 'node:crypto';
import { FileRefusal, type GuestFiles } from './guest-files.ts';
import type { GuestProcesses } from './guest-processes.ts';

export interface ScriptWorld {
  /** PROCESSOR_ARCHITECTURE. */
  readonly architecture: string;
  readonly files: GuestFiles;
  readonly processes: GuestProcesses;
}

export interface ScriptEnd {
  /** Lines of standard output. */
  readonly said: readonly Readonly<Record<string, string>>[];
  readonly exitCode: number;
}

type Script = (world: ScriptWorld, lines: readonly string[]) => Promise<ScriptEnd>;

export const LANGUAGE_REFUSED: ScriptEnd = { said: [{ failed: 'language', detail: '' }], exitCode: 3 };

const failed = (problem: string, detail: string, exitCode: number): ScriptEnd => ({
  said: [{ failed: problem, detail: plain(detail) }],
  exitCode,
});

/** What the scripts make of words before they say them. */
const plain = (words: string): string => words.replace(/[^ -~]/g, '?').replace(/["\\]/g, '/');

const text = (line: string | undefined): string => Buffer.from(line ?? '', 'base64').toString('utf8');

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

async function storeFile({ files }: ScriptWorld, lines: readonly string[]): Promise<ScriptEnd> {
  if (lines.length < 3 || lines.at(-1) !== 'end') return failed('cut', '', 4);
  const content = Buffer.concat(lines.slice(2, -1).map((line) => Buffer.from(line, 'base64')));
  const hash = sha256(content);
  if (hash !== lines[1]) return failed('hash', hash, 5);
  try {
    files.write(text(lines[0]), content);
  } catch (error) {
    if (!(error instanceof FileRefusal)) throw error;
    return failed('error', `${error.hresult} ${error.message}`, 6);
  }
  return { said: [{ stored: hash }], exitCode: 0 };
}

async function listProcesses({ processes }: ScriptWorld, lines: readonly string[]): Promise<ScriptEnd> {
  const name =
    text(lines[0])
      .split('\\')
      .at(-1)
      ?.replace(/\.exe$/i, '') ?? '';
  const [, ended] = lines;
  if (ended !== undefined) await processes.kill(name, ended);
  return { said: [...processes.list(name).map((process) => ({ process })), { listed: '' }], exitCode: 0 };
}

async function lookAtFiles({ architecture, files }: ScriptWorld, lines: readonly string[]): Promise<ScriptEnd> {
  const hashes = lines.map((line) => {
    const content = files.read(text(line));
    return { sha256: content ? sha256(content) : '' };
  });
  return { said: [{ architecture }, ...hashes], exitCode: 0 };
}

async function removeFiles({ files }: ScriptWorld, lines: readonly string[]): Promise<ScriptEnd> {
  try {
    for (const line of lines) files.remove(text(line));
  } catch (error) {
    if (!(error instanceof FileRefusal)) throw error;
    return failed('error', `${error.hresult} ${error.message}`, 6);
  }
  return { said: [{ removed: '' }], exitCode: 0 };
}

/**
 * The scripts this lab can stand in for, by the SHA-256 of their UTF-8 text: there is no PowerShell here, so what each does is written
 * down a second time. One that was changed is not known any more.
 */
const SCRIPTS: ReadonlyMap<string, Script> = new Map<string, Script>([
  ['f30b89c41009126912b539fe26d99e3a33f60111a97db4eacc1bbd0f2c6504cd', storeFile],
  ['4a8a9cf5c67cf131d769b6a3ab82a6c7e63a01597f020b63b60ed152f56e3758', listProcesses],
  ['0e617bdefac9bc490aa425268bea0a6485d24d30d00ec91f8e6c5541d5c2a1f3', lookAtFiles],
  ['3a35c9257ffd9c8618b61d164a501c296c64cf401cd5fb4fa85662568150ce4a', removeFiles],
]);

export const knownScript = (text: string): Script | undefined => SCRIPTS.get(sha256(Buffer.from(text, 'utf8')));

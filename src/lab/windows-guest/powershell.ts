import type { Program } from '../guest/program.ts';
import type { EventLog } from '../world/events.ts';
import { knownScript, LANGUAGE_REFUSED, type ScriptWorld } from './known-scripts.ts';
import type { VssKnobs } from './vss-knobs.ts';

interface PowerShellWorld extends ScriptWorld {
  readonly guestName: string;
  readonly events: EventLog;
  readonly knobs: Pick<VssKnobs, 'constrainedLanguage' | 'garbleInput'>;
}

/** powershell.exe, as far as it runs a script this lab knows, given by `-EncodedCommand`. */
export function powershellProgram(world: PowerShellWorld): Program {
  return async (io) => {
    const encoded = /(?:^|\s)-EncodedCommand\s+(\S+)\s*$/i.exec(io.arguments)?.[1] ?? '';
    const script = knownScript(Buffer.from(encoded, 'base64').toString('utf16le'));
    if (!script) {
      world.events.add('guest', 'unserved', 'powershell', world.guestName, { arguments: io.arguments.slice(0, 200) });
      io.write('stderr', 'PowerShell is not simulated by this lab.\r\n');
      return 1;
    }
    const input = await readAll(io.stdin, io.killed);
    if (input === undefined) return 1;
    const heard = world.knobs.garbleInput ? garbled(input) : input;
    const lines = heard.toString('latin1').split(/\r?\n/);
    // The last line of an input that ends with a line end is none.
    if (lines.at(-1) === '') lines.pop();
    const { said, exitCode } = world.knobs.constrainedLanguage ? LANGUAGE_REFUSED : await script(world, lines);
    for (const line of said) io.write('stdout', `${JSON.stringify(line)}\r\n`);
    return exitCode;
  };
}

/** Everything up to the end of the input; undefined when the process is killed first. */
function readAll(stdin: Parameters<Program>[0]['stdin'], killed: AbortSignal): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    killed.addEventListener('abort', () => resolve(undefined), { once: true });
    stdin.attach({ data: (bytes) => void chunks.push(bytes), end: () => resolve(Buffer.concat(chunks)) });
  });
}

/** One character of the third line is another. */
function garbled(input: Buffer): Buffer {
  const lines = input.toString('latin1').split('\r\n');
  const third = lines[2] ?? '';
  lines[2] = `${third.startsWith('A') ? 'B' : 'A'}${third.slice(1)}`;
  return Buffer.from(lines.join('\r\n'), 'latin1');
}

import type { Program } from '../guest/program.ts';
import type { EventLog } from '../world/events.ts';
import { type RedirectedFiles, redirected, redirectionsOf } from './cmd-redirections.ts';

interface FoundProgram {
  readonly program: Program;
  readonly arguments: string;
}

/**
 * How a program started without cmd.exe may be named when its path has blanks. What Windows does is not documented:
 * with `unquoted` quotes count as part of the file's name, with `quoted` the name ends at the first blank.
 */
export type ProgramQuoting = 'either' | 'unquoted' | 'quoted';

interface CommandContext {
  /** Run by `cmd /c`, as WinRM does unless told to skip it. */
  readonly throughCmd: boolean;
  readonly environment: ReadonlyMap<string, string>;
  readonly account: string;
  /** Absent: as this guest's WinRM has it. */
  readonly quoting?: ProgramQuoting;
}

/** Finds what a command line starts; undefined when CreateProcess finds no such file. */
export type ProgramFinder = (commandLine: string, context: CommandContext) => FoundProgram | undefined;

export interface InstalledPrograms {
  readonly hostName: string;
  readonly guestName: string;
  readonly events: EventLog;
  readonly programQuoting: ProgramQuoting;
  readonly powershell: Program;
  readonly files: RedirectedFiles;
  /** Programs besides Windows' own, by lower-case file name; each also answers to its full path. */
  readonly installed: () => ReadonlyMap<string, { readonly folder: string; readonly program: Program }>;
}

/** Characters `cmd.exe` takes in one line. */
const CMD_LINE_LIMIT = 8191;
/** CreateProcess takes no longer name for a program (MAX_PATH). */
const NAME_LIMIT = 260;
const SYSTEM_FOLDER = 'c:\\windows\\system32';

/** The shell's view of the guest's programs. */
export function createProgramFinder(options: InstalledPrograms): ProgramFinder {
  const executables = (): ReadonlyMap<string, { readonly folder: string; readonly program: Program }> =>
    new Map([
      ['hostname.exe', { folder: SYSTEM_FOLDER, program: printer(() => `${options.hostName}\r\n`) }],
      ['whoami.exe', { folder: SYSTEM_FOLDER, program: printer((account) => `${account.toLowerCase()}\r\n`) }],
      ['cmd.exe', { folder: SYSTEM_FOLDER, program: (io) => runCmdExe(io) }],
      ['powershell.exe', { folder: `${SYSTEM_FOLDER}\\windowspowershell\\v1.0`, program: options.powershell }],
      ...options.installed(),
    ]);

  const unserved = (what: string, detail: Record<string, unknown>) =>
    options.events.add('guest', 'unserved', what, options.guestName, detail);

  const findExecutable = (name: string, needsPath: boolean): Program | undefined => {
    const [, folder, base = ''] = /^(?:(.*)[\\/])?([^\\/]*)$/.exec(name.toLowerCase()) ?? [];
    const file = base.includes('.') ? base : `${base}.exe`;
    const found = executables().get(file);
    if (found === undefined || (folder === undefined && needsPath)) return undefined;
    return folder === undefined || folder === found.folder.toLowerCase() ? found.program : undefined;
  };

  const refuse = (io: Parameters<Program>[0], message: string): number => {
    io.write('stderr', `${message}\r\n`);
    return 1;
  };

  const runCmd: (line: string, io: Parameters<Program>[0]) => Promise<number> = async (line, io) => {
    if (line.length > CMD_LINE_LIMIT) return refuse(io, 'The command line is too long.');
    if (/[&|<>^]/.test(line.replace(/"[^"]*"/g, ''))) {
      unserved('cmd syntax', { line: line.slice(0, 200) });
      return refuse(io, 'The syntax of the command is incorrect.');
    }
    return await runCommand(unwrapQuotes(line), io);
  };

  /** `/s /c "LINE"`: the first and the last quote are taken away, whatever stands between them. */
  const runCmdExe: Program = async (io) => {
    const [, line, plain = ''] = /^(?:\/d\s+)?(?:\/s\s+\/c\s+"(.*)"|\/c\s*(.*))\s*$/is.exec(io.arguments) ?? [];
    if (line === undefined) return await runCmd(plain, io);
    if (line.length > CMD_LINE_LIMIT) return refuse(io, 'The command line is too long.');
    const { command, files } = redirectionsOf(line);
    if (/[&|<>^]/.test(command.replace(/"[^"]*"/g, ''))) {
      unserved('cmd syntax', { line: line.slice(0, 200) });
      return refuse(io, 'The syntax of the command is incorrect.');
    }
    return await redirected((inner) => runCommand(command, inner), files, options.files)(io);
  };

  const runCommand: (line: string, io: Parameters<Program>[0]) => Promise<number> = async (line, io) => {
    const expanded = expandVariables(line, io.environment, options.hostName, io.account);
    const { name, rest } = splitProgram(expanded);
    const builtin = BUILTINS.get(name.toLowerCase());
    if (builtin) return builtin({ ...io, arguments: rest });
    const program = findExecutable(name, false);
    if (program) return program({ ...io, arguments: rest });
    unserved('program', { name });
    return refuse(
      io,
      `'${name}' is not recognized as an internal or external command,\r\noperable program or batch file.`,
    );
  };

  return (commandLine, context) => {
    if (context.throughCmd) return { program: (io) => runCmd(io.arguments, io), arguments: commandLine };
    for (const { name, rest } of directNames(commandLine, context.quoting ?? options.programQuoting)) {
      const program = findExecutable(name, true);
      if (program) return { program, arguments: rest };
    }
    return undefined;
  };
}

const BUILTINS: ReadonlyMap<string, Program> = new Map<string, Program>([
  ['echo', async (io) => print(io, `${io.arguments === '' ? 'ECHO is on.' : io.arguments}\r\n`)],
  ['ver', async (io) => print(io, '\r\nMicrosoft Windows [Version 10.0.20348.2402]\r\n')],
  ['exit', async (io) => Number.parseInt(io.arguments.replace(/^\/b\s*/i, ''), 10) || 0],
]);

function print(io: Parameters<Program>[0], text: string): number {
  io.write('stdout', text);
  return 0;
}

function printer(text: (account: string) => string): Program {
  return async (io) => print(io, text(io.account));
}

/** `cmd /c` drops the outer quotes of a line that is one quoted command with arguments. */
function unwrapQuotes(line: string): string {
  const text = line.trim();
  const quotes = text.split('"').length - 1;
  if (!text.startsWith('"') || !text.endsWith('"') || quotes < 2) return text;
  const inner = text.slice(1, -1);
  return quotes > 2 || (/\s/.test(inner) && !/\.exe$/i.test(inner)) ? inner : text;
}

function expandVariables(
  line: string,
  environment: ReadonlyMap<string, string>,
  hostName: string,
  account: string,
): string {
  const variables = new Map([
    ['COMPUTERNAME', hostName.toUpperCase()],
    ['USERNAME', account.split('\\')[1] ?? ''],
    ['OS', 'Windows_NT'],
    ['PROGRAMFILES', 'C:\\Program Files'],
    ['PROGRAMDATA', 'C:\\ProgramData'],
    ['SYSTEMROOT', 'C:\\Windows'],
    ['WINDIR', 'C:\\Windows'],
    ...[...environment].map(([name, value]) => [name.toUpperCase(), value] as const),
  ]);
  return line.replace(/%([^%\s]+)%/g, (whole, name: string) => variables.get(name.toUpperCase()) ?? whole);
}

/** The program's name without quotes, and the rest of the line. */
function splitProgram(line: string): { readonly name: string; readonly rest: string } {
  const [, quoted, plain, rest = ''] = /^(?:"([^"]*)"|(\S+))\s*(.*)$/s.exec(line.trim()) ?? [];
  return { name: quoted ?? plain ?? '', rest };
}

/** What CreateProcess takes for the program's name, in its order: without quotes each blank may be the end of it. */
function directNames(
  line: string,
  quoting: ProgramQuoting,
): readonly { readonly name: string; readonly rest: string }[] {
  const text = line.trim();
  if (text.startsWith('"')) return quoting === 'unquoted' ? [] : [splitProgram(text)];
  if (quoting === 'quoted') return [splitProgram(text)];
  const ends = [...text.matchAll(/\s+|$/g)].map(({ index }) => index).filter((end) => end <= NAME_LIMIT);
  return ends.map((end) => ({ name: text.slice(0, end), rest: text.slice(end).trim() }));
}

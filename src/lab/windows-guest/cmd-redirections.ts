import { type Program, ProgramInput } from '../guest/program.ts';

/** The files that cmd.exe opens for a program. */
export interface RedirectedFiles {
  read(path: string): Buffer | undefined;
  /** Resolves when it is written, which on a volume that is held is after the hold. */
  write(path: string, content: Buffer): Promise<void>;
}

const REDIRECTION = /\s+([12]?)([<>])"([^"]*)"(?=\s|$)/g;
const ANSI = 'latin1';

/** `<"in"`, `>"out"` and `2>"err"` of a line, each name in quotes; what is left is the command. */
export function redirectionsOf(line: string): {
  readonly command: string;
  readonly files: { readonly stdin?: string; readonly stdout?: string; readonly stderr?: string };
} {
  const files: { stdin?: string; stdout?: string; stderr?: string } = {};
  const command = line.replace(REDIRECTION, (_, handle: string, way: string, path: string) => {
    if (way === '<') files.stdin = path;
    else files[handle === '2' ? 'stderr' : 'stdout'] = path;
    return '';
  });
  return { command, files };
}

/** A program whose standard handles are files. */
export function redirected(
  program: Program,
  { stdin, stdout, stderr }: ReturnType<typeof redirectionsOf>['files'],
  disk: RedirectedFiles,
): Program {
  return async (io) => {
    const input = stdin === undefined || isNull(stdin) ? undefined : disk.read(stdin);
    if (stdin !== undefined && !isNull(stdin) && !input) {
      io.write('stderr', 'The system cannot find the file specified.\r\n');
      return 1;
    }
    const own = new ProgramInput();
    if (input) own.push(input);
    own.end();
    const paths = { stdout, stderr };
    // Both are made before the program starts.
    for (const path of [stdout, stderr]) if (path !== undefined) await disk.write(path, Buffer.alloc(0));
    const said: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
    const exitCode = await program({
      ...io,
      stdin: stdin === undefined ? io.stdin : own,
      write: (stream, data) => {
        if (paths[stream] === undefined) io.write(stream, data);
        else said[stream].push(typeof data === 'string' ? Buffer.from(data, ANSI) : data);
      },
    });
    for (const stream of ['stdout', 'stderr'] as const) {
      const path = paths[stream];
      if (path !== undefined) await disk.write(path, Buffer.concat(said[stream]));
    }
    return exitCode;
  };
}

const isNull = (path: string): boolean => path.toUpperCase() === 'NUL';

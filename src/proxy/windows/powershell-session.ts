import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import { SnaphookError } from '../../ports/errors.ts';
import { ARGUMENTS, SET_UP } from './powershell-text.ts';

/** The longest that one cmdlet may take; a rescan of a big fabric takes the most. */
const REQUEST_MS = 120_000;

/** One session of PowerShell for the life of a process: starting it and loading its modules takes seconds. */
export interface PowerShell {
  /**
   * The rows that the pipeline gives. Requests of all callers stand in one line. Errors: `E_PROXY`, with an unknown effect when the session
   * ended before the answer; the signal's reason, upon which the session is ended and whether the cmdlet took effect is not known.
   */
  request(pipeline: string, signal: AbortSignal): Promise<readonly unknown[]>;
}

const answerSchema = z.union([
  z.object({ rows: z.array(z.unknown()) }),
  z.object({ error: z.object({ id: z.string(), message: z.string() }) }),
]);

type Answer = z.infer<typeof answerSchema>;

interface Session {
  readonly child: ChildProcessWithoutNullStreams;
  waiting:
    | { readonly mark: string; readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void }
    | undefined;
  /** What it printed last that was no answer. */
  said: string;
  isOver: boolean;
}

/** `program`: the executable file of Windows PowerShell. `limitMs`: for one request. */
export function createPowerShell(program: string, limitMs = REQUEST_MS): PowerShell {
  let session: Session | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let count = 0;
  const send = async (pipeline: string, signal: AbortSignal): Promise<readonly unknown[]> => {
    signal.throwIfAborted();
    if (session === undefined || session.isOver) session = start(program);
    count += 1;
    const answer = await ask(session, `snaphook-${count} `, pipeline, limitMs, signal);
    if ('rows' in answer) return answer.rows;
    const { id, message } = answer.error;
    throw new SnaphookError('E_PROXY', `"${pipeline}" failed on the proxy: ${oneLine(message)} (${id})`, {
      hint: 'The hook needs an account of the group Administrators, elevated. See docs/windows-proxy.md.',
    });
  };
  return {
    request(pipeline, signal) {
      const next = last.then(() => send(pipeline, signal));
      last = next.catch(() => undefined);
      return next;
    },
  };
}

const SAID_CHARACTERS = 300;
const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, SAID_CHARACTERS);

function start(program: string): Session {
  const child = spawn(program, ARGUMENTS, { windowsHide: true });
  const session: Session = { child, waiting: undefined, said: '', isOver: false };
  const end = (why: string, cause?: unknown) => {
    if (session.isOver) return;
    session.isOver = true;
    child.kill();
    session.waiting?.reject(
      new SnaphookError(
        'E_PROXY',
        `PowerShell "${program}" ${why}${session.said ? `: ${oneLine(session.said)}` : ''}`,
        {
          cause,
          effect: 'unknown',
          hint: 'Start it by hand with the account of the hook; docs/windows-proxy.md has what it is asked.',
        },
      ),
    );
  };
  child.once('error', (cause) => end('cannot be run', cause));
  child.once('close', () => end('ended before it answered'));
  // Its end is told by the events above.
  child.stdin.on('error', () => undefined);
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    session.said = (session.said + text).slice(-SAID_CHARACTERS);
  });
  const lines = createInterface({ input: child.stdout });
  lines.on('error', (cause) => end('cannot be heard', cause));
  lines.on('line', (line) => heard(session, line, end));
  for (const line of SET_UP) child.stdin.write(`${line}\n`);
  return session;
}

function heard(session: Session, line: string, end: (why: string, cause?: unknown) => void): void {
  const { waiting } = session;
  if (waiting === undefined || !line.startsWith(waiting.mark)) {
    session.said = `${session.said} ${line}`.slice(-SAID_CHARACTERS);
    return;
  }
  try {
    waiting.resolve(answerSchema.parse(JSON.parse(line.slice(waiting.mark.length))));
  } catch (cause) {
    end('gave an answer that cannot be read', cause);
  }
}

async function ask(
  session: Session,
  mark: string,
  pipeline: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<Answer> {
  const { child } = session;
  let timer: NodeJS.Timeout | undefined;
  let onAbort = (): void => undefined;
  keepProcessAlive(child, true);
  try {
    return await new Promise<Answer>((resolve, reject) => {
      session.waiting = { mark, resolve, reject };
      // Nobody knows how far a cmdlet got: no later request may take its answer for its own.
      const giveUp = (reason: unknown) => {
        session.isOver = true;
        child.kill();
        reject(reason);
      };
      onAbort = () => giveUp(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      timer = setTimeout(() => {
        giveUp(
          new SnaphookError('E_PROXY', `"${pipeline}" had no answer on the proxy within ${limitMs} ms`, {
            effect: 'unknown',
            hint: 'Paths that do not answer hold up Windows storage cmdlets. See the System event log of the proxy.',
          }),
        );
      }, limitMs);
      child.stdin.write(`Invoke-Request '${mark}' { ${pipeline} }\n`);
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    session.waiting = undefined;
    keepProcessAlive(child, false);
  }
}

/** A session that nobody waits for must not keep the hook from ending; it ends with its input. */
function keepProcessAlive(child: ChildProcessWithoutNullStreams, alive: boolean): void {
  const streams = [child.stdin, child.stdout, child.stderr].filter((stream) => stream instanceof Socket);
  for (const one of [child, ...streams]) alive ? one.ref() : one.unref();
}

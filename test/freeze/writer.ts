import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';

export interface Stall {
  /** The longest time that one write took since the last question. */
  readonly longestMs: number;
  readonly writes: number;
}

export interface Writer {
  readonly pid: number;
  /** Answers as soon as it can write; undefined when it cannot within the time. */
  ask(limitMs: number): Promise<Stall | undefined>;
  close(): Promise<void>;
}

/** A process that writes and syncs in a folder all the time: what an application feels of a freeze, seen from outside. */
export async function startWriter(folder: string): Promise<Writer> {
  const child = spawn(process.execPath, [path.join(__dirname, 'writer.cjs'), folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const answers = createInterface({ input: child.stdout });
  const ask = (limitMs: number): Promise<Stall | undefined> =>
    new Promise((resolve) => {
      const end = (stall: Stall | undefined): void => {
        clearTimeout(timer);
        answers.off('line', onLine);
        resolve(stall);
      };
      // It is this folder's own program, which prints nothing else.
      const onLine = (line: string): void => end(JSON.parse(line) as Stall);
      const timer = setTimeout(end, limitMs, undefined);
      answers.on('line', onLine);
      child.stdin.write('ask\n');
    });
  await ask(10_000);
  const close = async (): Promise<void> => {
    child.stdin.end();
    await closed;
  };
  return { pid: child.pid ?? 0, ask, close };
}

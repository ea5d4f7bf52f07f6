import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { LabQuestion, LabReady, LabSpec, SeenCalls } from './messages.ts';

/** The lab in its own process, as the measuring process sees it. */
export interface RemoteLab {
  readonly configFile: string;
  /** What it saw since this was last asked. */
  seen(): Promise<SeenCalls>;
  setEstablishMs(durationMs: number): Promise<void>;
  linksDefined(): Promise<void>;
  close(): Promise<void>;
}

/** Starts this program again, as the lab. */
export async function startRemoteLab(spec: LabSpec): Promise<RemoteLab> {
  const child = fork(__filename, ['--as-lab', JSON.stringify(spec)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ready = await nextMessage<LabReady>(child);
  const ask = async <Answer>(question: LabQuestion): Promise<Answer> => {
    const reply = nextMessage<Answer>(child);
    child.send(question);
    return await reply;
  };
  return {
    configFile: ready.configFile,
    seen: () => ask<SeenCalls>({ ask: 'seen' }),
    setEstablishMs: async (durationMs) => {
      await ask({ ask: 'set-establish', durationMs });
    },
    linksDefined: async () => {
      await ask({ ask: 'links-defined' });
    },
    close: async () => {
      const ended = once(child, 'exit');
      await ask({ ask: 'close' });
      await ended;
    },
  };
}

/** The next thing the child says. Rejects when it ends without a word. */
export async function nextMessage<Message>(child: ChildProcess): Promise<Message> {
  const ended = new AbortController();
  try {
    const said = once(child, 'message', { signal: ended.signal });
    const gone = once(child, 'exit', { signal: ended.signal }).then(([code]) => {
      throw new Error(`a process of the bench ended with ${code}`);
    });
    const [message] = await Promise.race([said, gone]);
    return message as Message; // both ends are this program
  } finally {
    ended.abort();
  }
}

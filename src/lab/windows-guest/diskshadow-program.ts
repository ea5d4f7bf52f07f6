import type { Program, ProgramIo } from '../guest/program.ts';
import { DiskshadowRun } from './diskshadow-run.ts';
import { inOemCodePage } from './diskshadow-texts.ts';
import type { RunningDiskshadow, ShadowMachine } from './shadow-machine.ts';

const USAGE_EXIT = 1;
/** What TerminateProcess leaves as exit code. */
const KILLED = 1;

/** `diskshadow.exe /s SCRIPT [/l LOG]` of a Windows Server: its commands one after the other, up to the first that fails. */
export function diskshadowProgram(machine: ShadowMachine): Program {
  return async (io) => {
    const { script, log } = fileArguments(io.arguments);
    const source = script === undefined ? undefined : machine.files.read(script);
    if (source === undefined) {
      io.write('stdout', 'The script file cannot be opened.\r\n');
      return USAGE_EXIT;
    }
    const killer = new AbortController();
    const killed = AbortSignal.any([io.killed, killer.signal]);
    const death = new Promise<number>((resolve) =>
      killed.addEventListener('abort', () => resolve(KILLED), { once: true }),
    );
    const process: RunningDiskshadow = {
      commandLine: `diskshadow.exe ${io.arguments}`,
      kill: () => killer.abort(),
    };
    machine.running.add(process);
    const work = execute(machine, source, { io, log, killed });
    return Promise.race([work, death]).finally(() => machine.running.delete(process));
  };
}

async function execute(
  machine: ShadowMachine,
  source: Buffer,
  { io, log, killed }: { readonly io: ProgramIo; readonly log: string | undefined; readonly killed: AbortSignal },
): Promise<number> {
  const said: Buffer[] = [];
  const say = (line: string) => {
    if (killed.aborted) return;
    const bytes = inOemCodePage(`${line}\r\n`);
    io.write('stdout', bytes);
    said.push(bytes);
    if (log !== undefined) machine.files.write(log, Buffer.concat(said));
  };
  say('Microsoft DiskShadow version 1.0');
  say('Copyright (C) 2013 Microsoft Corporation');
  say(`On computer:  ${machine.hostName}`);
  say('');
  const run = new DiskshadowRun(machine, say, killed);
  try {
    for (const line of source.toString('latin1').split(/\r?\n/)) {
      const command = line.trim();
      if (command === '' || command.startsWith('#')) continue;
      say(`-> ${command}`);
      const end = await run.perform(command);
      if (killed.aborted || end === 'failed') return 1;
      if (end === 'exit') return 0;
    }
    return 0;
  } finally {
    run.release();
  }
}

function fileArguments(text: string): { readonly script?: string | undefined; readonly log?: string | undefined } {
  const words = (text.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
  const after = (option: string) => {
    const at = words.findIndex((word) => word.toLowerCase() === option);
    return at === -1 ? undefined : words[at + 1];
  };
  return { script: after('/s'), log: after('/l') };
}

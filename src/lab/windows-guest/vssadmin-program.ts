import type { Program } from '../guest/program.ts';
import { inOemCodePage, TEXTS } from './diskshadow-texts.ts';
import type { ShadowMachine } from './shadow-machine.ts';

/** `vssadmin.exe list writers`; whatever else it can do is not simulated. */
export function vssadminProgram({ coordinator, knobs, events, guestName }: ShadowMachine): Program {
  return async (io) => {
    const say = (line: string) => io.write('stdout', inOemCodePage(`${line}\r\n`));
    say('vssadmin 1.1 - Volume Shadow Copy Service administrative command-line tool');
    say('(C) Copyright 2001-2013 Microsoft Corp.');
    say('');
    if (io.arguments.trim().toLowerCase() !== 'list writers') {
      events.add('guest', 'unserved', 'vssadmin', guestName, { arguments: io.arguments });
      return 2;
    }
    for (const writer of coordinator.writers()) {
      for (const line of TEXTS[knobs.language].writer(writer)) say(line);
      say('');
    }
    return 0;
  };
}

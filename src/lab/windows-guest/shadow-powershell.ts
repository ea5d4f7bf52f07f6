import type { Program } from '../guest/program.ts';
import { diskshadowProgram } from './diskshadow-program.ts';
import { answerShadowQuery, type QueryMachine } from './shadow-queries.ts';
import { vssadminProgram } from './vssadmin-program.ts';

/** powershell.exe with a script of queries in `-EncodedCommand`; any other is `otherwise`'s. */
export function shadowPowerShell(machine: QueryMachine, otherwise: Program): Program {
  return async (io) => {
    const encoded = /-EncodedCommand (\S+)/.exec(io.arguments)?.[1] ?? '';
    const answer = answerShadowQuery(machine, Buffer.from(encoded, 'base64').toString('utf16le'));
    if (answer === undefined) return otherwise(io);
    io.write('stdout', answer);
    return 0;
  };
}

const SYSTEM_FOLDER = 'C:\\Windows\\System32';

/** What Windows has for shadow copies, by file name. */
export function shadowPrograms(
  machine: QueryMachine,
): readonly (readonly [string, { readonly folder: string; readonly program: Program }])[] {
  const vssadmin = ['vssadmin.exe', { folder: SYSTEM_FOLDER, program: vssadminProgram(machine) }] as const;
  if (machine.knobs.edition === 'client') return [vssadmin];
  return [vssadmin, ['diskshadow.exe', { folder: SYSTEM_FOLDER, program: diskshadowProgram(machine) }]];
}

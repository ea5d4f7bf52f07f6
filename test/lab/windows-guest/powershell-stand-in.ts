import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Program, ProgramIo } from '../../../src/lab/guest/program.ts';

/** SHA-256 of the one script whose doings are written down here a second time. A changed one is not known any more. */
const CALLER_SHA256 = '33344d03d8084a7c16232f7d084b750cf2836147358702790b71b94d4a5e476a';

const Call = z.object({ script: z.string(), parameters: z.record(z.string(), z.unknown()) });

/** Runs one known script with the parameters it was given. */
const SCRIPTS: Readonly<Record<string, (io: ProgramIo, parameters: Readonly<Record<string, unknown>>) => number>> = {
  'param($Name) "Hello, $Name"': (io, { Name }) => {
    io.write('stdout', `Hello, ${String(Name)}\r\n`);
    return 0;
  },
  // As PowerShell writes errors when nobody asked it for text: pieces of lines, between progress and warnings.
  'Get-Item C:\\none': (io) => {
    io.write(
      'stderr',
      '#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">' +
        '<Obj S="progress" RefId="0"><TN RefId="0"><T>System.Management.Automation.PSCustomObject</T></TN>' +
        '<MS><I64 N="SourceId">1</I64><PR N="Record"><AV>Preparing modules for first use.</AV></PR></MS></Obj>' +
        '<S S="Error">Get-Item : Cannot find path _x0027_C:\\none_x0027_ &amp; so o_x005F_n:_x000D__x000A_</S>' +
        '<S S="warning">noise</S><S S="Error">Grüße_x000D__x000A_</S></Objs>',
    );
    return 1;
  },
};

/** powershell.exe, as far as it runs the module's caller and the scripts above. */
export const powerShellStandIn: Program = async (io) => {
  const encoded = /-EncodedCommand\s+(\S+)\s*$/.exec(io.arguments)?.[1] ?? '';
  const caller = Buffer.from(encoded, 'base64').toString('utf16le');
  if (createHash('sha256').update(caller).digest('hex') !== CALLER_SHA256) return refuse(io, 'an unknown caller');
  const input = await new Promise<string>((resolve) => {
    const chunks: Buffer[] = [];
    io.stdin.attach({
      data: (bytes) => void chunks.push(bytes),
      end: () => resolve(Buffer.concat(chunks).toString('latin1')),
    });
  });
  const json = Buffer.from(input.split(/\r?\n/).join(''), 'base64').toString('utf8');
  const { script, parameters } = Call.parse(JSON.parse(json));
  return SCRIPTS[script]?.(io, parameters) ?? refuse(io, 'an unknown script');
};

function refuse(io: ProgramIo, what: string): number {
  io.write('stderr', `${what}\r\n`);
  return 97;
}

import { SnaphookError } from '../../../ports/errors.ts';
import { programEnd } from '../../program-end.ts';
import { commandLineFor } from '../ssh-shell.ts';
import { loaderCall, requireStored } from '../upload-loader.ts';
import type { GuestProgram, ProgramResult, WindowsCommands } from '../windows-commands.ts';
import { type GuestOperationsWay, makeSessionFolder, removeSessionFolder } from './way.ts';

const CMD = 'C:\\Windows\\System32\\cmd.exe';
/** For the end of what lies in the guest. */
const CLOSE_LIMIT_MS = 30_000;

/**
 * Programs and files by guest operations. VMware Tools gives a program neither input nor output: cmd.exe takes them from, and to, files in a
 * folder of the session.
 */
export async function openGuestOperationsCommands(
  way: GuestOperationsWay,
  signal: AbortSignal,
): Promise<WindowsCommands> {
  const vcenterSession = await way.login(signal);
  const folder = await makeSessionFolder(way, signal);
  let count = 0;
  const run = async (program: GuestProgram, ended: AbortSignal): Promise<ProgramResult> => {
    count += 1;
    return await runByFiles(way, `${folder}\\${count}`, program, ended);
  };
  return {
    run,
    async upload(file, ended) {
      requireStored(file, await run(loaderCall(file), ended));
    },
    resume: { folder, ...(vcenterSession !== undefined && { vcenterSession }) },
    async close() {
      // What is left are files that say nothing to anybody; whoever reaps the run removes them.
      await removeSessionFolder(way, folder, AbortSignal.timeout(CLOSE_LIMIT_MS)).catch(() => undefined);
    },
  };
}

async function runByFiles(
  way: GuestOperationsWay,
  stem: string,
  program: GuestProgram,
  signal: AbortSignal,
): Promise<ProgramResult> {
  const { name, operations } = way;
  const line = commandLineFor('cmd', program);
  const { input } = program;
  if (input) await operations.write(`${stem}.in`, input, signal);
  const files = `<"${input ? `${stem}.in` : 'NUL'}" >"${stem}.out" 2>"${stem}.err"`;
  // With /s cmd.exe takes the first and the last quote away and leaves the rest as it is; /d: no AutoRun of the account.
  const processId = await operations.start({ path: CMD, arguments: `/d /s /c "${line} ${files}"` }, signal);
  const exitCode = await programEnd(way, processId, signal);
  if (exitCode === undefined) {
    throw new SnaphookError('E_GUEST', `guest "${name}" does not know any more how "${program.path}" ended`, {
      hint: 'Check whether the guest or its VMware Tools were started anew, then try again.',
      effect: 'unknown',
    });
  }
  const whole = async (file: string) => (await operations.readLonger(file, 0, signal)) ?? Buffer.alloc(0);
  return { exitCode, stdout: await whole(`${stem}.out`), stderr: await whole(`${stem}.err`) };
}

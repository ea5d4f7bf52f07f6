import type { SshConnect } from '../ssh/ssh-connector.ts';
import { defaultShellOf, runProgram } from './ssh-shell.ts';
import { loaderCall, requireStored } from './upload-loader.ts';
import type { GuestProgram, WindowsCommands } from './windows-commands.ts';

/** Programs and files over one SSH connection. */
export async function openSshCommands(connect: SshConnect, signal: AbortSignal): Promise<WindowsCommands> {
  const connection = await connect(signal);
  try {
    const shell = await defaultShellOf(connection, signal);
    const run = (program: GuestProgram, ended: AbortSignal) => runProgram(connection, shell, program, ended);
    return {
      run,
      async upload(file, ended) {
        requireStored(file, await run(loaderCall(file), ended));
      },
      async close() {
        connection.close();
      },
    };
  } catch (thrown) {
    connection.close();
    throw thrown;
  }
}

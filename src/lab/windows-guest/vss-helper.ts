import type { HelperCheck } from '../../guest/windows/vss-helper-protocol.ts';
import { VSS_HELPER_PROTOCOL } from '../../guest/windows/vss-helper-protocol.ts';
import type { Program, ProgramIo } from '../guest/program.ts';
import { type HeldConversationParts, HeldConversations } from './held-conversations.ts';
import { HELPER_VERSION, HelperConversation, type HelperMachine } from './vss-helper-conversation.ts';
import { selfTest } from './vss-self-test.ts';

const USAGE = 'usage: snaphook-vss serve | install | uninstall | selftest | version | service\r\n';

/** `snaphook-vss.exe` of the simulated guest. */
export function vssHelperProgram(
  guest: HelperMachine,
  places: Pick<HeldConversationParts, 'files' | 'whenWritable'>,
): Program {
  const { residents } = guest;
  const { knobs } = guest.coordinator;
  const serve: Program = (io) => new HelperConversation(guest, io).run();
  const held = new HeldConversations({ ...places, knobs, pace: guest.pace, serve });
  return async (io) => {
    const byFiles = held.run(io);
    if (byFiles) return await byFiles;
    switch (io.arguments.trim()) {
      case 'serve':
        return serve(io);
      case 'install':
        knobs.providerRegistered = true;
        return answer(io, { event: 'installed', helper: HELPER_VERSION });
      case 'uninstall':
        residents.failAll();
        knobs.providerRegistered = false;
        return answer(io, { event: 'uninstalled', helper: HELPER_VERSION });
      case 'selftest': {
        const checks = selfTest(guest);
        answer(io, { event: 'selftest', checks });
        return checks.every(({ ok }: HelperCheck) => ok) ? 0 : 1;
      }
      case 'version':
        return answer(io, { event: 'version', helper: HELPER_VERSION, protocol: VSS_HELPER_PROTOCOL });
      default:
        // `service` is for the service control manager; from a shell it is as wrong as a word nobody knows.
        io.write('stderr', USAGE);
        return 2;
    }
  };
}

function answer(io: ProgramIo, event: object): number {
  io.write('stdout', Buffer.from(`${JSON.stringify(event)}\n`, 'utf8'));
  return 0;
}

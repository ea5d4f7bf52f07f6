import type { Lab } from '../../src/lab/lab.ts';
import { APPLICATION } from '../../src/lab/linux-guest/linux-guest.ts';

const FOUND = [{ name: 'main', directories: ['/srv/ledger'], devices: ['8:1'] }];
const ANSWERS = [{ event: 'discovered', instances: FOUND }, { event: 'quiesced' }];

/** From now on a plug-in holds the application of the Linux guest, in place of its script. */
export function holdByPlugIn({ linuxGuest: { knobs } }: Lab): void {
  const [script] = knobs.scripts;
  if (!script) throw new Error('the Linux guest has no application');
  const output = ANSWERS.map((answer) => `${JSON.stringify(answer)}\n`).join('');
  knobs.scripts = [];
  knobs.plugIns = [
    {
      name: APPLICATION,
      run: async (phase) => {
        const { exitCode } = await script.run(phase);
        return { exitCode, output: phase === 'freeze' ? output : '' };
      },
      end: async () => void (await script.run('freezeFail')),
    },
  ];
}

/** Where the lab's time runs fast, a busy machine is not to be taken for a VSS writer that does not come to its freeze. */
export function letWritersBeSlow({ guest: { vss } }: Lab): void {
  vss.writerPatience = 20;
}

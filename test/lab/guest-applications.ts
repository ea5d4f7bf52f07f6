import type { Lab } from '../../src/lab/lab.ts';
import { APPLICATION } from '../../src/lab/linux-guest/linux-guest.ts';
import type { ConfigChange } from './lab-config.ts';

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

/** Of the Windows guest: one that no VSS writer speaks for. */
export const OUTSIDE_VSS = 'ledger';
const SQL_SERVER_WRITER = 'a65faa63-5ea8-4ebc-9dbd-a0c4db26912a';

/** VSS is to leave the application of the Windows guest alone, and a script or plug-in must speak for it. */
export const withApplicationOutsideVss: ConfigChange = ({ guests }) => {
  for (const { winrm } of guests)
    Object.assign(winrm ?? {}, { excludedWriters: [SQL_SERVER_WRITER], applications: [OUTSIDE_VSS] });
};

/** A plug-in must speak for it beside its VSS writer. */
export const withApplicationBesideVss: ConfigChange = ({ guests }) => {
  for (const { winrm } of guests) Object.assign(winrm ?? {}, { applications: [OUTSIDE_VSS] });
};

/** From now on a plug-in holds the application of the Windows guest. `devices`: where it says that the files lie; default its disks. */
export function holdByWindowsPlugIn(lab: Lab, devices = databaseVolumes(lab)): void {
  const { database, vss } = lab.guest;
  if (!database) throw new Error('the Windows guest has no application');
  const found = [{ name: 'main', directories: ['D:\\ledger'], devices }];
  const say = (...events: readonly object[]) => ({
    output: events.map((event) => `${JSON.stringify(event)}\n`).join(''),
  });
  vss.applications.plugIns = [
    {
      name: OUTSIDE_VSS,
      start: () => {
        let held = false;
        const note = (operation: string) => lab.events.add('guest', 'effect', operation, lab.guestName);
        const goOn = () => {
          if (held) note('Resume');
          held = false;
          database.resume();
        };
        return {
          hear: async (line) => {
            const { command } = JSON.parse(line);
            if (command === 'discover') return say({ event: 'discovered', instances: found });
            if (command === 'verify') return say({ event: 'verified' });
            if (command === 'unquiesce') {
              const wasHeld = held;
              goOn();
              return say({ event: 'unquiesced', held: wasHeld });
            }
            held = true;
            await database.quiesce();
            // Its input may have ended meanwhile.
            if (held) note('Quiesce');
            return say({ event: 'quiesced' });
          },
          end: goOn,
        };
      },
    },
  ];
}

/** As mountvol tells them, in upper case: Windows does not mind. */
const databaseVolumes = ({ estate: { guestDisks } }: Lab): readonly string[] =>
  (guestDisks.length < 3 ? guestDisks : guestDisks.slice(1, 3)).map(
    ({ volumeGuid }) => `\\\\?\\Volume{${volumeGuid.toUpperCase()}}\\`,
  );

/** Where the lab's time runs fast, a busy machine is not to be taken for a VSS writer that does not come to its freeze. */
export function letWritersBeSlow({ guest: { vss } }: Lab): void {
  vss.writerPatience = 20;
}

import type { GuestApplication, ScriptRun } from '../../../src/ports/guest.ts';
import type { Random } from '../random.ts';

/** One script of a guest during one freeze: how it ended, what it said, and what its application really did. */
export interface ScriptHistory {
  readonly name: string;
  /** The application it speaks for. */
  readonly application: string;
  /** Undefined: it did not end in time. */
  readonly freezeExit: number | undefined;
  readonly saysQuiet: boolean;
  readonly thawExit: number | undefined;
  /** The application's data stood still in a good state as long as the file systems did. */
  readonly quiesced: boolean;
}

/** A script that does what it should. */
export const fineScript = (application: string): ScriptHistory => ({
  name: `10-${application}`,
  application,
  freezeExit: 0,
  saysQuiet: true,
  thawExit: 0,
  quiesced: true,
});

const TROUBLES: readonly Partial<ScriptHistory>[] = [
  { freezeExit: 1, saysQuiet: false, quiesced: false },
  { freezeExit: undefined, quiesced: false },
  { saysQuiet: false, quiesced: false },
  // Whatever held the application quiet ended in the window: letting it go on fails.
  { thawExit: 1, quiesced: false },
  { thawExit: undefined },
];

/** The scripts of a guest for one freeze, one an application, sometimes in trouble. */
export const drawScripts = (random: Random, applications: readonly string[], troubleShare: number) =>
  applications.map((application): ScriptHistory => {
    const script = fineScript(application);
    return random.chance(troubleShare) ? { ...script, ...random.pick(TROUBLES) } : script;
  });

/** What the scripts told when they were asked to bring their applications to rest. */
export const freezeRuns = (scripts: readonly ScriptHistory[]): readonly ScriptRun[] =>
  scripts.map(({ name, application, freezeExit, saysQuiet }) => ({
    kind: 'script',
    name,
    phase: 'freeze',
    exitCode: freezeExit,
    output: saysQuiet ? `quiet ${application}\n` : '',
  }));

/** And when the freeze was over. */
export const runsAfter = (scripts: readonly ScriptHistory[], wasReleased: boolean): readonly ScriptRun[] =>
  [...scripts].reverse().map(({ name, thawExit }) => ({
    kind: 'script',
    name,
    phase: wasReleased ? 'thaw' : 'freezeFail',
    exitCode: thawExit,
    output: '',
  }));

/** What is known of the applications: those that the settings require, and those that a script spoke for. */
export function applicationsOf(
  scripts: readonly ScriptHistory[],
  required: readonly string[],
): readonly GuestApplication[] {
  const quiet = scripts
    .filter(({ freezeExit, saysQuiet }) => freezeExit === 0 && saysQuiet)
    .map((one) => one.application);
  return [...new Set([...required, ...quiet])].map((name) => ({
    name,
    required: required.includes(name),
    quiet: quiet.includes(name),
  }));
}

/** What the applications really did. One that is required and has no script at all never came to rest. */
export const applicationTruths = (scripts: readonly ScriptHistory[], required: readonly string[]) =>
  [...new Set([...required, ...scripts.map(({ application }) => application)])].map((name) => ({
    required: required.includes(name),
    quiesced: scripts.some(({ application, quiesced }) => application === name && quiesced),
  }));

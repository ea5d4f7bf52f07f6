import type { HelperWorld } from './vss-helper-bench.ts';

/** What a script does when it is told one phase. Default: it says nothing and ends with 0. */
export interface ScriptDeed {
  /** Printable ASCII, line ends as LF; a script of Windows may write CR LF. */
  readonly output?: string;
  readonly exitCode?: number;
  /** It never ends by itself. */
  readonly hangs?: true;
}
export type ScriptDeeds = Partial<Record<'freeze' | 'thaw' | 'freezeFail', ScriptDeed>>;

/** What a plug-in does on one command. Default: the line of `PLUG_IN_ANSWERS`. */
export interface PlugInDeed {
  /** All that it writes, with line ends. */
  readonly output?: string;
  /** It ends after that. */
  readonly exitCode?: number;
  /** It neither answers nor looks at its input any more. */
  readonly hangs?: true;
}
export type PlugInCommand = 'discover' | 'quiesce' | 'unquiesce' | 'verify';
export type PlugInDeeds = Partial<Record<PlugInCommand, PlugInDeed>>;

export const PLUG_IN_ANSWERS: Readonly<Record<PlugInCommand, string>> = {
  discover: '{"event":"discovered","instances":[]}\n',
  quiesce: '{"event":"quiesced"}\n',
  unquiesce: '{"event":"unquiesced","held":true}\n',
  verify: '{"event":"verified"}\n',
};

/** What a script or plug-in was told, noted by itself as soon as it was. */
export interface ApplicationCall {
  /** As the helper tells it. */
  readonly name: string;
  /** A script's argument; the line of a plug-in's input, or `end` for the end of it. */
  readonly told: string;
}

/** A machine with folders for scripts and plug-ins beside the helper, both empty, and the service made as `install` makes it. */
export interface ApplicationsWorld extends HelperWorld {
  /** `name`: with the ending `.cmd`. */
  addScript(name: string, deeds?: ScriptDeeds): void;
  /** `name`: without its ending `.exe`. */
  addPlugIn(name: string, deeds?: PlugInDeeds): void;
  /** A plain file in one of the folders. */
  addFile(folder: 'scripts.d' | 'plug-ins.d', name: string): void;
  /** In the order in which they came. */
  calls(): readonly ApplicationCall[];
  /** Kills every helper of `start` without a chance to say anything. */
  killFronts(): void;
  /** Kills the process of the service in the same way; true when there was one. */
  killService(): Promise<boolean>;
  /** There is no such service any more. */
  removeService(): void;
}

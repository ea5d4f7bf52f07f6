import type { BenchSiteOptions } from './bench-site.ts';

/** What the process with the lab is started with. */
export type LabSpec =
  | ({ readonly kind: 'bench' } & BenchSiteOptions)
  | { readonly kind: 'demo'; readonly disks: number };

/** What it is asked, and what it answers; one question at a time. */
export type LabQuestion =
  /** What the lab saw since the last time. */
  | { readonly ask: 'seen' }
  | { readonly ask: 'set-establish'; readonly durationMs: number }
  | { readonly ask: 'links-defined' }
  | { readonly ask: 'close' };

export interface SeenCalls {
  /** Requests by system and operation. */
  readonly calls: Readonly<Record<string, number>>;
  readonly vcenter: number;
  readonly array: number;
  readonly connections: number;
  /** How long the array's server took to answer each establish, the injected round trip included. */
  readonly establishMs: readonly number[];
  /** Processor time of the lab in the last window. */
  readonly windowCpuMs: number;
  /** Requests between the first freeze and the last thaw; undefined when no guest was frozen. */
  /** Of each guest that stood still: from when to when, in milliseconds of the lab's clock. */
  readonly stoodStill: readonly { readonly fromMs: number; readonly toMs: number }[];
  readonly inWindow: { readonly array: number; readonly vcenter: number; readonly connections: number } | undefined;
}

export interface LabReady {
  readonly configFile: string;
}

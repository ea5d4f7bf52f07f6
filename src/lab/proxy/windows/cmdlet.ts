import type { Argument } from './pipeline.ts';
import type { WindowsMachine } from './windows-machine.ts';

/** An error as PowerShell identifies it. */
export class CmdletError extends Error {
  readonly id: string;

  constructor(id: string, message: string) {
    super(message);
    this.id = id;
  }
}

type Value = string | number | boolean | readonly string[] | undefined;
export type Row = Readonly<Record<string, Value>>;
export type Arguments = ReadonlyMap<string, Argument>;

export interface Cmdlet {
  /** Each set with all of its parameters, in lower case. */
  readonly sets: readonly (readonly string[])[];
  /** Undefined: it gives nothing. */
  run(machine: WindowsMachine, given: Arguments): readonly Row[] | undefined;
}

export const text = (given: Arguments, name: string): string => String(given.get(name));

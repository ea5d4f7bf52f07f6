import { runProgram } from './programs.ts';

/** Why a volume is not mounted. */
export type Refusal = readonly [state: 'unreadable' | 'damaged', why: string];

/** The program and its arguments that look and change nothing; the device comes last. */
export type Checker = readonly [program: string, ...args: string[]];

/** e2fsck(8): an operational error, and no defect found. So it ends when it does not know a feature of the file system. */
const E2FSCK_GAVE_UP = 8;

/** Undefined: the checker finds it sound. */
export async function checked(
  [program, ...args]: Checker,
  device: string,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const { exitCode, said } = await runProgram(program, [...args, device], signal);
  if (exitCode === 0) return undefined;
  const state = program === 'e2fsck' && exitCode === E2FSCK_GAVE_UP ? 'unreadable' : 'damaged';
  return [state, `${program} says ${exitCode ?? 'nothing'}: ${said}`];
}

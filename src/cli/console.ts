import { setMaxListeners } from 'node:events';
import { systemClock } from '../platform/clock.ts';
import { createTerminalReporter } from '../platform/terminal-reporter.ts';
import { createTextReporter } from '../platform/text-reporter.ts';
import { hangingCalls } from '../platform/unless-aborted.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { Reporter } from '../ports/reporter.ts';
import { EXIT, EXIT_OF_ERROR } from './exit-codes.ts';
import { errorDocument } from './render/json.ts';
import { errorText } from './render/text.ts';

/** What a verb gives back: data for either renderer, and the exit code. */
export interface VerbResult {
  /** Undefined: the verb has printed its document itself, before it ended. */
  readonly document: Readonly<Record<string, unknown>> | undefined;
  readonly text: string;
  readonly exitCode: number;
}

export interface Invocation {
  readonly json: boolean;
  readonly debug: boolean;
}

const toStderr = (text: string): void => void process.stderr.write(text);
const now = () => new Date();
const terminal = process.stderr.isTTY ? createTerminalReporter(toStderr, now, () => process.stderr.columns) : undefined;

/** Progress is a line that moves where a person watches, and a heartbeat elsewhere. */
export const stderrReporter: Reporter = terminal ?? createTextReporter(toStderr, now);

/**
 * Runs a verb: its result alone goes to stdout, as text or as one JSON document; errors are coded and carry no stack.
 * The first SIGTERM, SIGINT or SIGHUP aborts the work, which unwinds by itself; later ones change nothing, not even while the
 * program ends. Node resets ignored signals when it starts, so that SIGHUP counts also under `nohup`.
 */
export async function runVerb(
  invocation: Invocation,
  work: (signal: AbortSignal) => Promise<VerbResult>,
  tellError: (text: string) => void = toStderr,
): Promise<number> {
  setMaxListeners(0); // one signal ends a run, and every guest and call of it listens: more than ten are no leak
  const interruption = listenForSignals();
  ignoreClosedPipes();
  try {
    const result = await work(interruption.signal);
    terminal?.clear();
    if (!invocation.json) print(result.text);
    else if (result.document) print(`${JSON.stringify(result.document)}\n`);
    return result.exitCode;
  } catch (error) {
    terminal?.clear();
    const exitCode = exitCodeOf(error, interruption.exitCode());
    if (invocation.debug && error instanceof Error) tellError(`${error.stack}\n`);
    if (invocation.json) print(`${JSON.stringify(errorDocument(error, exitCode))}\n`);
    tellError(errorText(error));
    return exitCode;
  }
}

function exitCodeOf(error: unknown, interruptedExitCode: number | undefined): number {
  if (!(error instanceof SnaphookError)) return EXIT.failed;
  return error.code === 'E_INTERRUPTED' && interruptedExitCode !== undefined
    ? interruptedExitCode
    : EXIT_OF_ERROR[error.code];
}

const SIGNAL_EXIT_CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: 129 } as const;

function listenForSignals() {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) return;
    exitCode = name in SIGNAL_EXIT_CODES ? SIGNAL_EXIT_CODES[name as keyof typeof SIGNAL_EXIT_CODES] : EXIT.terminated; // checked by `in`
    controller.abort(new SnaphookError('E_INTERRUPTED', `interrupted by ${name}`, { effect: 'unknown' }));
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    exitCode: () => exitCode,
  };
}

/** A product that stopped listening must not stop the clean-up. */
function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.listenerCount('error') === 0) stream.on('error', () => undefined);
  }
}

/** For given-up calls that do not hang. */
const COME_BACK_MS = 1000;
const LOOK_AGAIN_MS = 10;

/**
 * Ends the program when everything it said is written. Not by itself: a call that hangs in the kernel would keep Node alive for as
 * long as the device or file system does not answer. An exit waits for such a call too (libuv joins its threads), so that SIGKILL
 * is what is left then; the exit code is told in words.
 */
export async function endProgram(exitCode: number): Promise<never> {
  const untilMs = systemClock.monotonicMs() + COME_BACK_MS;
  while (hangingCalls() > 0 && systemClock.monotonicMs() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
  const isHanging = hangingCalls() > 0;
  if (isHanging)
    process.stderr.write(`a call hangs in the kernel: SIGKILL ends this program in place of exit code ${exitCode}\n`);
  await Promise.all([process.stdout, process.stderr].map(flushed));
  if (isHanging) process.kill(process.pid, 'SIGKILL');
  return process.exit(exitCode);
}

/** Also when its reader has gone away. */
const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    stream.once('close', resolve);
    stream.write('', () => resolve());
  });

const print = (text: string) => process.stdout.write(text);

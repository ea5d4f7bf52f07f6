import type { HelperCheck } from '../../guest/windows/vss-helper-protocol.ts';
import { ApplicationKnobs } from './application-service.ts';
import { GuestEventLog } from './guest-event-log.ts';
import type { WriterPhase } from './vss-codes.ts';

/** What a test may turn to make VSS, or the programs around it, slow or fail. Times are simulated milliseconds. */
export class VssKnobs {
  /** How long each writer takes to freeze, besides waiting for its application. */
  writerFreezeMs = 5;
  /** How long gathering writers and PrepareForBackup take together. */
  prepareMs = 50;
  /** After this the kernel releases held writes by itself. */
  holdLimitMs = 10_000;
  /** Factor of the time after which each writer gives its freeze up by itself. */
  writerPatience = 1;
  /** After this writers give a freeze up by themselves, whatever became of requestor and provider. */
  freezeLimitMs = 60_000;
  /** Whether the helper's program is there at all. */
  helperInstalled = true;
  /** PowerShell refuses scripts that call methods. */
  constrainedLanguage = false;
  /** Something between the transport and PowerShell changes a character of its input. */
  garbleInput = false;
  /** Whether `snaphook-vss install` was run. */
  providerRegistered = true;
  /** What `tell` brings is taken, and never heard. */
  heldIsDeaf = false;
  /** Scripts and plug-ins. */
  readonly applications = new ApplicationKnobs();
  readonly eventLog = new GuestEventLog();
  /** What a self-test finds wrong, by the name of the check. */
  readonly troubles = new Map<HelperCheck['name'], string>();
  readonly #failures: { readonly id: string; readonly phase: WriterPhase; readonly result: string }[] = [];

  /** Lets every later attempt of this writer (class id) fail in this phase. The returned function heals it. */
  failWriter(id: string, phase: WriterPhase, result: string): () => void {
    const failure = { id, phase, result };
    this.#failures.push(failure);
    return () => {
      const index = this.#failures.indexOf(failure);
      if (index >= 0) this.#failures.splice(index, 1);
    };
  }

  failureOf(id: string, phase: WriterPhase): string | undefined {
    return this.#failures.find((failure) => failure.id === id && failure.phase === phase)?.result;
  }
}

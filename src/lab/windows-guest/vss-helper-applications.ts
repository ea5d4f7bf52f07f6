import type { HelperScript } from '../../guest/script-protocol.ts';
import type { ApplicationService } from './application-service.ts';
import type { QuietApplications, QuietTerms } from './quiet-session.ts';
import { HRESULT, VssError } from './vss-codes.ts';

/** A script did not freeze. */
export class ScriptFailure extends VssError {
  readonly scripts: readonly HelperScript[];

  constructor(name: string, scripts: readonly HelperScript[]) {
    super(HRESULT.failed, `script '${name}' did not freeze`);
    this.scripts = scripts;
  }
}

/** Scripts and plug-ins of the set that a conversation works on, by its connection to the service. */
export class HelperApplications {
  readonly #service: ApplicationService;
  #quiet: QuietApplications | undefined;

  constructor(service: ApplicationService) {
    this.#service = service;
  }

  /**
   * @param current False: nobody waits for it any more.
   * @throws ScriptFailure, or another VssError.
   */
  async quiesce(terms: QuietTerms, current: () => boolean): Promise<readonly HelperScript[]> {
    const quiet = await this.#service.open(terms, current);
    if (!quiet) return [];
    this.#quiet = quiet;
    const { scripts, failed } = await quiet.quiesce();
    if (failed !== undefined) throw new ScriptFailure(failed, scripts);
    return scripts;
  }

  /** @throws VssError when they have gone on by themselves. */
  beginFreeze(): void {
    this.#quiet?.beginFreeze();
  }

  /** Resolves with what they said when all have been told, also to whoever asks meanwhile. */
  async letGo(outcome: 'success' | 'failed'): Promise<readonly HelperScript[]> {
    const quiet = this.#quiet;
    const scripts = (await quiet?.letGo(outcome)) ?? [];
    if (this.#quiet === quiet) this.#quiet = undefined;
    return scripts;
  }
}

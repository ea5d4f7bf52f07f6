import type { HoldMode } from '../../guest/windows/vss-helper-protocol.ts';
import type { GuestClock } from '../guest/guest-clock.ts';
import type { Pace } from '../world/pace.ts';
import { HRESULT } from './vss-codes.ts';
import type { VssCoordinator } from './vss-coordinator.ts';

interface Machine {
  readonly coordinator: VssCoordinator;
  readonly clock: GuestClock;
  readonly pace: Pace;
}

/** The time in which the provider of one conversation holds, if it does. */
export class HelperHold {
  readonly #machine: Machine;
  #end: ((result: string) => void) | undefined;
  #leave: (() => void) | undefined;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  get isActive(): boolean {
    return this.#end !== undefined;
  }

  /** Lets go with this result for VSS, if it holds. */
  end(result: string): void {
    this.#end?.(result);
  }

  /** The helper is gone: what it holds lasts until Windows ends it. */
  leave(): void {
    this.#leave?.();
  }

  /** Since `sinceMs` of the guest's clock, for at most `holdMs`. `ended` is called at once then; resolves to the result for VSS. */
  untilReleased(
    { mode, holdMs }: { readonly mode: HoldMode; readonly holdMs: number },
    sinceMs: number,
    ended: () => void,
  ): Promise<string> {
    return new Promise((resolve) => {
      const { clock, coordinator, pace } = this.#machine;
      const { holdLimitMs, freezeLimitMs } = coordinator.knobs;
      const limitMs = mode === 'commit' ? holdLimitMs : freezeLimitMs;
      const end = (result: string) => {
        clearTimeout(timer);
        this.#end = undefined;
        this.#leave = undefined;
        ended();
        resolve(result);
      };
      const expire = () => end(HRESULT.providerVeto);
      let timer = setTimeout(expire, pace.scaledMs(holdMs));
      this.#end = end;
      this.#leave = () => {
        clearTimeout(timer);
        timer = setTimeout(expire, pace.scaledMs(sinceMs + limitMs - clock.nowMs()));
      };
    });
  }
}

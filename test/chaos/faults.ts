import type { Random } from './random.ts';

/** What goes wrong with one call. `lost`: an error instead of an answer. `hang`: no answer at all. `deaf`: as that, and it does not hear its signal. */
export type Fault =
  | { readonly kind: 'none' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'lost' | 'hang' | 'deaf'; readonly effect: 'none' | 'done' }
  | { readonly kind: 'lost' | 'hang' | 'deaf'; readonly effect: 'late'; readonly lateMs: number }
  | { readonly kind: 'killed'; readonly when: 'before' | 'torn' | 'after' }
  /** The process dies when its request is on its way. */
  | { readonly kind: 'killed'; readonly when: 'late'; readonly lateMs: number };

export type FaultKind = Exclude<Fault['kind'], 'none' | 'killed'>;

export const faultName = (fault: Fault): string => {
  switch (fault.kind) {
    case 'killed':
      return `killed-${fault.when}`;
    case 'lost':
    case 'hang':
    case 'deaf':
      return `${fault.kind}-${fault.effect === 'none' ? 'before' : fault.effect === 'done' ? 'after' : 'late'}`;
    default:
      return fault.kind;
  }
};

/** A request whose answer never came takes effect within this time or never (`settleMs` of a job). */
const LATEST_EFFECT_MS = 14_500;
export const drawLateMs = (random: Random): number => random.between(300, LATEST_EFFECT_MS);

/** Draws the faults of one schedule. */
export class FaultSource {
  readonly #random: Random;
  readonly #share: number;
  isOn = true;

  constructor(random: Random, share: number) {
    this.#random = random;
    this.#share = share;
  }

  /** `possible`: the kinds that this call can meet; `late`: its effect may come after the request was given up. */
  next(possible: readonly FaultKind[], late: boolean, weight = 1): Fault {
    if (!this.isOn || possible.length === 0 || !this.#random.chance(this.#share * weight)) return { kind: 'none' };
    const kind = this.#random.pick(possible);
    if (kind === 'refused' || kind === 'busy') return { kind };
    const effect = this.#random.pick(late ? (['none', 'done', 'late', 'late'] as const) : (['none', 'done'] as const));
    return effect === 'late' ? { kind, effect, lateMs: drawLateMs(this.#random) } : { kind, effect };
  }
}

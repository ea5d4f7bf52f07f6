import { type ErrorCode, SnaphookError } from '../ports/errors.ts';
import type { WriterStatus } from '../ports/guest.ts';
import { FIRST_FAILED_STATE } from './application-doubts.ts';
import { isBelow } from './grade.ts';
import type { Plan } from './plan.ts';
import type { CaptureResult } from './results.ts';

/**
 * Is a grade lower than the one asked for, and accepted by the job's policy? That of a borrowed snapshot always is. Errors: that of what lowered it, where it is not
 * accepted.
 */
export function checkGrades(plan: Plan, capture: CaptureResult): boolean {
  const lower = belowWhatIsAsked(plan, capture);
  // Somebody chose it as it is.
  if (plan.borrowed) return lower.length > 0;
  // Without one point in time there is nothing to hand over, whatever the policy says.
  const worst = lower.find(({ grade }) => grade === 'unknown') ?? lower[0];
  if (!worst || (worst.grade !== 'unknown' && plan.spec.onLowerGrade === 'degrade')) return lower.length > 0;
  const name = plan.vms.find(({ instanceUuid }) => instanceUuid === worst.vm)?.name ?? worst.vm;
  const remedies = remediesOf(worst);
  throw new SnaphookError(
    gradeErrorCode(worst),
    `VM "${name}" reached grade "${worst.grade}", below "${plan.spec.grade}": ${worst.reasons.join('; ')}`,
    {
      hint: [...remedies.map(({ advice }) => advice), DEGRADE].join(' '),
      ...(remedies.length > 0 && remedies.every(({ mayPass }) => mayPass) && { retry: 'safe' as const }),
    },
  );
}

const DEGRADE = 'Correct the cause, or set `onLowerGrade: degrade` to take the lower grade and say so.';

/** What the writers that failed need. */
function remediesOf({ evidence }: CaptureResult['vms'][number]): readonly NonNullable<WriterStatus['remedy']>[] {
  const freeze = evidence.guest?.freeze;
  const writers = freeze?.strategy === 'vss-provider' ? freeze.writersAfter : [];
  return writers.flatMap(({ required, remedy }) => (required && remedy ? [remedy] : []));
}

function gradeErrorCode({ evidence }: CaptureResult['vms'][number]): ErrorCode {
  if (evidence.layoutDoubts.length > 0) return 'E_VM_CHANGED';
  const freeze = evidence.guest?.freeze;
  if (evidence.guest && evidence.times.establishConfirmedMs === undefined) return 'E_FREEZE_WINDOW';
  if (freeze?.verdict.kind === 'expired') return 'E_FREEZE_WINDOW';
  const writers = freeze?.strategy === 'vss-provider' ? freeze.writersAfter : [];
  if (writers.some(({ required, state }) => required && state >= FIRST_FAILED_STATE)) return 'E_WRITER_FAILED';
  return 'E_GRADE';
}

const belowWhatIsAsked = ({ vms, spec }: Plan, capture: CaptureResult): CaptureResult['vms'] =>
  capture.vms.filter(
    (captured) => isBelow(captured, spec.grade) && vms.some(({ instanceUuid }) => instanceUuid === captured.vm),
  );

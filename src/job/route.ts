import { SnaphookError } from '../ports/errors.ts';
import type { VmRecord } from '../ports/hypervisor.ts';
import type { ArrayFacts } from '../ports/storage-array.ts';
import type { VvolAnswers } from '../ports/vvol-answers.ts';
import type { JobSpec } from './job-spec.ts';
import type { Route } from './plan.ts';

/** The job decides; left to us, `snapvx` is taken unless this release of the array is known to refuse it on vVols. */
export async function chooseRoute(
  answers: VvolAnswers,
  spec: Pick<JobSpec, 'route'>,
  { arrayId, microcode }: ArrayFacts,
  vms: readonly VmRecord[],
): Promise<Route> {
  if (spec.route !== 'auto') return { name: spec.route, because: 'the job asks for it' };
  const hasVvols = vms.some(({ disks }) => disks.some(({ backing }) => backing.kind === 'vvol'));
  if (!hasVvols) return { name: 'snapvx', because: 'no disk is a vVol' };
  const answer = await answers.recall(arrayId, microcode);
  const array = `array "${arrayId}" with microcode ${microcode}`;
  if (!answer)
    return { name: 'snapvx', because: `${array} was never asked whether it takes SnapVX snapshots of vVols` };
  return answer.takesSnapVx
    ? { name: 'snapvx', because: `${array} took a SnapVX snapshot of a vVol at ${answer.askedAt}` }
    : { name: 'managed', because: `${array} refused a SnapVX snapshot of a vVol at ${answer.askedAt}` };
}

export const toolsWithoutSnapshot = (spec: JobSpec, route: Route): SnaphookError =>
  new SnaphookError('E_CONFIG', `job "${spec.name}" has \`freeze: vmware-tools\`, but its route is "${route.name}"`, {
    hint: 'VMware Tools quiesce a guest only for a VM snapshot: set `route: managed`, or another `freeze`.',
  });

/** A VM snapshot slows its VM down for as long as it is there, and nothing ends it by itself. */
export function keptByArraysAlone(spec: Pick<JobSpec, 'name'>, { because }: Route): SnaphookError {
  return new SnaphookError(
    'E_DISK_UNSUPPORTED',
    `job "${spec.name}" takes the route "managed", whose VM snapshots are not kept: ${because}`,
    { hint: 'Only snapshots of the array are kept. Use `route: snapvx` where the array takes them of these disks.' },
  );
}

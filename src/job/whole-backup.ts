import type { RunState } from './run-state.ts';
import { mountResultOf } from './step-results.ts';

/**
 * What of a run may be in no backup although the product told of a success; undefined: nothing. Applications must not drop logs then. Of
 * several calls each must have said so. How many there are to be only some products tell: where none does, each call is taken for one VM.
 */
export function gapInBackup(state: RunState): string | undefined {
  const { members, context, plan } = state;
  const gaps = mountResultOf(state)?.gaps ?? 0;
  if (gaps > 0) return `${gaps} part(s) of the disks were not handed over`;
  if (members.length === 0) return undefined;
  if (members.some(({ result }) => result !== 'success')) return 'not every call of the backup said so';
  const selected = plan?.vms.filter(({ role }) => role !== 'neighbour').length ?? 0;
  const expected = context?.member?.of ?? selected;
  return members.length < expected ? `${members.length} of ${expected} calls of the backup came` : undefined;
}

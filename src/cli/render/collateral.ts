import type { Collateral, CollateralVm } from '../../job/captured-neighbours.ts';
import { bytesText, table } from './text.ts';

const STATES: Readonly<Record<CollateralVm['state'], string>> = {
  prepared: 'frozen in the same window',
  'powered-off': 'powered off',
  'no-disk': 'no disk there, files only',
  'not-prepared': 'not prepared',
  unreadable: 'cannot be read',
};

/** Who is captured with a datastore, for people. */
export function collateralText({ datastore, vms }: Collateral): string {
  const bytes = vms.reduce((sum, vm) => sum + (vm.bytes ?? 0), 0);
  const atLeast = vms.some((vm) => vm.bytes === undefined) ? 'at least ' : '';
  const rows = vms.map((vm) => [
    `  ${vm.name}`,
    vm.bytes === undefined ? 'size unknown' : bytesText(vm.bytes),
    STATES[vm.state],
  ]);
  return `datastore ${datastore} is captured whole, with ${vms.length} more VM(s) (${atLeast}${bytesText(bytes)}):\n${table(rows)}`;
}

import type { VmRecord } from '../ports/hypervisor.ts';
import type { Route } from './plan.ts';

const NAMES = { vvol: 'vVol', vmfs: 'VMFS', rdm: 'RDM' } as const;

/** What the kinds of a VM's disks mean for how its guest is frozen, in words for the explanation of a choice. */
export function storageText({ disks }: Pick<VmRecord, 'disks'>, { name }: Pick<Route, 'name'>): string {
  const counts = Object.entries(NAMES).flatMap(([kind, words]) => {
    const count = disks.filter(({ backing }) => backing.kind === kind).length;
    return count === 0 ? [] : [`${count} ${words}`];
  });
  const means =
    name === 'managed'
      ? 'by VM snapshots, which VMware Tools could quiesce as well (`freeze: vmware-tools`), without a word of any application'
      : 'makes no difference, as one array snapshot takes all kinds alike';
  return `disks: ${counts.join(', ')}: ${means}`;
}

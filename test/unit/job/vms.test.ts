import { connectedVms, selectVms } from '../../../src/job/vms.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import type { Hypervisor, VmRecord, VmSelector } from '../../../src/ports/hypervisor.ts';
import { instanceUuid, moRef } from '../../../src/ports/identity.ts';
import { QUIET_VM } from '../../contract/quiet-conditions.ts';

const signal = new AbortController().signal;
const BY_PATTERN: VmSelector = { by: 'pattern', pattern: '*' };
const byName = (name: string): VmSelector => ({ by: 'name', name });
const denied = new SnaphookError('E_VCENTER_RIGHTS', 'no right to read VM "secret"');

const vm = (nth: number, connected = true): VmRecord => ({
  instanceUuid: instanceUuid(`00000000-0000-4000-8000-${String(nth).padStart(12, '0')}`),
  moRef: moRef(`vm-${nth}`),
  name: `vm${nth}`,
  poweredOn: true,
  template: false,
  connected,
  guestHostName: undefined,
  guestAddress: undefined,
  guestFamily: undefined,
  disks: [],
  condition: QUIET_VM,
});

/** A vCenter with these VMs, and one more that nobody may read; a name leads to its VM, a pattern to all. */
const select = (vms: readonly VmRecord[], selectors: readonly VmSelector[], isSecretThere = false) => {
  const hypervisor = {
    async findVms(asked, _signal, _excluding, leaveOut) {
      const patterns = asked.flatMap(({ by }, index) => (by === 'pattern' ? [index] : []));
      if (isSecretThere) leaveOut?.({ name: 'secret', selectors: patterns, error: denied });
      return asked.map((selector) => vms.filter(({ name }) => selector.by !== 'name' || selector.name === name));
    },
  } as Pick<Hypervisor, 'findVms'> as Hypervisor; // nothing else is asked
  return selectVms(hypervisor, { vms: selectors, exclude: [], onNoMatch: 'fail' }, signal);
};

test('a VM that cannot be read and was met among many is left out, and told', async () => {
  const { vms, leftOut, warnings } = await select([vm(1)], [BY_PATTERN], true);
  expect(vms.map(({ name }) => name)).toEqual(['vm1']);
  expect(leftOut).toEqual(['secret']);
  expect(warnings).toEqual([`VM "secret" is left out, as it cannot be read: ${denied.message}`]);
});

test('a selector that leads to nothing but what cannot be read fails with the reason', async () => {
  await expect(select([], [BY_PATTERN], true)).rejects.toBe(denied);
});

test('a VM of a host that is not connected is left out and told, unless it is meant or the only one', async () => {
  const both = [vm(1), vm(2, false)];
  const among = connectedVms(await select(both, [BY_PATTERN]));
  expect(among.vms.map(({ name }) => name)).toEqual(['vm1']);
  expect(among.leftOut).toEqual(['vm2']);
  expect(among.warnings).toEqual(['VM "vm2" is left out: its host is not connected to vCenter']);

  const meant = connectedVms(await select(both, [BY_PATTERN, byName('vm2')]));
  expect(meant.vms.map(({ name }) => name)).toEqual(['vm1', 'vm2']);
  const alone = connectedVms(await select([vm(2, false)], [BY_PATTERN]));
  expect(alone.vms.map(({ name }) => name)).toEqual(['vm2']);
});

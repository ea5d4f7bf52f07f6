import { observeWindow, requestsOf } from '../../../src/cli/demo/observe.ts';
import { openSite } from './site.ts';

test.each([2, 4, 16])(
  'a VM with %d disks: one array call, no vCenter call and no new connection in the window, at most 12 array calls in all',
  async (disks) => {
    const site = await openSite({ estate: { disks, cylinders: 6 } });
    try {
      const result = await site.pre();
      await site.lab.linksDefined();
      await site.post();

      const events = site.lab.events.events;
      const array = requestsOf(events, 'array');
      expect(result.plan.devices).toHaveLength(disks);
      expect(result.capture.vms.map(({ grade }) => grade)).toEqual(['application']);
      expect(observeWindow(events)?.calls).toEqual({ array: 1, vcenter: 0, connections: 0 });
      expect(array).toBeLessThanOrEqual(12);
      expect(site.leftBehind()).toEqual([]);
    } finally {
      await site.close();
    }
  },
);

test('a VM with one disk: the same budget', async () => {
  const site = await openSite({ estate: { disks: 1, cylinders: 6 } });
  try {
    const result = await site.pre();
    await site.lab.linksDefined();
    await site.post();

    const events = site.lab.events.events;
    expect(result.plan.devices).toHaveLength(1);
    expect(observeWindow(events)?.calls).toEqual({ array: 1, vcenter: 0, connections: 0 });
    expect(requestsOf(events, 'array')).toBeLessThanOrEqual(12);
    expect(site.leftBehind()).toEqual([]);
  } finally {
    await site.close();
  }
});

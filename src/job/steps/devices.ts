import type { DiskSignature, ProxyDevice } from '../../ports/proxy.ts';
import { withinLimit } from '../deadline.ts';
import { compareContent } from '../disk-content.ts';
import { targetWwnsOf } from '../plan.ts';
import type { DevicesResult, SeenTarget } from '../results.ts';
import type { Run, Step } from '../step.ts';

/** Effect: the proxy has found the targets by their identity, knows their content, and may have cached some of it. */
export const devicesStep: Step<DevicesResult> = {
  name: 'devices',
  repeatable: true,
  settles: false,
  isLocal: true,

  async do(run, signal) {
    const { spec, devices } = run.plan;
    const expected = devices.map(({ targetWwn, imageBytes }) => ({ wwn: targetWwn, sizeBytes: imageBytes }));
    const found = await withinLimit(
      run.ports.clock,
      {
        durationMs: spec.limits.devicesMs,
        code: 'E_PROXY_DEVICE',
        message: `the proxy did not see all ${expected.length} target device(s) within ${spec.limits.devicesMs} ms`,
        hint: 'Check zoning and the masking view of the target storage group, then run `snaphook doctor`.',
      },
      signal,
      async (limit) => {
        const present = await run.ports.proxy.waitForDevices(expected, limit);
        return Promise.all(
          present.map(async (device) => ({ ...device, signature: await run.ports.proxy.signature(device, limit) })),
        );
      },
    );
    return { devices: seenTargets(run, found) };
  },

  async probe() {
    return { found: 'not-done' };
  },

  async undo(run, signal) {
    await run.ports.proxy.releaseDevices(targetWwnsOf(run.plan), signal);
  },
};

type FoundDevice = ProxyDevice & { readonly signature: DiskSignature };

/** Nothing is made from a target that shows something else than its source. */
function seenTargets(run: Run, found: readonly FoundDevice[]): readonly SeenTarget[] {
  const byWwn = new Map(found.map((device) => [device.wwn, device]));
  const seen = run.plan.devices.flatMap((device) => {
    const shown = byWwn.get(device.targetWwn);
    return shown ? [{ device, path: shown.path, signature: shown.signature }] : [];
  });
  for (const remark of compareContent(seen)) run.ports.reporter.warn(remark);
  return seen.map(({ device, path, signature }) => ({ target: device.target, path, signature }));
}

import type { DeviceId } from '../../ports/identity.ts';
import { withinLimit } from '../deadline.ts';
import { targetWwnsOf } from '../plan.ts';
import type { Step } from '../step.ts';

export interface DevicesResult {
  readonly devices: readonly { readonly target: DeviceId; readonly path: string }[];
}

/** Effect: the proxy has found the targets by their identity and may have cached some of their content. */
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
      (limit) => run.ports.proxy.waitForDevices(expected, limit),
    );
    const paths = new Map(found.map(({ wwn, path }) => [wwn, path]));
    return { devices: devices.map(({ target, targetWwn }) => ({ target, path: paths.get(targetWwn) ?? '' })) };
  },

  async probe() {
    return { found: 'not-done' };
  },

  async undo(run, signal) {
    await run.ports.proxy.releaseDevices(targetWwnsOf(run.plan), signal);
  },
};

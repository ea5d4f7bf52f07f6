import { SnaphookError } from '../../ports/errors.ts';
import type { DiskSignature, ProxyDevice } from '../../ports/proxy.ts';
import { withinLimit } from '../deadline.ts';
import { compareContent } from '../disk-content.ts';
import { targetWwnsOf } from '../plan.ts';
import { addressText } from '../proxy-address.ts';
import type { DevicesResult, SeenTarget } from '../results.ts';
import type { Run, Step } from '../step.ts';
import { refuseWhileMounted } from './mounted-copy.ts';

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
        // All of them were looked for all of the time, with a rescan every few seconds: the hook's own time is for undoing.
        retry: 'never',
      },
      signal,
      async (limit) => {
        const present = await run.ports.proxy.waitForDevices(expected, limit);
        return Promise.all(
          present.map(async (device) => ({ ...device, signature: await run.ports.proxy.signature(device, limit) })),
        );
      },
    ).catch(async (error: unknown) => {
      throw await withAddress(run, error, signal);
    });
    return { devices: seenTargets(run, found) };
  },

  async probe() {
    return { found: 'not-done' };
  },

  async undo(run, signal) {
    // Where the targets were seen proves which mounts are of them: it is known as long as this step is not undone.
    refuseWhileMounted(run);
    await run.ports.proxy.releaseDevices(targetWwnsOf(run.plan), signal);
  },
};

/** One look at what the array shows; more would cost time that undoing needs. */
const ADDRESS_MS = 10_000;

/** A target that never appeared: whether the array shows it to the proxy at all, and at which address, tells where to look. */
async function withAddress(run: Run, error: unknown, signal: AbortSignal): Promise<unknown> {
  if (!(error instanceof SnaphookError) || error.code !== 'E_PROXY_DEVICE' || signal.aborted) return error;
  const { ports, plan, array } = run;
  const limit = { durationMs: ADDRESS_MS, code: 'E_DEADLINE', message: 'the array does not tell addresses' } as const;
  try {
    return await withinLimit(ports.clock, limit, signal, async (limited) => {
      const seen = new Set(await ports.proxy.visible(targetWwnsOf(plan), limited));
      const missing = plan.devices.find(({ targetWwn }) => !seen.has(targetWwn));
      if (missing === undefined) return error;
      const [shown = []] = await array.presentations([missing.target], limited);
      const where = addressText(missing.target, shown, plan.spec.proxyHost);
      return new SnaphookError(error.code, `${error.message}; ${where}`, {
        cause: error,
        retry: error.retry,
        effect: error.effect,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      });
    });
  } catch {
    return error;
  }
}

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

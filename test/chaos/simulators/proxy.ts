import { SnaphookError } from '../../../src/ports/errors.ts';
import type { Wwn } from '../../../src/ports/identity.ts';
import type { BackupProxy, ProxyDevice } from '../../../src/ports/proxy.ts';
import type { HookProcess } from '../hook-process.ts';
import type { Random } from '../random.ts';

/** The devices a proxy sees at the moment, with their sizes. */
export type SeenDevices = () => ReadonlyMap<string, number>;

const POLL_MS = 500;
const refused = () => new SnaphookError('E_PROXY', 'the device folder cannot be read');

/** The backup proxy as its adapter gives it to one process. */
export function simulatedProxy(seen: SeenDevices, process: HookProcess, random: Random): BackupProxy {
  const call = <Result>(name: string, signal: AbortSignal, effect: () => Result) =>
    process.call({
      name: `proxy.${name}`,
      signal,
      isLocal: true,
      latencyMs: random.latency(10, 800),
      effect,
      errors: { refused },
    });
  return {
    async waitForDevices(expected, signal) {
      for (;;) {
        const found = await call('waitForDevices', signal, () => {
          const present = seen();
          return expected.every(({ wwn }) => present.has(wwn))
            ? expected.map((one) => described(one, present.get(one.wwn) ?? 0))
            : undefined;
        });
        if (found) return found;
        await process.clock.sleep(POLL_MS, signal);
      }
    },
    // Whatever it is, it is what the plan knows: no schedule shows wrong data under the right WWN.
    signature: (_device, signal) =>
      call('signature', signal, () => ({
        diskId: undefined,
        vmfs: { volumeUuid: 'volume', fileSystemUuid: undefined },
      })),
    releaseDevices: (_wwns, signal) => call('releaseDevices', signal, () => undefined),
    paths: (wwns, signal) =>
      call(
        'paths',
        signal,
        () => new Map(wwns.flatMap((wwn) => (seen().has(wwn) ? [[wwn, `/dev/disk/by-id/wwn-0x${wwn}`]] : []))),
      ),
    visible: (wwns, signal) => call('visible', signal, () => wwns.filter((wwn) => seen().has(wwn))),
  };
}

function described(
  { wwn, sizeBytes }: { readonly wwn: Wwn; readonly sizeBytes: number },
  actualBytes: number,
): ProxyDevice {
  if (actualBytes < sizeBytes)
    throw new SnaphookError('E_PROXY_DEVICE', `device "${wwn}" has ${actualBytes} bytes, less than ${sizeBytes}`);
  return { wwn, path: `/dev/disk/by-id/wwn-0x${wwn}`, sizeBytes: actualBytes };
}

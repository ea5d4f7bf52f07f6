import { wwn } from '../../src/ports/identity.ts';
import type { BackupProxy } from '../../src/ports/proxy.ts';

export interface ProxyWorld {
  readonly proxy: BackupProxy;
  /** The array starts or stops to show a device of that size to the proxy. */
  present(wwn: string, sizeBytes: number): void;
  withdraw(wwn: string): void;
}

const A = wwn('60000970000197900046533030303041');
const B = wwn('60000970000197900046533030303042');
const SIZE_BYTES = 1_966_080;
const soon = () => AbortSignal.timeout(5000);

/** What every backup proxy must keep. */
export function proxyContract(name: string, makeWorld: () => Promise<ProxyWorld>): void {
  describe(`backup proxy: ${name}`, () => {
    test('devices are found by identity, in the order asked for, with path and size', async () => {
      const { proxy, present } = await makeWorld();
      present(A, SIZE_BYTES);
      present(B, SIZE_BYTES * 2);

      const found = await proxy.waitForDevices(
        [
          { wwn: B, sizeBytes: SIZE_BYTES },
          { wwn: A, sizeBytes: SIZE_BYTES },
        ],
        soon(),
      );

      expect(found.map((device) => [device.wwn, device.sizeBytes])).toEqual([
        [B, SIZE_BYTES * 2],
        [A, SIZE_BYTES],
      ]);
      expect(new Set(found.map((device) => device.path)).size).toBe(2);
    });

    test('a device that appears later is waited for', async () => {
      const { proxy, present } = await makeWorld();

      const waiting = proxy.waitForDevices([{ wwn: A, sizeBytes: SIZE_BYTES }], soon());
      present(A, SIZE_BYTES);

      expect(await waiting).toMatchObject([{ wwn: A }]);
    });

    test('waiting ends with the reason of its signal', async () => {
      const { proxy } = await makeWorld();
      const abort = new AbortController();

      const waiting = proxy.waitForDevices([{ wwn: A, sizeBytes: SIZE_BYTES }], abort.signal);
      abort.abort(new Error('enough'));

      await expect(waiting).rejects.toThrow('enough');
    });

    test('a device that is smaller than expected is an error that names it', async () => {
      const { proxy, present } = await makeWorld();
      present(A, 100);

      await expect(proxy.waitForDevices([{ wwn: A, sizeBytes: SIZE_BYTES }], soon())).rejects.toMatchObject({
        code: 'E_PROXY_DEVICE',
        message: expect.stringContaining(A),
      });
    });

    test('paths are told of the devices that are there, without waiting for the others', async () => {
      const { proxy, present } = await makeWorld();
      present(A, SIZE_BYTES);
      const [device] = await proxy.waitForDevices([{ wwn: A, sizeBytes: SIZE_BYTES }], soon());

      expect(await proxy.paths([A, B], soon())).toEqual(new Map([[A, device?.path]]));
    });

    test('only devices that are there now are visible, and releasing one that is gone is success', async () => {
      const { proxy, present, withdraw } = await makeWorld();
      present(A, SIZE_BYTES);
      present(B, SIZE_BYTES);
      withdraw(B);

      expect(await proxy.visible([A, B], soon())).toEqual([A]);
      await proxy.releaseDevices([A, B], soon());
    });
  });
}

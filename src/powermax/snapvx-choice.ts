import { deviceId } from '../ports/identity.ts';
import type { SnapVxApi } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import { snapshotsOfDevice } from './paths.ts';
import { bodyIfFound } from './reply.ts';

/** `auto`: device lists where the server serves them to this user, else storage groups. */
export type SnapVxApiSetting = SnapVxApi | 'auto';

/** Any device does, also one that is not there: what is asked is whether the resource is served. */
const ANY_DEVICE = deviceId('00001');

/** Which of the two interfaces snapshots are taken by. Found out once, by a read. */
export class SnapVxChoice {
  readonly #unisphere: Unisphere;
  readonly #setting: SnapVxApiSetting;
  #found: Promise<SnapVxApi> | undefined;

  constructor(unisphere: Unisphere, setting: SnapVxApiSetting) {
    this.#unisphere = unisphere;
    this.#setting = setting;
  }

  of(signal: AbortSignal): Promise<SnapVxApi> {
    if (this.#setting !== 'auto') return Promise.resolve(this.#setting);
    if (this.#found === undefined) {
      const asked = this.#ask(signal);
      // A question that failed is no answer: the next caller asks again.
      asked.catch(() => {
        if (this.#found === asked) this.#found = undefined;
      });
      this.#found = asked;
    }
    return this.#found;
  }

  /** What an earlier process found out. */
  recall(api: SnapVxApi): void {
    this.#found ??= Promise.resolve(api);
  }

  async #ask(signal: AbortSignal): Promise<SnapVxApi> {
    const { endpoint } = await this.#unisphere.version(signal);
    const path = `/restapi${snapshotsOfDevice(endpoint, this.#unisphere.arrayId, ANY_DEVICE)}`;
    const reply = await this.#unisphere.read(path, signal);
    // A gateway may forbid what is not published, or the server may not have it.
    if (reply.kind === 'refused' && ['no-such-path', 'forbidden'].includes(reply.refusal.kind)) return 'storage-group';
    // That the device is not there says the resource. Any other refusal, as of a session that ended, says nothing: it is no answer.
    bodyIfFound(reply, 'say whether it takes snapshots by device');
    return 'device-list';
  }
}

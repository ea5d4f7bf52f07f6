import { SnaphookError } from '../ports/errors.ts';
import type { DeviceId } from '../ports/identity.ts';
import type { RestoreState, SnapshotOn } from '../ports/storage-array.ts';
import type { Unisphere, WriteRequest } from './client.ts';
import { named, select } from './device-lists.ts';
import { isAboutRights, refusalError, withoutEffect } from './messages.ts';
import { deviceSnapshot, snapshotsOfDevice } from './paths.ts';
import { changeAll } from './repeated-change.ts';
import { bodyIfFound, type Reply } from './reply.ts';
import { asBody, type Body, bodies, count, flag, text, texts } from './schema.ts';
import { SYNCHRONOUS } from './snapvx-wire.ts';

/**
 * Restores on device lists (private resource). Not over storage groups: there the request that ends a restore session also terminates a
 * snapshot that has none, so that one that is sent again after a lost answer could delete the snapshot.
 */
export function createRestores(unisphere: Unisphere, { busyPauseMs }: { readonly busyPauseMs: number }) {
  const send = async (name: string, write: Omit<WriteRequest, 'path'>, signal: AbortSignal): Promise<Reply> => {
    const { endpoint } = await unisphere.version(signal);
    return unisphere.write({ ...write, path: deviceSnapshot(endpoint, unisphere.arrayId, name) }, signal);
  };

  const stateOf = async ({ name, snapId }: SnapshotOn, device: DeviceId, signal: AbortSignal) => {
    const { endpoint } = await unisphere.version(signal);
    const path = `/restapi${snapshotsOfDevice(endpoint, unisphere.arrayId, device)}/${encodeURIComponent(name)}`;
    const what = `snapshot "${name}" of device "${device}"`;
    const found = bodyIfFound(await unisphere.read(path, signal), `show ${what}`);
    const rows = found === undefined ? [] : bodies(asBody(found, what), 'snapshotSrcs', 'snapshotSrc');
    const row = rows.find(
      (one) =>
        text(one, 'snapshotName', 'snapshot_name') === name &&
        (snapId === undefined || count(one, 'snap_id', 'snapId', 'snapid') === snapId),
    );
    return row === undefined ? 'none' : restoreStateOf(row, device);
  };

  const states = (snapshot: SnapshotOn, signal: AbortSignal): Promise<readonly RestoreState[]> =>
    Promise.all(snapshot.devices.map((device) => stateOf(snapshot, device, signal)));

  return {
    states,

    async restore(snapshot: SnapshotOn, signal: AbortSignal): Promise<void> {
      const { name, devices } = snapshot;
      const body = {
        action: 'Restore',
        deviceNameListSource: named(devices),
        deviceNameListTarget: named(devices),
        ...select(snapshot),
        force: false,
        star: false,
        ...SYNCHRONOUS,
      };
      const reply = await send(name, { method: 'PUT', body, tellBusy: true }, signal);
      if (reply.kind === 'done') return;
      // A second request is refused while the session of the first is there.
      if ((await states(snapshot, signal)).every((state) => state !== 'none')) return;
      throw refusalError(reply.refusal, `restore snapshot "${name}" to ${devices.length} devices`);
    },

    async end(snapshot: SnapshotOn, signal: AbortSignal): Promise<void> {
      const { name, snapId } = snapshot;
      const withSession = async (devices: readonly DeviceId[]) => {
        const shown = await states({ name, snapId, devices }, signal);
        return devices.filter((_, index) => shown[index] !== 'none');
      };
      const action = (of: number) => `end the restore of snapshot "${name}" to ${of} devices`;
      await changeAll(
        await withSession(snapshot.devices),
        {
          action,
          isAboutState: (refusal) => !isAboutRights(refusal),
          send(devices) {
            // `restore`: the session alone. Without it this request would terminate a snapshot whose session has ended.
            const body = {
              deviceNameListSource: named(devices),
              ...select(snapshot),
              restore: true,
              symforce: false,
              star: false,
              force: false,
              ...SYNCHRONOUS,
            };
            return send(name, { method: 'DELETE', body, tellBusy: true }, signal);
          },
          readBack: withSession,
          async stuck(refusal, devices) {
            throw refusalError(withoutEffect(refusal), action(devices.length));
          },
        },
        { clock: unisphere.clock, firstPauseMs: busyPauseMs },
        signal,
      );
    },
  };
}

/** A restore session shows as a link of the source to itself. */
export const isRestoreSession = (link: Body, device: DeviceId): boolean =>
  text(link, 'targetDevice', 'target_device')?.toUpperCase() === device;

/** TimeFinder's word for it in Solutions Enabler. Whether a snapshot of Unisphere ever has it as its state is not published. */
export const isWritingBack = (snapshot: Body): boolean =>
  texts(snapshot, 'state').some((state) => /^rest(ore)?inprog/i.test(state));

/**
 * That the state of a session is `Restored` when all is written back is what a shipping client waits for (OpenStack Cinder); what it is
 * before, is not published.
 */
function restoreStateOf(snapshot: Body, device: DeviceId): RestoreState {
  const session = bodies(snapshot, 'linkedDevices', 'linkedDevice').find((link) => isRestoreSession(link, device));
  if (session) return /^restored$/i.test(text(session, 'state') ?? '') ? 'restored' : 'running';
  if (isWritingBack(snapshot)) return 'running';
  const isRestored = texts(snapshot, 'state').some((state) => /^restored$/i.test(state));
  return isRestored || flag(snapshot, 'isRestored', 'restored') ? 'restored' : 'none';
}

export const notByGroups = ({ name }: SnapshotOn): SnaphookError =>
  new SnaphookError('E_ARRAY_REFUSED', `snapshot "${name}" is not written back by storage groups`, {
    hint: 'Allow `snapVxApi: device-list` for the array, or restore the snapshot in Unisphere.',
  });

import type { EventLog } from '../../world/events.ts';
import type { ScsiLunInventory } from '../inventory.ts';
import { datastoreBrowser, isMountedOn } from '../properties/datastore-properties.ts';
import { hostsMounting } from './inventory-tree.ts';
import { datastoresOf, type Model, vmsOf } from './model.ts';
import type { DatastoreRecord, HostRecord } from './records.ts';
import { type HostView, seesVolumeOf, usableDevices } from './unresolved-volumes.ts';

/**
 * The host looks which devices it reaches. New ones appear; one that is gone disappears, unless it was in use and not detached:
 * then it stays as dead (all paths down), which is what hangs a host.
 */
export function rescanAdapters(view: HostView, events: EventLog): void {
  const { host, model } = view;
  const reached = view.paths.reached(host.name);
  if (reached === undefined) return;
  const before = new Map(host.spec.scsiLuns.map((lun) => [lun.canonicalName, lun]));
  const present = new Set(reached.map(({ canonicalName }) => canonicalName));
  const state = (canonicalName: string) => [host.detachedLuns.has(canonicalName) ? 'off' : 'ok'];
  const found = reached.map(({ canonicalName, lun, content }): ScsiLunInventory => {
    const known = before.get(canonicalName) ?? { canonicalName, capacityBytes: content.sizeBytes, lun };
    return { ...known, operationalState: state(canonicalName) };
  });
  const dead = [...before.values()].filter(
    ({ canonicalName }) => !present.has(canonicalName) && isInUse(model, host, canonicalName),
  );
  for (const { canonicalName } of dead) events.add('vcenter', 'effect', 'all-paths-down', canonicalName);
  const order = [...before.keys()];
  const place = ({ canonicalName }: ScsiLunInventory) => {
    const at = order.indexOf(canonicalName);
    return at < 0 ? order.length : at;
  };
  const scsiLuns = [...found, ...dead.map((lun) => ({ ...lun, operationalState: ['lostCommunication'] }))];
  host.spec = { ...host.spec, scsiLuns: scsiLuns.sort((a, b) => place(a) - place(b)) };
  model.changes.announce();
}

/** A mounted volume, or a raw device of a VM, has it open. */
export function isInUse(model: Model, host: HostRecord, canonicalName: string): boolean {
  if (host.detachedLuns.has(canonicalName)) return false;
  return (
    datastoresOf(model).some(
      (datastore) =>
        datastore.spec.type === 'VMFS' &&
        datastore.spec.extents.includes(canonicalName) &&
        hostsMounting(datastore).includes(host) &&
        isMountedOn(host, datastore),
    ) ||
    vmsOf(model).some(
      (vm) =>
        vm.host === host &&
        vm.spec.disks.some(
          ({ backing }) =>
            backing.kind === 'rdm' && backing.lunUuid.includes(canonicalName.replace(/^(naa|eui)\./, '')),
        ),
    )
  );
}

/** The host looks which volumes its devices hold: those it can read no more are inaccessible, unmounted ones are forgotten. */
export function rescanVolumes(view: HostView): void {
  const { host, model } = view;
  host.searchedLuns = new Set(usableDevices(view).map(({ canonicalName }) => canonicalName));
  for (const datastore of datastoresOf(model)) {
    const { spec } = datastore;
    if (spec.type !== 'VMFS' || !hostsMounting(datastore).includes(host)) continue;
    const sees = seesVolumeOf(view, datastore);
    if (sees === undefined) continue;
    if (sees || isMountedOn(host, datastore)) datastore.spec = { ...spec, accessible: sees };
    else withoutHost(model, datastore, host);
  }
  model.changes.announce();
}

function withoutHost(model: Model, datastore: DatastoreRecord, host: HostRecord): void {
  const hosts = hostsMounting(datastore).filter((other) => other !== host);
  datastore.spec = { ...datastore.spec, hosts: hosts.map(({ name }) => name) };
  if (hosts.length > 0) return;
  const folder = datastore.parent;
  if (folder?.type === 'Folder') folder.children.splice(folder.children.indexOf(datastore), 1);
  model.entities.delete(datastore.id);
  for (const id of [datastore.id, datastoreBrowser(datastore).id]) model.objects.delete(id);
  for (const path of [...model.unregistered.keys()]) {
    if (path.startsWith(`[${datastore.name}] `)) model.unregistered.delete(path);
  }
}

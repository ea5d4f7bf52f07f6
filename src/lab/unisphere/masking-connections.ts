import { okAnswer } from './answers.ts';
import { findNamed, type Initiator, type MaskingView } from './array-config.ts';
import { capacityOf } from './device-identity.ts';
import { initiatorType } from './initiators.ts';
import type { LabArray } from './lab-array.ts';
import { viewIn } from './masking-views.ts';
import { type FilterTable, passesFilters } from './query-filters.ts';
import { arrayOf, type Handler, param } from './rest-call.ts';

interface Connection {
  readonly volumeId: string;
  readonly host_lun_address?: string;
  readonly cap_gb: string;
  readonly initiatorId: string;
  readonly alias?: string;
  readonly dir_port: string;
  readonly logged_in: boolean;
  readonly on_fabric: boolean;
}

const FILTERS: FilterTable<undefined, Connection> = {
  host_lun_address: (_none, row) => row.host_lun_address,
  initiator_id: (_none, row) => row.initiatorId,
  dir_port: (_none, row) => row.dir_port,
  logged_in: (_none, row) => row.logged_in,
  on_fabric: (_none, row) => row.on_fabric,
};

const hexLun = (lun: number): string => lun.toString(16).toUpperCase().padStart(4, '0');

/** `GET .../maskingview/{mv}/connections?volume_id=`: one row per initiator and port. */
export const getConnections: Handler = (call) => {
  const array = arrayOf(call);
  const view = viewIn(array, param(call, 'view'));
  const lagMs = call.unisphere.pace.scaledMs(array.knobs.lunAddressLagMs);
  const devices = call.query.getAll('volume_id').map((id) => id.toUpperCase());
  const rows = view.luns.flatMap((row) => {
    if (devices.length > 0 && !devices.includes(row.device)) return [];
    const age = array.maskedForMs(view.id, row.device);
    // Right after masking there is nothing, then rows without address.
    if (age < lagMs / 2) return [];
    return initiatorsOf(array, row.host).flatMap((one) => rowsOf(array, view, row, one, age >= lagMs));
  });
  return okAnswer({
    maskingViewConnection: rows.filter((row) => passesFilters(FILTERS, undefined, row, call.query)),
  });
};

const initiatorsOf = (array: LabArray, host: string): readonly Initiator[] =>
  (findNamed(array.config.hosts, host)?.initiators ?? []).flatMap(
    (id) => array.config.initiators.find((one) => one.id === id) ?? [],
  );

function rowsOf(
  array: LabArray,
  view: MaskingView,
  row: MaskingView['luns'][number],
  initiator: Initiator,
  hasAddress: boolean,
): readonly Connection[] {
  const ports = findNamed(array.config.portGroups, view.portGroup)?.ports ?? [];
  return ports.map(({ director, port }) => ({
    volumeId: row.device,
    ...(hasAddress && { host_lun_address: hexLun(row.lun) }),
    cap_gb: capacityOf(array.device(row.device)?.cylinders ?? 0).gb.toFixed(1),
    initiatorId: initiator.id,
    ...(initiatorType(initiator.id) === 'Fibre' && { alias: `${initiator.id}/${initiator.id}` }),
    dir_port: `${director}:${port}`,
    logged_in: initiator.loggedIn && initiator.ports.some((one) => one.director === director && one.port === port),
    on_fabric: initiator.onFabric,
  }));
}

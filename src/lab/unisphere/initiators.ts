import { okAnswer } from './answers.ts';
import { type ArrayConfig, type Initiator, sameName } from './array-config.ts';
import { notFound } from './messages.ts';
import { membersOf } from './presentation.ts';
import { type FilterTable, passesFilters } from './query-filters.ts';
import { arrayOf, type Handler, param } from './rest-call.ts';

const isIqn = (id: string): boolean => id.toLowerCase().startsWith('iqn.');

const isNqn = (id: string): boolean => id.toLowerCase().startsWith('nqn.');

/** How an NVMe initiator's type is spelled is not published: as its port groups are. */
export const initiatorType = (id: string): 'Fibre' | 'iSCSI' | 'NVMe_TCP' =>
  isNqn(id) ? 'NVMe_TCP' : isIqn(id) ? 'iSCSI' : 'Fibre';

/** Without the `director:port:` in front; WWPNs in lower case. */
export function bareInitiator(text: string): string {
  const bare = /^[A-Z]{2}-\w+:\w+:(.+)$/.exec(text)?.[1] ?? text;
  return isIqn(bare) || isNqn(bare) ? bare : bare.toLowerCase();
}

const hostOf = (config: ArrayConfig, id: string): string | undefined =>
  config.hosts.find((host) => host.initiators.includes(id))?.id;

const FILTERS: FilterTable<ArrayConfig, Initiator> = {
  initiator_hba: (_config, initiator) => initiator.id,
  in_a_host: (config, initiator) => hostOf(config, initiator.id) !== undefined,
  initiator_hosts: (config, initiator) => hostOf(config, initiator.id),
  logged_in: (_config, initiator) => initiator.loggedIn,
  on_fabric: (_config, initiator) => initiator.onFabric,
  iscsi: (_config, initiator) => isIqn(initiator.id),
  fibre: (_config, initiator) => initiatorType(initiator.id) === 'Fibre',
};

/** One entry per array port the initiator has logged in to. */
const wireIds = (initiator: Initiator): readonly string[] =>
  initiator.ports.length === 0
    ? [initiator.id]
    : initiator.ports.map(({ director, port }) => `${director}:${port}:${initiator.id}`);

export const listInitiators: Handler = (call) => {
  const { config } = arrayOf(call);
  const initiators = config.initiators.filter((one) => passesFilters(FILTERS, config, one, call.query));
  return okAnswer({ initiatorId: initiators.flatMap(wireIds) });
};

/** A Fibre Channel id needs its `director:port:`; an IQN may come without. */
export const getInitiator: Handler = (call) => {
  const array = arrayOf(call);
  const { config } = array;
  const wanted = param(call, 'initiator');
  const initiator = config.initiators.find(
    (one) => wireIds(one).some((id) => sameName(id, wanted)) || (isIqn(wanted) && sameName(one.id, wanted)),
  );
  if (!initiator) throw notFound('Initiator', wanted, array.id);
  const named = initiator.ports.filter(({ director, port }) => sameName(`${director}:${port}:${initiator.id}`, wanted));
  const ports = named.length > 0 ? named : initiator.ports;
  const host = hostOf(config, initiator.id);
  const groups = config.hostGroups.filter(
    (group) => host !== undefined && group.hosts.some((one) => sameName(one, host)),
  );
  const views = config.maskingViews.filter(
    (view) =>
      (view.host !== undefined && host !== undefined && sameName(view.host, host)) ||
      groups.some((group) => view.hostGroup !== undefined && sameName(view.hostGroup, group.id)),
  );
  const volumes = new Set(
    views.flatMap((view) => {
      const group = config.storageGroups.find((one) => sameName(one.id, view.storageGroup));
      return group ? membersOf(config, group) : [];
    }),
  );
  return okAnswer({
    initiatorId: initiator.id,
    symmetrixPortKey: ports.map(({ director, port }) => ({ directorId: director, portId: port })),
    alias: initiatorType(initiator.id) !== 'Fibre' ? undefined : `${initiator.id}/${initiator.id}`,
    type: initiatorType(initiator.id),
    host,
    hostGroup: groups.length > 0 ? groups.map((group) => group.id) : undefined,
    maskingview: views.length > 0 ? views.map((view) => view.id) : undefined,
    num_of_host_groups: groups.length,
    num_of_masking_views: views.length,
    num_of_vols: volumes.size,
    num_of_powerpath_hosts: 0,
    logged_in: initiator.loggedIn,
    on_fabric: initiator.onFabric,
    port_flags_override: false,
    flags_in_effect: 'Common_Serial_Number(C), SCSI_3(SC3), SPC2_Protocol_Version(SPC2), SCSI_Support1(OS2007)',
  });
};

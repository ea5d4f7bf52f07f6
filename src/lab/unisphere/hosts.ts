import { createdAnswer, noContentAnswer, okAnswer } from './answers.ts';
import { type ArrayConfig, findNamed, type Host, type HostGroup, sameName } from './array-config.ts';
import { bareInitiator, initiatorType } from './initiators.ts';
import type { LabArray } from './lab-array.ts';
import { flagOf, requiredText, textsOf } from './lenient-fields.ts';
import { alreadyExists, initiatorInUse, malformed, notFound, Refusal } from './messages.ts';
import { type FilterTable, passesFilters } from './query-filters.ts';
import { arrayOf, controlledArrayOf, type Handler, param, perform } from './rest-call.ts';
import { checkName } from './storage-group-config.ts';

const orAbsent = (names: readonly string[]): readonly string[] | undefined => (names.length > 0 ? names : undefined);

const viewsOfHost = (config: ArrayConfig, host: string): readonly string[] =>
  config.maskingViews.filter((view) => view.host !== undefined && sameName(view.host, host)).map((view) => view.id);
const viewsOfHostGroup = (config: ArrayConfig, group: string): readonly string[] =>
  config.maskingViews
    .filter((view) => view.hostGroup !== undefined && sameName(view.hostGroup, group))
    .map((view) => view.id);
const groupsOfHost = (config: ArrayConfig, host: string): readonly string[] =>
  config.hostGroups.filter((group) => group.hosts.some((one) => sameName(one, host))).map((group) => group.id);

function hostBody(config: ArrayConfig, host: Host): unknown {
  const views = viewsOfHost(config, host.id);
  const groups = groupsOfHost(config, host.id);
  return {
    hostId: host.id,
    num_of_initiators: host.initiators.length,
    num_of_host_groups: groups.length,
    num_of_masking_views: views.length,
    num_of_powerpath_hosts: 0,
    initiator: orAbsent(host.initiators),
    hostgroup: orAbsent(groups),
    maskingview: orAbsent(views),
    type: initiatorType(host.initiators[0] ?? ''),
    consistent_lun: host.consistentLun,
    port_flags_override: false,
    enabled_flags: '',
    disabled_flags: '',
  };
}

const HOST_FILTERS: FilterTable<ArrayConfig, Host> = {
  hostId: (_config, host) => host.id,
  initiator_name: (_config, host) => host.initiators,
  num_of_initiators: (_config, host) => host.initiators.length,
  num_of_masking_views: (config, host) => viewsOfHost(config, host.id).length,
  num_of_host_groups: (config, host) => groupsOfHost(config, host.id).length,
  host_group_name: (config, host) => groupsOfHost(config, host.id),
};

export const listHosts: Handler = (call) => {
  const { config } = arrayOf(call);
  const hosts = config.hosts.filter((host) => passesFilters(HOST_FILTERS, config, host, call.query));
  return okAnswer({ hostId: hosts.map((host) => host.id) });
};

function hostIn(array: LabArray, id: string): Host {
  const host = findNamed(array.config.hosts, id);
  if (!host) throw notFound('Host', id, array.id);
  return host;
}

export const getHost: Handler = (call) => {
  const array = arrayOf(call);
  return okAnswer(hostBody(array.config, hostIn(array, param(call, 'host'))));
};

/** Initiators the array has not seen yet are taken on trust, as not logged in. */
export function addHost(config: ArrayConfig, host: Host): void {
  checkName(host.id);
  if (findNamed(config.hosts, host.id)) throw alreadyExists('host');
  for (const initiator of host.initiators) {
    if (config.hosts.some((other) => other.initiators.includes(initiator))) throw initiatorInUse(initiator);
    if (!config.initiators.some((known) => known.id === initiator))
      config.initiators.push({ id: initiator, ports: [], loggedIn: false, onFabric: false });
  }
  config.hosts.push(host);
}

export const createHost: Handler = (call) => {
  const array = controlledArrayOf(call);
  const id = requiredText(call.body, 'hostId');
  if (findNamed(array.config.hosts, id)) throw alreadyExists('host');
  const host = {
    id,
    initiators: textsOf(call.body, 'initiatorId').map(bareInitiator),
    consistentLun: flagOf(call.body, 'consistent_lun'),
  };
  return perform(call, {
    array,
    name: `Create Host ${id}`,
    problem: 'creating the host resource',
    devices: [],
    masking: true,
    run: () => {
      array.change((config) => addHost(config, host));
      return {
        answer: createdAnswer(hostBody(array.config, hostIn(array, id))),
        tasks: [`Create Host [${id}]`],
        resourceLink: `host/${id}`,
      };
    },
  });
};

export const deleteHost: Handler = (call) => {
  const array = controlledArrayOf(call);
  const { id } = hostIn(array, param(call, 'host'));
  return perform(call, {
    array,
    name: `Delete Host ${id}`,
    problem: 'deleting the host resource',
    devices: [],
    masking: true,
    run: () => {
      if (viewsOfHost(array.config, id).length + groupsOfHost(array.config, id).length > 0)
        throw new Refusal(500, 'The host cannot be deleted because it is in use by a masking view or a host group');
      array.change((config) => {
        config.hosts = config.hosts.filter((host) => !sameName(host.id, id));
      });
      return { answer: noContentAnswer };
    },
  });
};

function hostGroupBody(config: ArrayConfig, group: HostGroup): unknown {
  const hosts = group.hosts.flatMap((id) => findNamed(config.hosts, id) ?? []);
  const views = viewsOfHostGroup(config, group.id);
  return {
    hostGroupId: group.id,
    num_of_hosts: hosts.length,
    num_of_initiators: hosts.reduce((total, host) => total + host.initiators.length, 0),
    num_of_masking_views: views.length,
    host: hosts.map((host) => ({ hostId: host.id, initiator: orAbsent(host.initiators) })),
    maskingview: orAbsent(views),
    type: initiatorType(hosts[0]?.initiators[0] ?? ''),
    consistent_lun: group.consistentLun,
    port_flags_override: false,
    enabled_flags: '',
    disabled_flags: '',
  };
}

export const listHostGroups: Handler = (call) =>
  okAnswer({ hostGroupId: arrayOf(call).config.hostGroups.map((group) => group.id) });

function hostGroupIn(array: LabArray, id: string): HostGroup {
  const group = findNamed(array.config.hostGroups, id);
  if (!group) throw notFound('Host Group', id, array.id);
  return group;
}

export const getHostGroup: Handler = (call) => {
  const array = arrayOf(call);
  return okAnswer(hostGroupBody(array.config, hostGroupIn(array, param(call, 'hostgroup'))));
};

export const createHostGroup: Handler = (call) => {
  const array = controlledArrayOf(call);
  const id = requiredText(call.body, 'hostGroupId');
  checkName(id);
  if (findNamed(array.config.hostGroups, id)) throw alreadyExists('host group');
  const hosts = textsOf(call.body, 'hostId');
  if (hosts.length === 0) throw malformed('The required attribute hostId is missing');
  return perform(call, {
    array,
    name: `Create Host Group ${id}`,
    problem: 'creating the host group resource',
    devices: [],
    masking: true,
    run: () => {
      const known = hosts.map((host) => hostIn(array, host).id);
      array.change((config) => {
        config.hostGroups.push({ id, hosts: known, consistentLun: flagOf(call.body, 'consistent_lun') });
      });
      return {
        answer: createdAnswer(hostGroupBody(array.config, hostGroupIn(array, id))),
        resourceLink: `hostgroup/${id}`,
      };
    },
  });
};

export const deleteHostGroup: Handler = (call) => {
  const array = controlledArrayOf(call);
  const { id } = hostGroupIn(array, param(call, 'hostgroup'));
  return perform(call, {
    array,
    name: `Delete Host Group ${id}`,
    problem: 'deleting the host group resource',
    devices: [],
    masking: true,
    run: () => {
      if (viewsOfHostGroup(array.config, id).length > 0)
        throw new Refusal(500, 'The host group cannot be deleted because it is in use by a masking view');
      array.change((config) => {
        config.hostGroups = config.hostGroups.filter((group) => !sameName(group.id, id));
      });
      return { answer: noContentAnswer };
    },
  });
};

import { createdAnswer, noContentAnswer, okAnswer } from './answers.ts';
import { type ArrayConfig, findNamed, type PortGroup, sameName } from './array-config.ts';
import type { LabArray } from './lab-array.ts';
import { blocksOf, type Fields, requiredText, textOf } from './lenient-fields.ts';
import { alreadyExists, malformed, notFound, Refusal } from './messages.ts';
import { type FilterTable, passesFilters } from './query-filters.ts';
import { arrayOf, controlledArrayOf, type Handler, param, perform } from './rest-call.ts';
import { checkName } from './storage-group-config.ts';

const viewsOfPorts = (config: ArrayConfig, id: string): readonly string[] =>
  config.maskingViews.filter((view) => sameName(view.portGroup, id)).map((view) => view.id);

const TYPES: Readonly<Record<PortGroup['protocol'], string>> = {
  SCSI_FC: 'Fibre',
  NVMe_FC: 'Fibre',
  iSCSI: 'iSCSI',
  NVMe_TCP: 'NVMe_TCP',
};

function portGroupBody(array: LabArray, group: PortGroup): unknown {
  const views = viewsOfPorts(array.config, group.id);
  return {
    portGroupId: group.id,
    symmetrixPortKey: group.ports.map(({ director, port }) => ({ directorId: director, portId: port })),
    num_of_ports: group.ports.length,
    num_of_masking_views: views.length,
    type: TYPES[group.protocol],
    port_group_protocol: array.isV4 ? group.protocol : undefined,
    maskingview: views.length > 0 ? views : undefined,
  };
}

const FILTERS: FilterTable<ArrayConfig, PortGroup> = {
  portGroupId: (_config, group) => group.id,
  num_of_ports: (_config, group) => group.ports.length,
  num_of_masking_views: (config, group) => viewsOfPorts(config, group.id).length,
  fibre: (_config, group) => TYPES[group.protocol] === 'Fibre',
  iscsi: (_config, group) => group.protocol === 'iSCSI',
  dir_port: (_config, group) => group.ports.map(({ director, port }) => `${director}:${port}`),
};

export const listPortGroups: Handler = (call) => {
  const { config } = arrayOf(call);
  const groups = config.portGroups.filter((group) => passesFilters(FILTERS, config, group, call.query));
  return okAnswer({ portGroupId: groups.map((group) => group.id) });
};

function portGroupIn(array: LabArray, id: string): PortGroup {
  const group = findNamed(array.config.portGroups, id);
  if (!group) throw notFound('Port Group', id, array.id);
  return group;
}

export const getPortGroup: Handler = (call) => {
  const array = arrayOf(call);
  return okAnswer(portGroupBody(array, portGroupIn(array, param(call, 'portgroup'))));
};

const PROTOCOLS: readonly PortGroup['protocol'][] = ['SCSI_FC', 'iSCSI', 'NVMe_FC', 'NVMe_TCP'];

/** The protocol is told (V4) or follows from the kind of director (V3). */
export function parsePortGroup(fields: Fields): PortGroup {
  const id = requiredText(fields, 'portGroupId');
  const ports = blocksOf(fields, 'symmetrixPortKey').map((key) => ({
    director: requiredText(key, 'directorId'),
    port: requiredText(key, 'portId'),
  }));
  const told = textOf(fields, 'port_group_protocol');
  const protocol = told
    ? PROTOCOLS.find((one) => sameName(one, told))
    : ports[0]?.director.startsWith('SE-')
      ? 'iSCSI'
      : 'SCSI_FC';
  if (!protocol) throw malformed(`The port_group_protocol ${told} is not valid`);
  return { id, protocol, ports };
}

export function addPortGroup(config: ArrayConfig, group: PortGroup): void {
  checkName(group.id);
  if (findNamed(config.portGroups, group.id)) throw alreadyExists('port group');
  config.portGroups.push(group);
}

export const createPortGroup: Handler = (call) => {
  const array = controlledArrayOf(call);
  const group = parsePortGroup(call.body);
  if (findNamed(array.config.portGroups, group.id)) throw alreadyExists('port group');
  return perform(call, {
    array,
    name: `Create PG ${group.id}`,
    problem: 'creating the port group resource',
    devices: [],
    masking: true,
    run: () => {
      array.change((config) => addPortGroup(config, group));
      const ports = group.ports.map(({ director, port }) => `[${director}:${port}]`).join('');
      return {
        answer: createdAnswer(portGroupBody(array, group)),
        tasks: [`Create Port Group [${group.id}] with the following Ports: ${ports}`],
        resourceLink: `portgroup/${group.id}`,
      };
    },
  });
};

export const deletePortGroup: Handler = (call) => {
  const array = controlledArrayOf(call);
  const { id } = portGroupIn(array, param(call, 'portgroup'));
  return perform(call, {
    array,
    name: `Delete PG ${id}`,
    problem: 'deleting the port group resource',
    devices: [],
    masking: true,
    run: () => {
      if (viewsOfPorts(array.config, id).length > 0)
        throw new Refusal(500, 'The port group cannot be deleted because it is in use by a masking view');
      array.change((config) => {
        config.portGroups = config.portGroups.filter((group) => !sameName(group.id, id));
      });
      return { answer: noContentAnswer };
    },
  });
};

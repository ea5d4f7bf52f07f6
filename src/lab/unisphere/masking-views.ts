import { createdAnswer, noContentAnswer, okAnswer } from './answers.ts';
import { type ArrayConfig, findNamed, type MaskingView, sameName } from './array-config.ts';
import { addHost } from './hosts.ts';
import { bareInitiator } from './initiators.ts';
import type { LabArray } from './lab-array.ts';
import { blockOf, type Fields, requiredText, textOf, textsOf } from './lenient-fields.ts';
import { alreadyExists, malformed, notFound, Refusal } from './messages.ts';
import { addPortGroup, parsePortGroup } from './port-groups.ts';
import { membersOf } from './presentation.ts';
import { type FilterTable, passesFilters } from './query-filters.ts';
import { arrayOf, controlledArrayOf, type Handler, param, perform } from './rest-call.ts';
import { checkMaskedOnce, checkName, groupIn } from './storage-group-config.ts';

const FILTERS: FilterTable<ArrayConfig, MaskingView> = {
  maskingViewId: (_config, view) => view.id,
  masking_view_name: (_config, view) => view.id,
  storage_group_name: (_config, view) => view.storageGroup,
  host_or_host_group_name: (_config, view) => view.host ?? view.hostGroup,
  host_name: (_config, view) => view.host,
  host_group_name: (_config, view) => view.hostGroup,
  port_group_name: (_config, view) => view.portGroup,
  protocol_endpoint_masking_view: (config, view) =>
    findNamed(config.storageGroups, view.storageGroup)?.volumes.some((id) => config.protocolEndpoints.includes(id)) ??
    false,
};

export const listMaskingViews: Handler = (call) => {
  const { config } = arrayOf(call);
  const views = config.maskingViews.filter((view) => passesFilters(FILTERS, config, view, call.query));
  return okAnswer({ maskingViewId: views.map((view) => view.id) });
};

export function viewIn(array: LabArray, id: string): MaskingView {
  const view = findNamed(array.config.maskingViews, id);
  if (!view) throw notFound('Masking View', id, array.id);
  return view;
}

const maskingViewBody = (view: MaskingView): unknown => ({
  maskingViewId: view.id,
  hostId: view.host,
  hostGroupId: view.hostGroup,
  portGroupId: view.portGroup,
  storageGroupId: view.storageGroup,
});

export const getMaskingView: Handler = (call) => okAnswer(maskingViewBody(viewIn(arrayOf(call), param(call, 'view'))));

/** Finds or makes one part of a view; returns what to record. */
type Part<T> = (config: ArrayConfig) => T;

function hostPart(array: LabArray, selection: Fields): Part<Pick<MaskingView, 'host' | 'hostGroup'>> {
  const host = blockOf(selection, 'useExistingHostParam');
  const group = blockOf(selection, 'useExistingHostGroupParam');
  const created = blockOf(selection, 'createHostParam');
  if (host) {
    const id = requiredText(host, 'hostId');
    return (config) => ({ host: existing(config.hosts, id, 'Host', array.id) });
  }
  if (group) {
    const id = requiredText(group, 'hostGroupId');
    return (config) => ({ hostGroup: existing(config.hostGroups, id, 'Host Group', array.id) });
  }
  if (created) {
    const id = requiredText(created, 'hostId');
    const initiators = textsOf(created, 'initiatorId').map(bareInitiator);
    return (config) => {
      addHost(config, { id, initiators, consistentLun: false });
      return { host: id };
    };
  }
  throw malformed('No known host or host group in hostOrHostGroupSelection');
}

function portPart(array: LabArray, selection: Fields): Part<string> {
  const known = blockOf(selection, 'useExistingPortGroupParam');
  const created = blockOf(selection, 'createPortGroupParam');
  if (known) {
    const id = requiredText(known, 'portGroupId');
    return (config) => existing(config.portGroups, id, 'Port Group', array.id);
  }
  if (created) {
    const group = parsePortGroup(created);
    return (config) => {
      addPortGroup(config, group);
      return group.id;
    };
  }
  throw malformed('No known port group in portGroupSelection');
}

function existing(items: readonly { readonly id: string }[], id: string, what: string, arrayId: string): string {
  const item = findNamed(items, id);
  if (!item) throw notFound(what, id, arrayId);
  return item.id;
}

function selection(body: Fields, key: string): Fields {
  const block = blockOf(body, key);
  if (!block) throw malformed(`The required attribute ${key} is missing`);
  return block;
}

export const createMaskingView: Handler = (call) => {
  const array = controlledArrayOf(call);
  const id = requiredText(call.body, 'maskingViewId');
  checkName(id);
  if (findNamed(array.config.maskingViews, id)) throw alreadyExists('masking view');
  const hosts = hostPart(array, selection(call.body, 'hostOrHostGroupSelection'));
  const ports = portPart(array, selection(call.body, 'portGroupSelection'));
  const known = blockOf(selection(call.body, 'storageGroupSelection'), 'useExistingStorageGroupParam');
  if (!known) throw malformed('No known storage group in storageGroupSelection');
  const storageGroup = requiredText(known, 'storageGroupId');
  const start = textOf(call.body, 'starting_lun_address');
  return perform(call, {
    array,
    name: `Create Masking View ${id}`,
    problem: 'creating the masking view resource',
    devices: [],
    masking: true,
    run: () => {
      array.change((config) => {
        if (findNamed(config.maskingViews, id)) throw alreadyExists('masking view');
        const group = groupIn(config, storageGroup, array.id);
        const members = membersOf(config, group);
        if (members.length === 0) throw new Refusal(500, 'The storage group of a masking view cannot be empty');
        config.maskingViews.push({
          id,
          ...hosts(config),
          portGroup: ports(config),
          storageGroup: group.id,
          ...(start !== undefined && { startingLun: Number.parseInt(start, 16) }),
          luns: [],
        });
        checkMaskedOnce(config, members);
      });
      return {
        answer: createdAnswer(maskingViewBody(viewIn(array, id))),
        tasks: [`Create Masking View [${id}]`],
        resourceLink: `maskingview/${id}`,
      };
    },
  });
};

export const deleteMaskingView: Handler = (call) => {
  const array = controlledArrayOf(call);
  const { id } = viewIn(array, param(call, 'view'));
  return perform(call, {
    array,
    name: `Delete Masking View ${id}`,
    problem: 'deleting the masking view resource',
    devices: [],
    masking: true,
    run: () => {
      array.change((config) => {
        config.maskingViews = config.maskingViews.filter((view) => !sameName(view.id, id));
      });
      return { answer: noContentAnswer, tasks: [`Delete Masking View [${id}]`] };
    },
  });
};

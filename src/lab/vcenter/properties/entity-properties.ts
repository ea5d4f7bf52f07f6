import { shownName } from '../model/inventory-tree.ts';
import type { PropertyReaders } from '../model/managed-object.ts';
import type { Model } from '../model/model.ts';
import type { EntityRecord } from '../model/records.ts';
import { data, type Reference, reference, type VimValue } from '../wire/vim-values.ts';

export function refOf(record: { readonly type: string; readonly id: string }): Reference {
  return reference(record.type, record.id);
}

/** What every entity of the inventory shows. */
export function entityReaders(record: EntityRecord, model: Model): PropertyReaders {
  return {
    parent: () => (record.parent ? refOf(record.parent) : undefined),
    name: () => shownName(record.name),
    overallStatus: () => 'green',
    configStatus: () => 'green',
    configIssue: () => [],
    effectiveRole: () => [-1],
    disabledMethod: () => [],
    recentTask: () => (model.recentTasks.get(record.id) ?? []).map((id) => reference('Task', id)),
    declaredAlarmState: () => [],
    triggeredAlarmState: () => [],
    alarmActionsEnabled: () => true,
    tag: () => [],
    customValue: () => customValues(record, model),
    value: () => customValues(record, model),
    availableField: () => customFieldDefinitions(model),
  };
}

export function customFieldDefinitions(model: Model): readonly VimValue[] {
  return model.customFields.map((field) =>
    data('CustomFieldDef', { key: field.key, name: field.name, type: 'string', managedObjectType: 'VirtualMachine' }),
  );
}

export function customValues(record: EntityRecord, model: Model): readonly VimValue[] {
  if (record.type !== 'VirtualMachine') return [];
  return Object.entries(record.spec.customValues ?? {}).flatMap(([name, value]) => {
    const field = model.customFields.find((candidate) => candidate.name === name);
    return field ? [data('CustomFieldStringValue', { key: field.key, value })] : [];
  });
}

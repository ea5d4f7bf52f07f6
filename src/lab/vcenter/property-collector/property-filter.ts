import type { ManagedObject, PropertyReaders } from '../model/managed-object.ts';
import { dataType } from '../schema/schema.ts';
import type { VersionRank } from '../schema/versions.ts';
import { encodeProperty } from '../wire/encode-answer.ts';
import { type AnyValue, anyOf, type DataObject, data, isData, reference } from '../wire/vim-values.ts';
import type { FilterSpec } from './filter-spec.ts';
import { missingSet, type ObjectReading, type ReadingView, readObject } from './read-object.ts';
import { selectObjects } from './select-objects.ts';

const ANY = { name: 'anyType', array: false, reference: false } as const;

interface KnownValue {
  readonly value: AnyValue;
  readonly encoded: string;
}

interface KnownObject {
  readonly type: string;
  readonly values: ReadonlyMap<string, KnownValue>;
}

/** A filter of a collector: remembers what its client has been told, and says what is new. */
export class PropertyFilter implements ManagedObject {
  readonly type = 'PropertyFilter';
  readonly id: string;
  readonly #spec: FilterSpec;
  readonly #partialUpdates: boolean;
  #known = new Map<string, KnownObject>();

  constructor(id: string, spec: FilterSpec, partialUpdates: boolean) {
    this.id = id;
    this.#spec = spec;
    this.#partialUpdates = partialUpdates;
  }

  readers(): PropertyReaders {
    return { spec: () => this.#spec.source, partialUpdates: () => this.#partialUpdates };
  }

  /** The client starts over: it has been told nothing. */
  forget(): void {
    this.#known = new Map();
  }

  /** ObjectUpdates since the last call. */
  updates(view: ReadingView): readonly DataObject[] {
    const updates: DataObject[] = [];
    const now = new Map<string, KnownObject>();
    for (const viewed of selectObjects(this.#spec, view).selected) {
      const reading = readObject(viewed, this.#spec.propSet, view);
      if (!reading) continue;
      const { id, type } = viewed.object;
      const before = this.#known.get(id);
      const known = knownObject(type, reading, view.version);
      now.set(id, known);
      const changeSet = this.#changes(before, known, view.version);
      if (before && changeSet.length === 0) continue;
      updates.push(
        data('ObjectUpdate', {
          kind: before ? 'modify' : 'enter',
          obj: reference(type, id),
          changeSet,
          missingSet: before ? [] : missingSet(reading),
        }),
      );
    }
    for (const [id, { type }] of this.#known) {
      if (!now.has(id)) updates.push(data('ObjectUpdate', { kind: 'leave', obj: reference(type, id) }));
    }
    this.#known = now;
    return updates;
  }

  #changes(before: KnownObject | undefined, now: KnownObject, version: VersionRank): readonly DataObject[] {
    const changes: DataObject[] = [];
    for (const [path, { value, encoded }] of now.values) {
      const old = before?.values.get(path);
      if (old?.encoded === encoded) continue;
      const whole = [data('PropertyChange', { name: path, op: 'assign', val: value })];
      changes.push(...(old && this.#partialUpdates ? partialChanges(path, old.value, value, version) : whole));
    }
    for (const path of before?.values.keys() ?? []) {
      if (!now.values.has(path)) changes.push(data('PropertyChange', { name: path, op: 'assign' }));
    }
    return changes;
  }
}

function knownObject(type: string, reading: ObjectReading, version: VersionRank): KnownObject {
  return {
    type,
    values: new Map(
      [...reading.values].map(([path, value]) => [
        path,
        { value, encoded: encodeProperty('val', ANY, value, version) },
      ]),
    ),
  };
}

/** With partial updates only the changed properties inside a data object are told, by their longer paths. */
function partialChanges(path: string, before: AnyValue, now: AnyValue, version: VersionRank): readonly DataObject[] {
  const [old, current] = [before.value, now.value];
  if (now.type.array || !isData(old) || !isData(current) || old.type !== current.type) {
    return [data('PropertyChange', { name: path, op: 'assign', val: now })];
  }
  return (dataType(current.type)?.ordered ?? []).flatMap((property) => {
    if (property.since > version || property.type.name === 'anyType') return [];
    const nested = `${path}.${property.name}`;
    const [oldField, field] = [old.fields[property.name], current.fields[property.name]];
    if (
      encodeProperty('val', property.type, oldField, version) === encodeProperty('val', property.type, field, version)
    ) {
      return [];
    }
    if (field === undefined) return [data('PropertyChange', { name: nested, op: 'assign' })];
    if (oldField === undefined) {
      return [data('PropertyChange', { name: nested, op: 'assign', val: anyOf(property.type, field) })];
    }
    return partialChanges(nested, anyOf(property.type, oldField), anyOf(property.type, field), version);
  });
}

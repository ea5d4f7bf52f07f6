import type { ChangeFeed } from '../model/change-feed.ts';
import type { ManagedObject, PropertyReaders } from '../model/managed-object.ts';
import { managedType } from '../schema/schema.ts';
import { invalidArgument, managedObjectNotFound, requestCanceled, VimFault } from '../wire/vim-fault.ts';
import { type DataObject, data, type Reference, reference } from '../wire/vim-values.ts';
import type { FilterSpec } from './filter-spec.ts';
import type { PropertyFilter } from './property-filter.ts';
import { objectContent, type ReadingView, readObject } from './read-object.ts';
import { selectObjects, type ViewedObject } from './select-objects.ts';

export interface WaitLimits {
  readonly maxWaitMs: number;
  readonly maxObjectUpdates: number;
}

interface Pending {
  readonly filter: PropertyFilter;
  readonly update: DataObject;
}

interface PageItem {
  readonly viewed: ViewedObject;
  readonly spec: FilterSpec;
}

/** A property collector of one session: filters with their update stream, and retrievals in pages. */
export class Collector implements ManagedObject {
  readonly type = 'PropertyCollector';
  readonly id: string;
  readonly filters = new Map<string, PropertyFilter>();
  readonly #changes: ChangeFeed;
  readonly #pages = new Map<string, { items: readonly PageItem[]; pageSize: number }>();
  readonly #waits = new Set<AbortController>();
  #nextToken = 0;
  #version = 0;
  #pending: Pending[] = [];

  constructor(id: string, changes: ChangeFeed) {
    this.id = id;
    this.#changes = changes;
  }

  readers(): PropertyReaders {
    return { filter: () => [...this.filters.keys()].map((id) => reference('PropertyFilter', id)) };
  }

  /** Everything at once, as the deprecated RetrieveProperties answers. */
  retrieveAll(specs: readonly FilterSpec[], view: ReadingView): readonly DataObject[] {
    return specs.flatMap((spec) => contentsOf(itemsOf(spec, view), view));
  }

  /** The first page; undefined when nothing was selected. */
  retrieve(specs: readonly FilterSpec[], pageSize: number, view: ReadingView): DataObject | undefined {
    const items = specs.flatMap((spec) => itemsOf(spec, view));
    return items.length === 0 ? undefined : this.#page(items, pageSize, view);
  }

  continueRetrieve(token: string, view: ReadingView): DataObject {
    const rest = this.#pages.get(token);
    if (!rest) throw invalidArgument('token');
    this.#pages.delete(token);
    return this.#page(rest.items, rest.pageSize, view);
  }

  cancelRetrieve(token: string): void {
    if (!this.#pages.delete(token)) throw invalidArgument('token');
  }

  /** Undefined: nothing new. */
  check(version: string, maxObjectUpdates: number, view: ReadingView): DataObject | undefined {
    if (version === '') {
      this.#pending = [];
      for (const filter of this.filters.values()) filter.forget();
    } else if (this.#version === 0 || version !== String(this.#version)) {
      throw new VimFault('InvalidCollectorVersion', 'InvalidCollectorVersion');
    }
    if (this.#pending.length === 0) {
      for (const filter of this.filters.values()) {
        this.#pending.push(...filter.updates(view).map((update) => ({ filter, update })));
      }
    }
    if (this.#pending.length === 0 && (version !== '' || this.filters.size === 0)) return undefined;
    const told = this.#pending.splice(0, maxObjectUpdates);
    this.#version += 1;
    return data('UpdateSet', {
      version: String(this.#version),
      filterSet: byFilter(told).map(([filter, entries]) =>
        data('PropertyFilterUpdate', {
          filter: reference('PropertyFilter', filter.id),
          objectSet: entries.map((entry) => entry.update),
        }),
      ),
      truncated: this.#pending.length > 0 ? true : undefined,
    });
  }

  /** Waits for news; undefined when the time is over. Ends with `RequestCanceled` on cancel, and when the client is gone. */
  async wait(
    version: string,
    limits: WaitLimits,
    view: ReadingView,
    clientGone: AbortSignal,
  ): Promise<DataObject | undefined> {
    const deadlineMs = performance.now() + limits.maxWaitMs;
    const cancelled = new AbortController();
    this.#waits.add(cancelled);
    try {
      for (;;) {
        if (cancelled.signal.aborted || clientGone.aborted) throw requestCanceled();
        const update = this.check(version, limits.maxObjectUpdates, view);
        if (update) return update;
        const leftMs = deadlineMs - performance.now();
        if (leftMs <= 0) return undefined;
        await this.#nextChange(leftMs, [cancelled.signal, clientGone]);
      }
    } finally {
      this.#waits.delete(cancelled);
    }
  }

  cancelWaits(): void {
    for (const wait of this.#waits) wait.abort();
  }

  async #nextChange(timeoutMs: number, signals: readonly AbortSignal[]): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        stopListening();
        for (const signal of signals) signal.removeEventListener('abort', end);
        resolve();
      };
      // The longest delay a timer takes; a longer wait simply looks once in between.
      const timer = setTimeout(end, Math.min(timeoutMs, 0x7fffffff));
      const stopListening = this.#changes.onChange(end);
      for (const signal of signals) signal.addEventListener('abort', end);
    });
  }

  #page(items: readonly PageItem[], pageSize: number, view: ReadingView): DataObject {
    const rest = items.slice(pageSize);
    let token: string | undefined;
    if (rest.length > 0) {
      token = String(this.#nextToken);
      this.#nextToken += 1;
      this.#pages.set(token, { items: rest, pageSize });
    }
    return data('RetrieveResult', { token, objects: contentsOf(items.slice(0, pageSize), view) });
  }
}

function itemsOf(spec: FilterSpec, view: ReadingView): readonly PageItem[] {
  const { selected, missing } = selectObjects(spec, view);
  if (!spec.reportMissing) for (const object of missing) throw notFound(object);
  return selected.filter((viewed) => isReported(viewed, spec)).map((viewed) => ({ viewed, spec }));
}

function isReported(viewed: ViewedObject, spec: FilterSpec): boolean {
  for (let type = managedType(viewed.object.type); type; type = type.base) {
    const { name } = type;
    if (spec.propSet.some((entry) => entry.type === name)) return true;
  }
  return false;
}

/** An object that went away since it was selected is left out. */
function contentsOf(items: readonly PageItem[], view: ReadingView): readonly DataObject[] {
  return items.flatMap(({ viewed, spec }) => {
    if (!view.find(reference(viewed.object.type, viewed.object.id))) return [];
    const reading = readObject(viewed, spec.propSet, view);
    return reading ? [objectContent(viewed, reading)] : [];
  });
}

export function notFound(object: Reference): VimFault {
  return managedObjectNotFound(object, managedType(object.type)?.vmodlName ?? object.type);
}

function byFilter(told: readonly Pending[]): readonly [PropertyFilter, readonly Pending[]][] {
  const groups = new Map<PropertyFilter, Pending[]>();
  for (const entry of told) {
    const group = groups.get(entry.filter) ?? [];
    group.push(entry);
    groups.set(entry.filter, group);
  }
  return [...groups];
}

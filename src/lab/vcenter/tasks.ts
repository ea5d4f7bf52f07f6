import type { Pace } from '../world/pace.ts';
import { shownName } from './model/inventory-tree.ts';
import type { ManagedObject, PropertyReaders } from './model/managed-object.ts';
import type { Model } from './model/model.ts';
import type { EntityRecord } from './model/records.ts';
import { refOf } from './properties/entity-properties.ts';
import { VimFault } from './wire/vim-fault.ts';
import { type AnyValue, type DataObject, data, type Reference, reference } from './wire/vim-values.ts';

/** A task is forgotten this long after its end, as vCenter does. */
const KEPT_AFTER_END_MS = 10 * 60_000;

export interface TaskRequest {
  /** Operation as called, such as `PowerOnVM_Task`. */
  readonly name: string;
  /** Such as `VirtualMachine.powerOn`. */
  readonly descriptionId: string;
  readonly entity: EntityRecord;
  readonly userName: string;
  readonly cancelable: boolean;
  /** Does the work while the task is `running`; a thrown `VimFault` becomes the task's error. */
  run(progress: TaskProgress): Promise<AnyValue | undefined>;
}

interface TaskProgress {
  /** Aborted by CancelTask. */
  readonly signal: AbortSignal;
  /** Percent. */
  report(progress: number): void;
}

type TaskState = 'queued' | 'running' | 'success' | 'error';

class Task implements ManagedObject {
  readonly type = 'Task';
  readonly id: string;
  readonly request: TaskRequest;
  readonly cancellation = new AbortController();
  readonly queuedAt = new Date();
  startedAt: Date | undefined;
  endedAt: Date | undefined;
  state: TaskState = 'queued';
  progress: number | undefined;
  result: AnyValue | undefined;
  error: VimFault | undefined;
  readonly eventChainId: number;

  constructor(id: string, eventChainId: number, request: TaskRequest) {
    this.id = id;
    this.eventChainId = eventChainId;
    this.request = request;
  }

  readers(): PropertyReaders {
    return { info: () => this.#info(), value: () => [], availableField: () => [] };
  }

  #info(): DataObject {
    const { request } = this;
    return data('TaskInfo', {
      key: this.id,
      task: reference('Task', this.id),
      name: request.name,
      descriptionId: request.descriptionId,
      entity: refOf(request.entity),
      entityName: shownName(request.entity.name),
      state: this.state,
      cancelled: this.cancellation.signal.aborted,
      cancelable: request.cancelable,
      error: this.error?.localized(),
      result: this.result,
      progress: this.state === 'running' ? this.progress : undefined,
      reason: data('TaskReasonUser', { userName: request.userName }),
      queueTime: this.queuedAt,
      startTime: this.startedAt,
      completeTime: this.endedAt,
      eventChainId: this.eventChainId,
    });
  }
}

/** All tasks of one vCenter. One entity runs one task at a time; the next fails with `TaskInProgress`. */
export class TaskTable {
  readonly #model: Model;
  readonly #pace: Pace;
  readonly #tasks = new Map<string, Task>();
  readonly #busy = new Map<string, Task>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(model: Model, pace: Pace) {
    this.#model = model;
    this.#pace = pace;
  }

  get recent(): readonly Reference[] {
    return [...this.#tasks.keys()].map((id) => reference('Task', id));
  }

  start(request: TaskRequest): Reference {
    const number = this.#model.nextNumber();
    const task = new Task(`task-${number}`, number, request);
    this.#tasks.set(task.id, task);
    this.#model.objects.set(task.id, task);
    this.#model.recentTasks.set(request.entity.id, [...this.#recentOf(request.entity), task.id]);
    this.#model.changes.announce();
    void this.#run(task);
    return reference('Task', task.id);
  }

  initiatorOf(id: string): string | undefined {
    return this.#tasks.get(id)?.request.userName;
  }

  /** Throws `InvalidState` for a finished task and `NotSupported` for one that cannot be cancelled. */
  cancel(id: string): void {
    const task = this.#tasks.get(id);
    if (!task || task.endedAt) {
      throw new VimFault('InvalidState', 'The operation is not allowed in the current state.');
    }
    if (!task.request.cancelable) throw new VimFault('NotSupported', 'The operation is not supported on the object.');
    task.cancellation.abort();
    this.#model.changes.announce();
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const task of this.#tasks.values()) task.cancellation.abort();
  }

  async #run(task: Task): Promise<void> {
    const { entity } = task.request;
    // The caller gets its answer, and may see `queued`, before the work begins.
    await new Promise((resolve) => setImmediate(resolve));
    const other = this.#busy.get(entity.id);
    task.startedAt = new Date();
    try {
      if (other) {
        throw new VimFault('TaskInProgress', 'Another task is already in progress.', {
          task: reference('Task', other.id),
        });
      }
      this.#busy.set(entity.id, task);
      task.state = 'running';
      task.progress = 0;
      this.#model.changes.announce();
      task.result = await task.request.run({
        signal: task.cancellation.signal,
        report: (progress) => {
          task.progress = progress;
          this.#model.changes.announce();
        },
      });
      task.state = 'success';
    } catch (error) {
      task.state = 'error';
      task.error =
        error instanceof VimFault
          ? error
          : new VimFault('SystemError', 'A general system error occurred', { reason: String(error) });
    }
    if (this.#busy.get(entity.id) === task) this.#busy.delete(entity.id);
    task.endedAt = new Date();
    this.#model.changes.announce();
    this.#forgetLater(task);
  }

  #recentOf({ id }: EntityRecord): readonly string[] {
    return this.#model.recentTasks.get(id) ?? [];
  }

  #forgetLater(task: Task): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        this.#tasks.delete(task.id);
        this.#model.objects.delete(task.id);
        const { entity } = task.request;
        const left = this.#recentOf(entity).filter((id) => id !== task.id);
        this.#model.recentTasks.set(entity.id, left);
        this.#model.changes.announce();
      },
      Math.max(1000, this.#pace.scaledMs(KEPT_AFTER_END_MS)),
    );
    timer.unref();
    this.#timers.add(timer);
  }
}

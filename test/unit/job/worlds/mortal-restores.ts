import type { JobPorts } from '../../../../src/job/ports.ts';
import { SnaphookError } from '../../../../src/ports/errors.ts';
import type { VmRecord } from '../../../../src/ports/hypervisor.ts';
import { type InstanceUuid, instanceUuid, type MoRef, moRef } from '../../../../src/ports/identity.ts';
import type { JournalLine } from '../../../../src/ports/journal.ts';
import type { NewVm, OpenImport, VmImport } from '../../../../src/ports/vm-import.ts';
import { QUIET_VM } from '../../../contract/quiet-conditions.ts';
import { MemorySite } from './memory-site.ts';

interface MemoryVm {
  name: string;
  uuid: InstanceUuid;
  files: readonly string[];
  poweredOn: boolean;
  mark: string | undefined;
}

/** What becomes of the nth call of a process, before or after its effect: it dies there, or is told an error and goes on. */
export interface Harm {
  readonly atCall: number;
  readonly how: 'dies' | 'fails';
  readonly when: 'before' | 'after';
}

const FOLDER = moRef('group-v1');
const never = <Result>(): Promise<Result> => new Promise(() => undefined);

/** A vCenter and a state directory that outlive the processes that restore. Each process may be harmed at a call of either. */
export class MortalRestores {
  readonly vms = new Map<MoRef, MemoryVm>();
  /** What the disks hold, by file. */
  readonly content = new Map<string, string>();
  /** Things that must never happen. */
  readonly broken: string[] = [];
  readonly site = new MemorySite(
    [],
    { jobs: [] } as unknown as ConstructorParameters<typeof MemorySite>[1],
    new Date('2026-01-02T00:00:00Z'),
  );
  readonly #leases = new Map<string, { readonly vm: MoRef; state: 'ready' | 'done' | 'error' }>();
  #made = 0;

  addVm(id: string, vm: Omit<MemoryVm, 'mark' | 'uuid'>): InstanceUuid {
    const uuid = instanceUuid(`50aa0000-0000-4000-8000-${id.replace(/\D/g, '').padStart(12, '0')}`);
    this.vms.set(moRef(id), { ...vm, uuid, mark: undefined });
    for (const file of vm.files) this.content.set(file, `own of ${vm.name}`);
    return uuid;
  }

  /**
   * Runs work in a process; nothing of it goes on when it is dead. Returns how many calls it made, whether the harm was met, and what it
   * threw.
   */
  async process(
    work: (ports: JobPorts) => Promise<unknown>,
    harm?: Harm,
  ): Promise<{ readonly calls: number; readonly wasHarmed: boolean; readonly error: unknown }> {
    let calls = 0;
    let isDead = false;
    let die = (): void => undefined;
    const died = new Promise<void>((resolve) => {
      die = () => {
        isDead = true;
        resolve();
      };
    });
    const call = async <Result>(effect: () => Result): Promise<Result> => {
      if (isDead) return never();
      calls += 1;
      if (harm?.atCall !== calls) return effect();
      if (harm.when === 'after') effect();
      if (harm.how === 'fails')
        throw new SnaphookError('E_VCENTER_UNREACHABLE', 'no answer came', { effect: 'unknown' });
      die();
      return never();
    };
    let error: unknown;
    await Promise.race([
      died,
      work(this.#ports(call)).catch((thrown: unknown) => {
        error = thrown;
      }),
    ]);
    // Locks of a process that died are nobody's.
    this.site.locks.clear();
    return { calls, wasHarmed: calls >= (harm?.atCall ?? Number.POSITIVE_INFINITY), error };
  }

  #ports(call: <Result>(effect: () => Result) => Promise<Result>): JobPorts {
    const { ports } = this.site;
    const { journals } = ports;
    const fileOf = (runId: string, lines: JournalLine[]) => ({
      runId,
      append: (line: JournalLine) => call(() => void lines.push(line)),
      read: async () => [...lines],
    });
    return {
      ...ports,
      randomText: () => 'abcdef',
      journals: {
        ...journals,
        create: ({ runId, job }) =>
          call(() => {
            const lines: JournalLine[] = [];
            this.site.journals.set(runId, { job, lines, folder: 'open' });
            return fileOf(runId, lines);
          }),
        open: async (runId) => fileOf(runId, this.site.journals.get(runId)?.lines ?? []),
        close: (runId) => call(() => void journals.close(runId)),
      },
      imageSource: {
        check: async () => undefined,
        readBeside: async () => Buffer.from('nvram'),
        streamVmdk: async function* (_, { path }) {
          yield Buffer.from(`image ${path}`);
        },
        writeRaw: async () => undefined,
      },
      hostStorage: {
        ...ports.hostStorage,
        homeOf: async () => ({ vmPathName: '[ds1] vm/vm.vmx', folder: FOLDER, datacenter: moRef('datacenter-1') }),
      },
      hypervisor: {
        ...ports.hypervisor,
        findVms: async (selectors) =>
          selectors.map((selector) =>
            this.#records().filter(
              (vm) =>
                (selector.by === 'name' && vm.name === selector.name) ||
                (selector.by === 'instanceUuid' && vm.instanceUuid === selector.uuid) ||
                (selector.by === 'moRef' && vm.moRef === selector.moRef),
            ),
          ),
        sessionKey: async () => undefined,
      },
      vmImport: this.#vmImport(call),
    };
  }

  #records(): readonly VmRecord[] {
    return [...this.vms].map(([id, { name, uuid, poweredOn }]) => ({
      instanceUuid: uuid,
      moRef: id,
      name,
      poweredOn,
      template: false,
      connected: true,
      guestHostName: undefined,
      guestAddress: undefined,
      guestFamily: undefined,
      disks: [],
      condition: QUIET_VM,
    }));
  }

  #vmImport(call: <Result>(effect: () => Result) => Promise<Result>): VmImport {
    const change = (id: MoRef, to: Partial<MemoryVm>) => {
      const vm = this.vms.get(id);
      if (!vm) throw new Error(`there is no VM "${id}"`);
      this.vms.set(id, { ...vm, ...to });
    };
    const made = (id: MoRef) => {
      const vm = this.vms.get(id);
      if (!vm) return undefined;
      const { name, uuid, poweredOn, mark } = vm;
      return { moRef: id, name, instanceUuid: uuid, poweredOff: !poweredOn, settingsShown: true, mark };
    };
    return {
      sessionKey: async () => undefined,
      findPlace: async () => ({
        host: { moRef: moRef('host-1'), name: 'esx1' },
        pool: moRef('resgroup-1'),
        folder: FOLDER,
        datastore: { name: 'ds1', freeBytes: 1e12 },
      }),
      begin: async (vm) => this.#opened(await call(() => this.#begin(vm)), call),
      abort: (lease) => call(() => this.#abort(lease)),
      vm: async (id) => made(id),
      vmsIn: async () => [...this.vms.keys()].flatMap((id) => made(id) ?? []),
      identify: (id, { name, instanceUuid: uuid }) =>
        call(() =>
          change(id, { name, uuid: uuid === 'new' ? instanceUuid('50bb0000-0000-4000-8000-00000000000f') : uuid }),
        ),
      destroy: (id) => call(() => this.#destroy(id)),
      disksOf: async (id) => {
        const files = this.vms.get(id)?.files;
        return files && { host: 'esx1', freePlaces: 4, files, uses: files };
      },
      usersOf: async ({ files, vm }) => ({
        users: [...this.vms].flatMap(([id, other]) =>
          id !== vm && other.files.some((file) => files.includes(file)) ? [other.name] : [],
        ),
        unreadable: [],
      }),
      attach: ({ vm, files }) => call(() => change(vm, { files: [...(this.vms.get(vm)?.files ?? []), ...files] })),
      detach: ({ vm, files }) =>
        call(() => change(vm, { files: (this.vms.get(vm)?.files ?? []).filter((file) => !files.includes(file)) })),
      whenIdle: async () => undefined,
      close: async () => undefined,
    };
  }

  #begin({ name, mark, disks }: NewVm): string {
    this.#made += 1;
    const id = moRef(`vm-${900 + this.#made}`);
    const files = disks.map(({ key }) => `[ds1] ${name}/${key}.vmdk`);
    const uuid = instanceUuid('50cc0000-0000-4000-8000-00000000000f');
    this.vms.set(id, { name, uuid, files, poweredOn: false, mark });
    const lease = `lease-${this.#made}`;
    this.#leases.set(lease, { vm: id, state: 'ready' });
    return lease;
  }

  #opened(lease: string, call: <Result>(effect: () => Result) => Promise<Result>): OpenImport {
    const begun = this.#leases.get(lease);
    if (!begun) throw new Error(`there is no lease "${lease}"`);
    return {
      lease,
      vm: begun.vm,
      upload: async (key, stream) => {
        let text = '';
        for await (const part of stream) text += Buffer.from(part).toString();
        const file = this.vms.get(begun.vm)?.files.find((one) => one.endsWith(`/${key}.vmdk`)) ?? '';
        await call(() => this.content.set(file, text));
      },
      writeNvram: () => call(() => undefined),
      report: () => undefined,
      complete: () =>
        call(() => {
          begun.state = 'done';
        }),
      abort: async () => void (await call(() => this.#abort(lease))),
    };
  }

  #abort(lease: string): 'aborted' | 'over' {
    const begun = this.#leases.get(lease);
    if (begun?.state !== 'ready') return 'over';
    begun.state = 'error';
    this.#destroy(begun.vm);
    return 'aborted';
  }

  /** With its files, whoever else has them. */
  #destroy(id: MoRef): void {
    const vm = this.vms.get(id);
    this.vms.delete(id);
    for (const file of vm?.files ?? []) {
      for (const other of this.vms.values())
        if (other.files.includes(file)) this.broken.push(`"${file}" of VM "${other.name}" was deleted`);
      this.content.delete(file);
    }
  }
}

import { randomUUID } from 'node:crypto';
import type { HelperVolume } from '../../guest/windows/vss-helper-protocol.ts';
import { type DiskshadowCommand, readCommand, type ShadowSelection } from './diskshadow-commands.ts';
import { TEXTS } from './diskshadow-texts.ts';
import type { VolumeShadow } from './shadow-copies.ts';
import type { ShadowMachine } from './shadow-machine.ts';
import { HRESULT, VssError } from './vss-codes.ts';
import type { SnapshotSet } from './vss-snapshot-set.ts';

const SYSTEM_PROVIDER = 'b5946137-7b9f-4925-af80-51abd60b20d5';
const PROVIDER_NOT_REGISTERED = '0x80042304';
const NAMES: Readonly<Record<string, string>> = {
  [HRESULT.unexpected]: 'E_UNEXPECTED',
  [HRESULT.badState]: 'VSS_E_BAD_STATE',
  [HRESULT.providerVeto]: 'VSS_E_PROVIDER_VETO',
  [HRESULT.objectNotFound]: 'VSS_E_OBJECT_NOT_FOUND',
  [HRESULT.holdWritesTimeout]: 'VSS_E_HOLD_WRITES_TIMEOUT',
  [HRESULT.snapshotSetInProgress]: 'VSS_E_SNAPSHOT_SET_IN_PROGRESS',
  [PROVIDER_NOT_REGISTERED]: 'VSS_E_PROVIDER_NOT_REGISTERED',
};

type Added = { readonly volume: HelperVolume; readonly alias: string };
type End = 'goes-on' | 'failed' | 'exit';

const plain = (id: string): string => id.replace(/[{}]/g, '').toLowerCase();

/** The process is gone. */
class Death extends Error {}

/** One run of diskshadow: what it was told, and the set it has made. */
export class DiskshadowRun {
  readonly #machine: ShadowMachine;
  readonly #say: (line: string) => void;
  readonly #variables = new Map<string, string>();
  readonly #exposed = new Map<string, string>();
  #isPersistent = false;
  #isBackup = false;
  #volumes: Added[] = [];
  readonly #verified = new Set<string>();
  readonly #excluded = new Set<string>();
  #set: SnapshotSet | undefined;
  #volatile: readonly VolumeShadow[] = [];

  constructor(machine: ShadowMachine, say: (line: string) => void, killed: AbortSignal) {
    this.#machine = machine;
    this.#say = say;
    killed.addEventListener('abort', () => this.release());
  }

  get #texts() {
    return TEXTS[this.#machine.knobs.language];
  }

  async perform(line: string): Promise<End> {
    const command = readCommand(line.replace(/%(\w+)%/g, (whole, name: string) => this.#variables.get(name) ?? whole));
    try {
      if (command === undefined) throw new VssError('', `unknown command: ${line}`);
      return await this.#obey(command);
    } catch (error) {
      if (error instanceof Death) return 'failed';
      this.release();
      if (!(error instanceof VssError)) this.#machine.coordinator.noteDefect(error);
      this.#tellFailure(error);
      return 'failed';
    }
  }

  /** The end of the process: what is not persistent goes with it, and writers hear no BackupComplete. */
  release(): void {
    this.#set?.abort();
    this.#set = undefined;
    if (this.#volatile.length > 0) this.#machine.copies.remove(this.#volatile);
    this.#volatile = [];
  }

  async #obey(command: DiskshadowCommand): Promise<End> {
    switch (command.verb) {
      case 'set':
        if (command.what === 'context') this.#isPersistent = command.values[0]?.toLowerCase() !== 'volatile';
        return 'goes-on';
      case 'begin-backup':
        this.#isBackup = true;
        return 'goes-on';
      case 'end-backup':
        if (!this.#isBackup || !this.#set) throw new VssError(HRESULT.badState, 'there is no backup');
        this.#set.complete(true);
        this.#set = undefined;
        return 'goes-on';
      case 'add':
        this.#add(command);
        return 'goes-on';
      case 'writer':
        (command.what === 'verify' ? this.#verified : this.#excluded).add(plain(command.writer));
        return 'goes-on';
      case 'create':
        await this.#create();
        return 'goes-on';
      case 'list':
        this.#list(this.#select(command.which));
        return 'goes-on';
      case 'delete':
        this.#delete(command.which);
        return 'goes-on';
      case 'expose':
        this.#exposed.set(command.place.toLowerCase(), plain(command.shadow));
        return 'goes-on';
      case 'unexpose':
        this.#exposed.delete(command.shadow.toLowerCase());
        return 'goes-on';
      case 'list-providers':
        for (const line of PROVIDER_LINES) this.#say(line);
        return 'goes-on';
      case 'list-writers':
        for (const { name, id } of this.#machine.coordinator.writers()) this.#say(`* WRITER "${name}" {${id}}`);
        return 'goes-on';
      case 'reset':
        this.release();
        this.#volumes = [];
        return 'goes-on';
      case 'exec':
        throw new VssError('', `the lab has no program "${command.file}"`);
      case 'exit':
        return 'exit';
    }
  }

  #add({ volume, alias, provider }: Extract<DiskshadowCommand, { verb: 'add' }>): void {
    if (provider !== undefined && plain(provider) !== SYSTEM_PROVIDER)
      throw new VssError(PROVIDER_NOT_REGISTERED, 'there is no such provider');
    const wanted = volume.toLowerCase();
    const found = this.#machine.coordinator.volumes.find(
      (one) => one.volume.toLowerCase() === wanted || one.mountPoint.toLowerCase().startsWith(wanted),
    );
    if (!found) throw new VssError(HRESULT.objectNotFound, `there is no volume ${volume}`);
    this.#volumes.push({ volume: found, alias: alias ?? `VSS_SHADOW_${this.#volumes.length + 1}` });
  }

  async #create(): Promise<void> {
    const { coordinator, copies, knobs } = this.#machine;
    const volumes = this.#volumes.map(({ volume }) => volume);
    const disks = [...new Set(volumes.flatMap((volume) => volume.disks))];
    const set = coordinator.start(disks, this.#isBackup ? 'full' : 'copy', { excludedWriters: [...this.#excluded] });
    this.#set = set;
    await set.prepare();
    for (const { writer, component, reason } of set.excludedComponents)
      this.#say(this.#texts.excluded(component, writer, reason));
    const included = new Set(set.writers().flatMap(({ id, selected }) => (selected ? [id] : [])));
    const missing = [...this.#verified].find((id) => !included.has(id));
    // What number diskshadow gives this no source tells.
    if (missing !== undefined) throw new VssError('', this.#texts.notIncluded(missing));
    const setId = randomUUID();
    const result = await set.snapshot({
      commit: async () => {
        this.#volatile = copies.create(setId, volumes);
        return HRESULT.asyncFinished;
      },
      released: () => undefined,
    });
    const failed = set.writers().find(({ id, result: its }) => this.#verified.has(id) && its !== HRESULT.ok);
    if (result !== HRESULT.asyncFinished || failed)
      throw new VssError(failed?.result ?? result, 'the set was not made');
    const made = this.#volatile;
    // From here on they stay, also when the process is ended before it has told of them.
    if (this.#isPersistent) this.#volatile = [];
    knobs.afterCreate();
    if (knobs.diesUntold) throw new Death();
    this.#tellMade(setId, made);
  }

  #tellMade(setId: string, made: readonly VolumeShadow[]): void {
    for (const [index, { alias }] of this.#volumes.entries()) {
      const { id } = made[index] ?? { id: '' };
      this.#variables.set(alias, `{${id}}`);
      this.#say(this.#texts.alias(alias, 'copy', id));
    }
    this.#variables.set('VSS_SHADOW_SET', `{${setId}}`);
    this.#say(this.#texts.alias('VSS_SHADOW_SET', 'set', setId));
    this.#list(made);
  }

  #list(shadows: readonly VolumeShadow[]): void {
    const { copy, set, original, device } = this.#texts;
    for (const { id, setId, volume, deviceNumber } of shadows) {
      this.#say('');
      this.#say(`\t* ${copy} = {${id}}`);
      this.#say(`\t\t- ${set}: {${setId}}\t%VSS_SHADOW_SET%`);
      this.#say(`\t\t- ${original}: ${volume.volume} [${volume.mountPoint}]`);
      this.#say(`\t\t- ${device}: \\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy${deviceNumber}`);
    }
  }

  #delete(which: ShadowSelection): void {
    const found = this.#select(which);
    if (found.length === 0) throw new VssError(HRESULT.objectNotFound, 'there is no such shadow copy');
    this.#machine.copies.remove(found);
  }

  #select(which: ShadowSelection): readonly VolumeShadow[] {
    const { all } = this.#machine.copies;
    if (which.by === 'all') return all;
    const value = plain(which.value);
    const ofVolume = all.filter(({ volume }) => volume.mountPoint.toLowerCase().startsWith(value));
    switch (which.by) {
      case 'set':
        return all.filter(({ setId }) => setId === value);
      case 'id':
        return all.filter(({ id }) => id === value);
      case 'exposed':
        return all.filter(({ id }) => id === this.#exposed.get(value));
      case 'volume':
        return ofVolume;
      case 'oldest':
        return ofVolume.slice(0, 1);
    }
  }

  #tellFailure(error: unknown): void {
    const { failed, hresult, errorText } = this.#texts;
    const { result, message } = error instanceof VssError ? error : { result: HRESULT.unexpected, message: '' };
    this.#say('');
    this.#say(failed);
    if (result !== '') this.#say(`\t- ${hresult}${result.slice(2)}`);
    this.#say(`\t- ${errorText}${result === '' ? message : (NAMES[result] ?? 'E_FAIL')}`);
  }
}

const PROVIDER_LINES = [
  `* ProviderID: {${SYSTEM_PROVIDER}}`,
  '        Type: [1] VSS_PROV_SYSTEM',
  '        Name: Microsoft Software Shadow Copy provider 1.0',
  '1 provider registered.',
];

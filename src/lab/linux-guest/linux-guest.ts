import { createHash } from 'node:crypto';
import ssh2 from 'ssh2';
import { GuestApplication } from '../guest/guest-application.ts';
import { type CallLine, GuestCalls, OutputGate } from '../guest/guest-calls.ts';
import { GuestClock } from '../guest/guest-clock.ts';
import type { LabScript } from '../guest/lab-script.ts';
import { type CommandIo, LabSshServer } from '../guest/ssh-server.ts';
import { VmwareTools } from '../guest/vmware-tools.ts';
import { WriteHold } from '../guest/write-hold.ts';
import type { EventLog } from '../world/events.ts';
import type { FaultRules } from '../world/faults.ts';
import type { Latency, Pace } from '../world/pace.ts';
import { commandWords } from './command-words.ts';
import type { LinuxDisk } from './guest-file-system.ts';
import { HelperProcess } from './helper-process.ts';
import { LinuxGuestAgent } from './linux-guest-agent.ts';
import { LinuxKnobs } from './linux-knobs.ts';
import { LinuxMachine } from './linux-machine.ts';
import type { LinuxUser } from './linux-user.ts';
import { toolsSyncDriver } from './tools-sync-driver.ts';

export interface LinuxGuestOptions {
  /** Name in events and fault rules. */
  readonly name: string;
  readonly events: EventLog;
  readonly faults: FaultRules;
  readonly pace: Pace;
  readonly latency: Latency;
  readonly users: readonly LinuxUser[];
  readonly passwordMethod?: 'password' | 'keyboard-interactive';
  readonly port?: number;
  /** In the order in which the guest found them: sda, sdb, ... */
  readonly disks: readonly LinuxDisk[];
  /** Absent: no application. Its script, named `10-ledger`, makes it quiet and says so. */
  readonly database?: {
    readonly databaseDisk: string;
    readonly journalDisk: string;
    /** Real pause after each of the 25 transfers of a transaction. Default 5. */
    readonly transferPauseMs?: number;
  };
}

export interface LabLinuxGuest {
  readonly port: number;
  /** As `ssh-keygen -l` prints it. */
  readonly hostKeyFingerprint: string;
  /** Type and key in base64, as in known_hosts. */
  readonly hostKeyLine: string;
  readonly knobs: LinuxKnobs;
  /** What guest operations reach. */
  readonly agent: LinuxGuestAgent;
  /** The application with its workload running; absent when the guest was given no database. */
  readonly database: GuestApplication | undefined;
  readonly tools: VmwareTools;
  isFrozen(): boolean;
  sessionCount(): number;
  /** Somebody else in the guest runs `fsfreeze`; resolves to the errno. */
  foreignFreeze(mountPoint: string): Promise<number>;
  foreignThaw(mountPoint: string): number;
  /** Every connection is ended by the guest, in good order; it takes new ones. */
  endConnections(): void;
  /** Power off and on: connections break, nothing is frozen, the boot id is another. */
  reboot(): void;
  close(): Promise<void>;
}

/** What the script of the lab's application confirms as quiet. */
export const APPLICATION = 'ledger';
const UNREACHABLE = {
  event: 'failed',
  phase: 'idle',
  message: 'is mounted, but no mount point leads to it',
  errno: 0,
  scripts: [],
};
const HELPER_PATH = '/usr/local/sbin/snaphook-freeze';

/** Starts a Linux guest: SSH on loopback, file systems on real disks, the snaphook helper, an application. */
export async function startLinuxGuest(options: LinuxGuestOptions): Promise<LabLinuxGuest> {
  const { name, events, faults, pace } = options;
  const hold = new WriteHold();
  const knobs = new LinuxKnobs();
  const disks = options.disks.map((disk) => ({ ...disk, device: hold.guard(disk.device, disk.label) }));
  const database = await openDatabase(options, disks, hold);
  if (database) knobs.scripts = [quiescing(database, options)];
  const clock = new GuestClock(pace);
  const machine = new LinuxMachine(disks, { guestName: name, hold, knobs, pace, events, clock });
  // ssh2 1.17 writes a few in a thousand ed25519 keys in a form that it cannot read itself.
  const { private: hostKey, public: publicKey } = ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 });
  const [type = '', key = ''] = publicKey.split(' ');
  const calls = new GuestCalls({ name, events, faults, latency: options.latency });
  const commands = new GuestCommands({ name, events }, calls, machine);
  const server = new LabSshServer({
    events,
    calls,
    ident: 'OpenSSH_9.2p1_lab',
    hostKey,
    users: options.users,
    passwordMethod: options.passwordMethod ?? 'password',
    run: (line, io) => commands.run(line, io),
  });
  const agent = new LinuxGuestAgent({
    guestName: name,
    machine,
    users: options.users,
    pace,
    events,
    run: (words, io) => commands.runWords(words, io),
  });
  const port = await server.listen(options.port);
  database?.start();
  const fileSystem = (mountPoint: string) => {
    const found = machine.fileSystems.find((candidate) => candidate.mountPoint === mountPoint);
    if (!found) throw new Error(`guest "${name}" has nothing mounted at "${mountPoint}"`);
    return found;
  };
  const digest = createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64');
  return {
    port,
    hostKeyFingerprint: `SHA256:${digest.replace(/=+$/, '')}`,
    hostKeyLine: `${type} ${key}`,
    knobs,
    agent,
    database,
    tools: new VmwareTools(toolsSyncDriver(machine.fileSystems)),
    isFrozen: () => machine.isFrozen,
    sessionCount: () => machine.sessionCount,
    foreignFreeze: (mountPoint) => fileSystem(mountPoint).freeze(),
    foreignThaw: (mountPoint) => fileSystem(mountPoint).thaw(),
    endConnections: () => server.endAll(),
    reboot: () => {
      server.dropAll();
      machine.reboot();
      agent.restart();
    },
    close: async () => {
      await server.close();
      machine.reboot();
      await database?.close();
    },
  };
}

/** The programs that can be started over SSH, and by VMware Tools. */
class GuestCommands {
  readonly #world: Pick<LinuxGuestOptions, 'name' | 'events'>;
  readonly #calls: GuestCalls;
  readonly #machine: LinuxMachine;

  constructor(world: Pick<LinuxGuestOptions, 'name' | 'events'>, calls: GuestCalls, machine: LinuxMachine) {
    this.#world = world;
    this.#calls = calls;
    this.#machine = machine;
  }

  async run(line: string, io: CommandIo<LinuxUser>): Promise<number> {
    const words = commandWords(line);
    if (!words) {
      this.#world.events.add('guest', 'unserved', 'exec', this.#world.name, { line });
      io.stderr('bash: the lab has no such shell\n');
      return 2;
    }
    return await this.runWords(words, io);
  }

  async runWords(words: readonly string[], io: CommandIo<LinuxUser>): Promise<number> {
    const isSudo = words[0] === 'sudo';
    if (isSudo && (words[1] !== '-n' || !io.user.sudo)) {
      io.stderr('sudo: a password is required\n');
      return 1;
    }
    const [program = '', ...rest] = isSudo ? words.slice(words[2] === '--' ? 3 : 2) : words;
    if (program !== HELPER_PATH || !this.#machine.knobs.helperInstalled) {
      io.stderr(
        isSudo ? `sudo: ${program}: command not found\n` : `bash: line 1: ${program}: No such file or directory\n`,
      );
      return isSudo ? 1 : 127;
    }
    return await this.#helper(rest, io, isSudo || io.user.name === 'root');
  }

  async #helper(words: readonly string[], io: CommandIo<LinuxUser>, isRoot: boolean): Promise<number> {
    const [command = '', bootId = '', token = ''] = words;
    const gate = new OutputGate((data) => io.stdout(data));
    let exitCode = 0;
    const line: CallLine = {
      gate,
      drop: () => io.drop(),
      refuse: ({ status, body }) => {
        exitCode = status;
        if (body) io.stdout(Buffer.from(`${body}\n`));
      },
      gone: io.gone,
    };
    const perform = (operation: string, work: () => Promise<void>) => this.#calls.perform(operation, line, work);
    let serving: Promise<number> | undefined;
    let isHanging = false;
    const hang = () => {
      isHanging = true;
    };
    await this.#calls.perform(`exec ${command}`, { ...line, hang }, async () => {
      if (command === 'serve' && (words.length === 1 || (words.length === 3 && bootId === '--scripts'))) {
        if (isRoot)
          serving = new HelperProcess(this.#machine, {
            stdin: io.stdin,
            write: (data) => gate.write(data),
            perform,
            scriptsFolder: words[2],
          }).run();
        else {
          io.stderr('snaphook-freeze: must be started as root\n');
          exitCode = 1;
        }
      } else if (command === 'release' && words.length === 3) {
        const { failingRelease } = this.#machine.knobs;
        const answer = failingRelease
          ? { ...UNREACHABLE, object: failingRelease.mountPoint }
          : { event: 'released', found: this.#machine.release(bootId, token) };
        gate.write(Buffer.from(`${JSON.stringify(answer)}\n`));
        if (failingRelease) exitCode = 1;
      } else {
        io.stderr('usage: snaphook-freeze serve [--scripts FOLDER] | release BOOT-ID TOKEN\n');
        exitCode = 2;
      }
    });
    if (serving) return await serving;
    if (isHanging) await io.gone;
    return exitCode;
  }
}

function quiescing(application: GuestApplication, { name, events }: LinuxGuestOptions): LabScript {
  let isAsked = false;
  return {
    name: '10-ledger',
    run: async (phase) => {
      isAsked = phase === 'freeze';
      if (!isAsked) {
        application.resume();
        events.add('guest', 'effect', 'Resume', name);
        return { exitCode: 0, output: '' };
      }
      await application.quiesce();
      if (isAsked) events.add('guest', 'effect', 'Quiesce', name);
      return { exitCode: 0, output: `quiet ${APPLICATION}\n` };
    },
  };
}

async function openDatabase(
  { name, database, events }: LinuxGuestOptions,
  disks: readonly LinuxDisk[],
  hold: WriteHold,
): Promise<GuestApplication | undefined> {
  if (!database) return undefined;
  const deviceOf = (uuid: string) => {
    const disk = disks.find((candidate) => candidate.uuid === uuid);
    if (disk === undefined) throw new Error(`guest "${name}" has no disk "${uuid}"`);
    return disk.device;
  };
  return await GuestApplication.open({
    database: deviceOf(database.databaseDisk),
    journal: deviceOf(database.journalDisk),
    hold,
    ...(database.transferPauseMs === undefined ? {} : { transferPauseMs: database.transferPauseMs }),
    onFailure: (error) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      events.add('guest', 'effect', 'application failed', name, { error: text });
    },
  });
}

import type { GuestAgent } from '../guest/guest-agent.ts';
import type { EventLog } from '../world/events.ts';
import type { Pace } from '../world/pace.ts';
import type { GuestFileHost } from './guest/guest-file-host.ts';
import type { GuestTools } from './guest-tools.ts';
import type { NfcHost } from './import/nfc-host.ts';
import type { ManagedObject } from './model/managed-object.ts';
import type { Model } from './model/model.ts';
import type { VersionRank } from './schema/versions.ts';
import type { HttpSession, LabUser, SessionTable } from './sessions.ts';
import type { HostPaths, HotPlug, VirtualVolumes } from './storage-side.ts';
import type { TaskTable } from './tasks.ts';
import type { DataObject, Fields, Reference, VimValue } from './wire/vim-values.ts';

/** One simulated vCenter as its operations see it. */
export interface ServerContext {
  readonly model: Model;
  readonly sessions: SessionTable;
  readonly tasks: TaskTable;
  readonly users: readonly LabUser[];
  readonly events: EventLog;
  readonly pace: Pace;
  readonly volumes: VirtualVolumes;
  readonly hotPlug: HotPlug;
  readonly hostPaths: HostPaths;
  /** VMware Tools in the guests, by instance uuid of their VM. A VM without has Tools that do as its inventory says, and nothing stands still. */
  readonly tools: Map<string, GuestTools>;
  /** What answers guest operations in guests, by instance uuid of their VM; a VM without has none. */
  readonly agents: Map<string, GuestAgent>;
  /** Undefined: nothing can be imported. */
  readonly nfcHost: NfcHost | undefined;
  /** Undefined: no file of a guest can be moved. */
  readonly guestFileHost: GuestFileHost | undefined;
  /** Called when the server goes down. */
  readonly onClose: Set<() => void>;
  readonly about: DataObject;
  /** `product` of every host. */
  readonly hostProduct: DataObject;
  /** Objects of a page when the client names no number. */
  readonly pageSize: number;
}

/** One call that passed parser, session and privilege checks. */
export interface Call {
  readonly server: ServerContext;
  readonly operation: string;
  readonly receiver: Reference;
  readonly object: ManagedObject;
  readonly args: Fields;
  readonly version: VersionRank;
  /** Changes when a login or logout replaces it; the answer then sets the new cookie. */
  session: HttpSession;
  readonly remote: { readonly ipAddress: string; readonly userAgent: string };
  readonly clientGone: AbortSignal;
}

/** Undefined: an answer without `returnval`. */
export type OperationHandler = (call: Call) => VimValue | undefined | Promise<VimValue | undefined>;

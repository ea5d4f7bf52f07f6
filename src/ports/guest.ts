/** One VSS writer as the requestor saw it. */
export interface WriterStatus {
  readonly id: string;
  readonly name: string;
  /** VSS_WRITER_STATE: 1 stable, 2 to 5 waiting for a phase, 6 to 15 failed in a phase. */
  readonly state: number;
  /** `0x00000000`, or the writer's failure such as `0x800423F4`. */
  readonly hresult: string;
  /** False: the writer has no selected component on the captured volumes; its failure does not count. */
  readonly required: boolean;
}

export interface GuestVolume {
  /** Mount points or the volume's own path, as the guest names it. */
  readonly name: string;
  /** Serials (`guestDiskUuid`) of the disks that hold it. */
  readonly diskUuids: readonly string[];
}

export interface PreparedGuest {
  readonly helper: string;
  readonly writersBefore: readonly WriterStatus[];
  readonly volumes: readonly GuestVolume[];
}

/** How a freeze ended, as the guest itself tells. */
export type ThawVerdict =
  /** Released by us while writes were still held: the only verdict that proves the window. */
  | { readonly kind: 'released'; readonly heldMs: number }
  /** The guest gave up waiting: it writes again, since an unknown moment of our window. */
  | { readonly kind: 'expired'; readonly heldMs: number };

export interface FreezeEvidence {
  readonly verdict: ThawVerdict;
  /** What the freeze framework said at the end (VSS: HRESULT of DoSnapshotSet), `0x0004230A` when finished. */
  readonly result: string;
  readonly finished: boolean;
  readonly writersAfter: readonly WriterStatus[];
  readonly flushed: boolean;
}

/**
 * One guest during one run. Calls come in this order: prepare, freeze, thaw, finish, close; `thaw` is allowed at any time,
 * any number of times, and after errors: *unknown is frozen*.
 * Errors: `E_GUEST_*`, `E_WRITER_FAILED`, `E_FREEZE_FAILED`, `E_THAW_UNCONFIRMED`, `E_TLS_UNTRUSTED`.
 */
export interface Guest {
  readonly name: string;
  /**
   * Opens and warms the channel, loads the helper, gathers metadata. Nothing is frozen.
   * `onSession` is awaited as soon as something exists in the guest that a crash would leave behind; its record is what
   * `closeLeftover` needs to find it again. No secrets.
   */
  prepare(
    request: {
      readonly runId: string;
      readonly diskUuids: readonly string[];
      readonly onSession: (resume: Readonly<Record<string, string>>) => Promise<void>;
    },
    signal: AbortSignal,
  ): Promise<PreparedGuest>;
  /** Resolves when applications are frozen and writes are held. Opens no connection. */
  freeze(signal: AbortSignal): Promise<void>;
  /** One message on the open channel; resolves when the guest confirmed that it writes again. */
  thaw(signal: AbortSignal): Promise<ThawVerdict>;
  /** The verdict of the freeze framework and of the writers, after the thaw. */
  finish(signal: AbortSignal): Promise<FreezeEvidence>;
  /** Ends helper and session; never throws, safe to call twice. `unknown`: the guest did not confirm it. */
  close(): Promise<'closed' | 'unknown'>;
}

/** Makes the guest of one VM and cleans up what a crashed run left in it. */
export interface Guests {
  open(vm: { readonly name: string; readonly address: string | undefined }): Guest;
  /** Ends the session a crashed run left behind: afterwards the guest writes. Success when there is none. */
  closeLeftover(
    vm: { readonly name: string; readonly address: string | undefined },
    resume: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<void>;
}

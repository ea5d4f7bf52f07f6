/** VMware Tools in a guest, as a host asks them to quiesce it for a snapshot. Rejects where they cannot, with what they could not. */
export interface GuestTools {
  /** Resolves to what lets the guest go on, which rejects when it did not stand still until then. */
  quiesce(backupType: 'copy' | 'full'): Promise<() => Promise<void>>;
}

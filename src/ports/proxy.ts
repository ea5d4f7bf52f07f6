import type { Wwn } from './identity.ts';

/** A block device the proxy sees; `path` is stable for as long as the device is presented. */
export interface ProxyDevice {
  readonly wwn: Wwn;
  readonly path: string;
  readonly sizeBytes: number;
}

/** What a VMFS extent says of itself; UUIDs as vSphere writes them. */
export interface VmfsSignature {
  /** Of the logical volume: the same on every extent. */
  readonly volumeUuid: string;
  /** Of the file system, what vSphere shows as the uuid of the datastore: on the head extent only. */
  readonly fileSystemUuid: string | undefined;
}

/** What identifies the content of a device, whatever the device is called. */
export interface DiskSignature {
  /** `gpt:<disk GUID>` or `mbr:<8 hex digits>`; undefined for a device without a partition table. */
  readonly diskId: string | undefined;
  /** Of its VMFS partition; undefined when it has none, or no header is in it. */
  readonly vmfs: VmfsSignature | undefined;
}

/**
 * The machine that reads the linked targets (this one).
 * Errors: `E_PROXY_DEVICE`, `E_PROXY`.
 */
export interface BackupProxy {
  /** Rescans and waits until exactly these devices are there with at least the size; rejects at the signal. */
  waitForDevices(
    expected: readonly { readonly wwn: Wwn; readonly sizeBytes: number }[],
    signal: AbortSignal,
  ): Promise<readonly ProxyDevice[]>;
  /** Reads who the content of the device is. Reads only; rejects at the signal. */
  signature(device: ProxyDevice, signal: AbortSignal): Promise<DiskSignature>;
  /** Flushes what the system cached of the devices; success for a device that is gone. */
  releaseDevices(wwns: readonly Wwn[], signal: AbortSignal): Promise<void>;
  /** Where those of the devices that the proxy sees now appear; changes nothing. */
  paths(wwns: readonly Wwn[], signal: AbortSignal): Promise<ReadonlyMap<Wwn, string>>;
  /** Which of the devices the proxy still sees; for preflight (`sources must not be visible`) and verification. */
  visible(wwns: readonly Wwn[], signal: AbortSignal): Promise<readonly Wwn[]>;
}

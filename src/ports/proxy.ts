import type { Wwn } from './identity.ts';

/** A block device the proxy sees; `path` is stable for as long as the device is presented. */
export interface ProxyDevice {
  readonly wwn: Wwn;
  readonly path: string;
  readonly sizeBytes: number;
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
  /** Flushes what the system cached of the devices; success for a device that is gone. */
  releaseDevices(wwns: readonly Wwn[], signal: AbortSignal): Promise<void>;
  /** Which of the devices the proxy still sees; for preflight (`sources must not be visible`) and verification. */
  visible(wwns: readonly Wwn[], signal: AbortSignal): Promise<readonly Wwn[]>;
}

/** Of a session by guest operations, milliseconds: each message takes a round trip through vCenter, ESXi and VMware Tools. */
export const GUEST_OPERATIONS_WAITS = {
  thawResendMs: 3000,
  thawPatienceMs: 6000,
  closeTimeoutMs: 30_000,
} as const;

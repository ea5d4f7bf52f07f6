/**
 * What Unisphere says when it refuses. Texts marked "field" are as real arrays or shipping clients show them
 * (public issue reports of csm, PyU4V, ansible-powermax; sources of csi-powermax, cinder, forklift); the others are
 * the lab's own wording for refusals whose text is not published. Where clients match text only and the status code is
 * not known, it is 500, Unisphere's code for most functional refusals.
 */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
  }
}

/** Field: the classic provisioning and storage group replication resources put this in front of functional refusals. */
export const problemText = (doing: string, text: string): string => `A problem occurred ${doing}: ${text}`;

export const malformed = (text: string): Refusal => new Refusal(400, text);
/** Field: `cannot be found`. */
export const notFound = (what: string, name: string, arrayId: string): Refusal =>
  new Refusal(404, `${what} [${name}] on Symmetrix [${arrayId}] cannot be found`);
/** Field (mock): `The requested storage group resource already exists`. */
export const alreadyExists = (what: string): Refusal =>
  new Refusal(409, `The requested ${what} resource already exists`);

/** Field. */
export const desiredState = (): Refusal =>
  new Refusal(500, 'The Device(s) is (are) already in the desired state or mode');
/** Field, trailing blanks included. */
export const noLinkTarget = (): Refusal => new Refusal(404, 'No link target was found  ');
/** Field. */
export const alreadyTarget = (): Refusal =>
  new Refusal(500, 'The Target device cannot be manipulated because it is already a Copy session Target device');
/** Field. */
export const tooManySessions = (): Refusal =>
  new Refusal(500, 'The maximum number of sessions has been exceeded for the specified Source device');
/** Field: terminate by storage group after the membership changed. */
export const membershipChanged = (): Refusal => new Refusal(500, 'No snapshot was found');
/** Field: 9.2, list of a storage group without snapshots. */
export const noSnapshotNamed = (): Refusal => new Refusal(404, 'No snapshot named found');
/** Field. */
export const snapshotNotFound = (name: string, device: string): Refusal =>
  new Refusal(404, `Snapshot ${name} not found for ${device}`);
/** Field: older releases, private read of a device without sessions. */
export const neitherSourceNorTarget = (): Refusal => new Refusal(404, 'Volume is neither a source nor target');
/** Field. */
export const deviceLocked = (): Refusal => new Refusal(500, 'Unable to acquire the Symmetrix device lock');
/** Field. */
export const autoProvisioningBusy = (): Refusal =>
  new Refusal(500, 'auto provisioning operation is already in progress');
/** Field. */
export const inCopySession = (): Refusal =>
  new Refusal(500, 'cannot use the device for the function because it is in a Copy Session');
/** Field. */
export const groupFull = (): Refusal =>
  new Refusal(500, 'Failed to create batch task(s): The maximum allowed devices for a storage group has been exceeded');
/** Field. */
export const maskedElsewhere = (): Refusal => new Refusal(500, 'device already masked within a view');
/** Field: `is already in use in another Initiator Group`. */
export const initiatorInUse = (initiator: string): Refusal =>
  new Refusal(500, `The initiator ${initiator} is already in use in another Initiator Group`);
/** Field. */
export const twoFastGroups = (): Refusal =>
  new Refusal(500, 'A device cannot belong to more than one storage group in use by FAST');
/** Field (mock). */
export const snapshotHasLink = (): Refusal => new Refusal(400, 'snapshot has a link');
/** Field. */
export const tooManyRequests = (): Refusal => new Refusal(429, 'Too Many Requests');
/** Field, under load. */
export const serviceUnavailable = (): Refusal => new Refusal(503, 'Service Unavailable');
/** Field (mock): the wording of the size check. */
export const targetTooSmall = (targetCylinders: number, sourceCylinders: number): Refusal =>
  new Refusal(
    500,
    `Target volume size [${targetCylinders}]Cyls cannot be smaller than source volume size [${sourceCylinders}]Cyls`,
  );

/** Field texts of faults that pass by themselves; a fault rule answers with them (`faultBody`). */
export const PASSING_FAULTS = {
  roleNotFound: { status: 500, message: 'Cannot find role for user' },
  deviceLock: { status: 500, message: 'Unable to acquire the Symmetrix device lock' },
  autoProvisioning: { status: 500, message: 'auto provisioning operation is already in progress' },
  unavailable: { status: 503, message: 'Service Unavailable' },
  nullPointer: {
    status: 500,
    message: 'A problem occurred creating the storage group resource: java.lang.NullPointerException',
  },
} as const;

export const faultBody = (fault: { readonly message: string }): string => JSON.stringify({ message: fault.message });

// The lab's own wording from here on.
export const generationsRefused = (): Refusal =>
  new Refusal(400, 'Snapshot generations are not supported on this array, use the snapshot id');
export const targetUndefined = (): Refusal =>
  new Refusal(500, 'The operation is refused because the target device is not fully defined');
export const copyInProgress = (): Refusal =>
  new Refusal(500, 'The operation is refused because a copy to the target device is in progress');
export const restoreInProgress = (): Refusal =>
  new Refusal(500, 'The operation is refused because a restore of the source device is in progress');
export const vvolRefused = (text = 'The operation is not supported on a device that is managed as a virtual volume') =>
  new Refusal(500, text);
export const notLocal = (arrayId: string): Refusal =>
  new Refusal(500, `Symmetrix [${arrayId}] is not local to this server and cannot be controlled by it`);
export const notLicensed = (): Refusal => new Refusal(500, 'The SnapVX feature is not licensed on this array');
export const secured = (): Refusal => new Refusal(500, 'The snapshot is secure and cannot be terminated yet');
export const arrayFull = (): Refusal =>
  new Refusal(500, 'The maximum number of devices on the Symmetrix has been exceeded');
export const inStorageGroup = (): Refusal =>
  new Refusal(500, 'The device cannot be deleted because it is a member of a storage group');
export const notAuthorized = (user: string): Refusal =>
  new Refusal(403, `User [${user}] is not authorized to perform this operation`);

import type { ArrayId, DeviceId, Wwn } from '../ports/identity.ts';
import { deviceId, arrayId as parseArrayId, wwn, wwnOfNguid } from '../ports/identity.ts';
import type { FoundBy } from '../ports/storage-array.ts';

/** What an identity from vCenter asks for. */
export type WantedDevice =
  /** Canonical name of a SCSI LUN: equals the effective WWN of a device. */
  | { readonly kind: 'naa'; readonly wwn: Wwn }
  /** Canonical name of an NVMe namespace: equals the NGUID of a device. */
  | { readonly kind: 'nguid'; readonly nguid: string; readonly wwn: Wwn }
  /** A vVol object id that cannot be a canonical name: equals the WWN of a device. */
  | { readonly kind: 'vvol'; readonly wwn: Wwn }
  /** A vVol object id of a form that is no WWN: only a label may lead to its device. */
  | { readonly kind: 'label'; readonly label: string };

/** Names of devices and namespaces, of other arrays or of none: never a vVol's. */
const DEVICE_NAME = /^(naa|eui|t10|mpx|vml)\./;

const HEX32 = /^[0-9a-f]{32}$/;
/** `6000097` + `0` + array id + ASCII `S` + five ASCII hex digits of the device. */
const DEVICE_WWN = /^60000970(\d{12})53((?:3[0-9]|4[1-6]){5})$/;

/** Parses a canonical name or vVol object id; undefined when no PowerMax device can have such an identity. */
export function parseIdentity(identity: string): WantedDevice | undefined {
  const match = /^(?:(naa|eui|rfc4122)\.)?(.+)$/.exec(identity.trim().toLowerCase());
  const hex = match?.[2]?.replaceAll('-', '') ?? '';
  if (!HEX32.test(hex)) {
    const label = identity.trim();
    return label === '' || DEVICE_NAME.test(label.toLowerCase()) ? undefined : { kind: 'label', label };
  }
  switch (match?.[1]) {
    case 'naa':
      return { kind: 'naa', wwn: wwn(hex) };
    case 'eui':
      return { kind: 'nguid', nguid: hex, wwn: wwnOfNguid(hex) };
    default:
      return { kind: 'vvol', wwn: wwn(hex) };
  }
}

/**
 * Whether a vVol can have this id: a WWN that names a device of an array is no vVol's, and a `naa.` name that is not of
 * this family of arrays is another vendor's.
 */
export function mayBeVvol(wanted: WantedDevice): boolean {
  if (wanted.kind === 'label') return true;
  if (wanted.kind === 'nguid' || DEVICE_WWN.test(wanted.wwn)) return false;
  return wanted.kind === 'vvol' || wanted.wwn.startsWith('6000097');
}

/**
 * Reads array and device out of a WWN that is tied to the array's serial. A hint where to look, never an identity:
 * a device with a mobility id or an inherited (effective) WWN answers to another name.
 */
export function decodeWwn(candidate: Wwn): { readonly arrayId: ArrayId; readonly deviceId: DeviceId } | undefined {
  const match = DEVICE_WWN.exec(candidate);
  const [, array, digits] = match ?? [];
  if (array === undefined || digits === undefined) return undefined;
  return { arrayId: parseArrayId(array), deviceId: deviceId(Buffer.from(digits, 'hex').toString('latin1')) };
}

/** Array and device an identity names by itself, before any confirmation. */
export const decoded = (wanted: WantedDevice) => (wanted.kind === 'label' ? undefined : decodeWwn(wanted.wwn));

/** The device an identity points to on this array, before any confirmation. */
export function decodedDevice(wanted: WantedDevice, arrayId: ArrayId): DeviceId | undefined {
  const named = decoded(wanted);
  return named?.arrayId === arrayId ? named.deviceId : undefined;
}

/** The identities one device has. */
export interface DeviceIdentities {
  readonly wwn: string | undefined;
  readonly effectiveWwn: string | undefined;
  readonly nguid: string | undefined;
}

/** Is this the device? Compares what hosts see; only a vVol id is compared with the device's own WWN. */
export const answersTo = (device: DeviceIdentities, wanted: WantedDevice): boolean =>
  answeredBy(device, wanted) !== undefined;

/** By which of its identities the device answers; undefined: it is not the one. */
export function answeredBy(device: DeviceIdentities, wanted: WantedDevice): FoundBy | undefined {
  const seenByHosts = device.effectiveWwn ?? device.wwn;
  switch (wanted.kind) {
    case 'naa':
      return seenByHosts === wanted.wwn ? 'effective WWN' : undefined;
    case 'nguid':
      if (device.nguid === undefined) return seenByHosts === wanted.wwn ? 'effective WWN' : undefined;
      return device.nguid === wanted.nguid ? 'NGUID' : undefined;
    case 'vvol':
      if (device.wwn === wanted.wwn) return 'own WWN';
      return seenByHosts === wanted.wwn ? 'effective WWN' : undefined;
    case 'label':
      return undefined;
  }
}

/** The forms under which a vVol's id may stand in a device's identifier: as vCenter shows it, and its digits alone. */
export function labelsOf(identity: string): readonly string[] {
  const shown = identity.trim();
  const digits = shown.replace(/^(naa|rfc4122)\./i, '').replaceAll('-', '');
  return [...new Set([shown, shown.replace(/^(naa|rfc4122)\./i, ''), digits])].filter((label) => label !== '');
}

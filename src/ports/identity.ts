/** Identities that must never be mixed up: plain strings at run time, distinct types at compile time. */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** Twelve decimal digits, for example `000197900046`. */
export type ArrayId = Branded<'ArrayId'>;
/** A device of one array: five upper-case hexadecimal digits, for example `002E8`. */
export type DeviceId = Branded<'DeviceId'>;
/** 32 lower-case hexadecimal digits: the page 0x83 NAA identity a host sees. */
export type Wwn = Branded<'Wwn'>;
/** A VM's `config.instanceUuid`, lower case with dashes: unique in one vCenter. */
export type InstanceUuid = Branded<'InstanceUuid'>;
/** A managed object id such as `vm-42`: valid in one vCenter only. */
export type MoRef = Branded<'MoRef'>;
/** One execution of a job; part of every name we give on the array. */
export type RunId = Branded<'RunId'>;

const parse = <Id extends string>(what: string, pattern: RegExp, text: string): Id => {
  if (!pattern.test(text)) throw new TypeError(`not ${what}: ${JSON.stringify(text)}`);
  return text as Id; // the pattern is the proof
};

export const arrayId = (text: string): ArrayId => parse('an array id of 12 digits', /^\d{12}$/, text);
export const deviceId = (text: string): DeviceId =>
  parse('a device id of 5 hex digits', /^[0-9A-F]{5}$/, text.toUpperCase());
export const wwn = (text: string): Wwn => parse('a WWN of 32 hex digits', /^[0-9a-f]{32}$/, text.toLowerCase());
export const instanceUuid = (text: string): InstanceUuid =>
  parse('an instance UUID', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, text.toLowerCase());
export const moRef = (text: string): MoRef => parse('a managed object id', /^[\w.:-]{1,128}$/, text);
export const runId = (text: string): RunId => parse('a run id', /^[0-9a-z]{8,9}-[0-9a-z]{6}$/, text);

/**
 * The NGUID of an NVMe namespace (32 hex digits) is the WWN of its device in another order: `wwn[16..32] wwn[1..7] wwn[0] wwn[7..16]`.
 * Seen in Unisphere's OpenAPI and in fixtures of the vendor's clients.
 */
export const wwnOfNguid = (nguid: string): Wwn =>
  wwn(nguid.slice(22, 23) + nguid.slice(16, 22) + nguid.slice(23) + nguid.slice(0, 16));

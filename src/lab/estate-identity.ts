import { createHash } from 'node:crypto';

/** Default identity of a device: array and device id in it. */
export const wwnOf = (arrayId: string, device: string): string =>
  `60000970${arrayId}53${Buffer.from(device, 'ascii').toString('hex')}`;
/** Identity of a vVol: of the array's unique family, not decodable. */
export const vvolWwn = (device: string): string => `600009700bcbb71139ff0178000${device.toLowerCase()}`;
const hex = (text: string, digits: number): string => createHash('sha256').update(text).digest('hex').slice(0, digits);
export const uuid = (seed: string): string =>
  hex(seed, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
export const diskUuid = (seed: string): string => `6000c29${hex(seed, 25)}`;
export const dashedDiskUuid = (plain: string): string =>
  plain.toUpperCase().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
export const deviceName = (number: number): string => number.toString(16).toUpperCase().padStart(5, '0');

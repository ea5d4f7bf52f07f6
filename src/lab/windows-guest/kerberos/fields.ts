import { contentIn, element, sequenceFields, structure, TAG } from '../der.ts';
import type { AesKey } from './aes.ts';

/** How the fields of RFC 4120's messages are written and read. */
export const number = (value: number): Buffer => {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return element(TAG.integer, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
};
export const text = (value: string): Buffer => element(TAG.text, Buffer.from(value));
export const time = (value: Date): Buffer =>
  element(TAG.time, Buffer.from(value.toISOString().replace(/\.\d+/, '').replace(/[-:T]/g, '')));
export const names = (parts: readonly string[], type = 1): Buffer =>
  structure({ 0: number(type), 1: element(TAG.sequence, Buffer.concat(parts.map(text))) });
export const keyField = (key: AesKey): Buffer => structure({ 0: number(key.etype), 1: element(TAG.octets, key.value) });
export const sealedField = (key: AesKey, cipher: Buffer): Buffer =>
  structure({ 0: number(key.etype), 2: element(TAG.octets, cipher) });

export function readNumber(field: Buffer | undefined): number | undefined {
  const bytes = contentIn(field, TAG.integer);
  return bytes && bytes.length > 0 && bytes.length <= 6 ? bytes.readUIntBE(0, bytes.length) : undefined;
}

export const readText = (field: Buffer | undefined): string | undefined => contentIn(field, TAG.text)?.toString();

export function readTime(field: Buffer | undefined): Date | undefined {
  const written = contentIn(field, TAG.time)?.toString() ?? '';
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(written) ?? [];
  const [year, month, day, hour, minute, second] = parts.map(Number);
  if (year === undefined || month === undefined) return undefined;
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second));
}

/** The parts of a PrincipalName, joined as people write them. */
export function readNames(field: Buffer | undefined): string | undefined {
  let rest = contentIn(sequenceFields(field)?.get(1), TAG.sequence);
  const parts: string[] = [];
  while (rest && rest.length > 0) {
    const part = readText(rest);
    if (part === undefined) return undefined;
    parts.push(part);
    rest = rest.subarray(text(part).length);
  }
  return parts.length > 0 ? parts.join('/') : undefined;
}

export function readKey(field: Buffer | undefined): AesKey | undefined {
  const fields = sequenceFields(field);
  const etype = readNumber(fields?.get(0));
  const value = contentIn(fields?.get(1), TAG.octets);
  if ((etype !== 17 && etype !== 18) || value?.length !== (etype === 18 ? 32 : 16)) return undefined;
  return { etype, value };
}

/** The cipher of an EncryptedData, when it is of this key's type. */
export function readSealed(field: Buffer | undefined, etype: number): Buffer | undefined {
  const fields = sequenceFields(field);
  return readNumber(fields?.get(0)) === etype ? contentIn(fields?.get(2), TAG.octets) : undefined;
}

import {
  arrayItems,
  boolean,
  child,
  childNames,
  children,
  dateTime,
  int64,
  integer,
  ref,
  text,
  typeOf,
} from '../../../src/vsphere/decode.ts';
import { receivedValue, XSI_PREFIXES } from './soap-answers.ts';

describe.each(XSI_PREFIXES)('with the prefix %s', (prefix) => {
  const value = (val: string) => receivedValue(val, prefix);

  test('the type of a value is its local name, with or without a prefix of its own', async () => {
    expect(typeOf(await value('<val xsi:type="xsd:string">a</val>'))).toBe('string');
    expect(typeOf(await value('<val xsi:type="VirtualDisk"><key>1</key></val>'))).toBe('VirtualDisk');
  });

  test('a reference keeps its type and id and is not taken for a typed value', async () => {
    const val = await value('<val xsi:type="ManagedObjectReference" type="HostSystem">host-9</val>');
    expect(ref(val)).toEqual({ type: 'HostSystem', id: 'host-9' });
    expect(typeOf(val)).toBe('ManagedObjectReference');
  });

  test('an array of one and of several is an array, an empty one has no items', async () => {
    const item = '<VirtualDevice xsi:type="VirtualDisk"><key>2000</key></VirtualDevice>';
    const keys = (val: unknown) => arrayItems(val).map((device) => [typeOf(device), integer(child(device, 'key'))]);
    expect(keys(await value(`<val xsi:type="ArrayOfVirtualDevice">${item}</val>`))).toEqual([['VirtualDisk', 2000]]);
    expect(keys(await value(`<val xsi:type="ArrayOfVirtualDevice">${item}${item}</val>`))).toHaveLength(2);
    expect(arrayItems(await value('<val xsi:type="ArrayOfVirtualDevice"></val>'))).toEqual([]);
    expect(arrayItems(await value('<val xsi:type="ArrayOfVirtualDevice"/>'))).toEqual([]);
  });

  test('items of scalar arrays are texts', async () => {
    const val = await value('<val xsi:type="ArrayOfString"><string>a</string><string></string></val>');
    expect(arrayItems(val).map(text)).toEqual(['a', '']);
  });
});

test('zero, false and the empty text are values, not absences', async () => {
  expect(integer(await receivedValue('<val xsi:type="xsd:int">0</val>'))).toBe(0);
  expect(boolean(await receivedValue('<val xsi:type="xsd:boolean">false</val>'))).toBe(false);
  expect(text(await receivedValue('<val xsi:type="xsd:string"></val>'))).toBe('');
  expect(text(child(await receivedValue('<val xsi:type="X"><name></name></val>'), 'name'))).toBe('');
});

test('what is absent or of another kind is undefined', async () => {
  const val = await receivedValue('<val xsi:type="X"><key>x1</key><inner><a>1</a></inner></val>');
  expect(child(val, 'nothing', 'below')).toBeUndefined();
  expect(children(val, 'nothing')).toEqual([]);
  expect(integer(child(val, 'key'))).toBeUndefined();
  expect(boolean(child(val, 'key'))).toBeUndefined();
  expect(dateTime(child(val, 'key'))).toBeUndefined();
  expect(ref(child(val, 'key'))).toBeUndefined();
  expect(text(child(val, 'inner'))).toBeUndefined();
  expect(typeOf(child(val, 'inner'))).toBeUndefined();
  expect(childNames(val)).toEqual(['key', 'inner']);
  expect(child(val, 'constructor')).toBeUndefined();
});

test('64-bit integers lose nothing, and one that a number cannot hold is not passed off as one', async () => {
  const wwn = await receivedValue('<val xsi:type="xsd:long">1152922127287604554</val>');
  expect(int64(wwn)).toBe(1152922127287604554n);
  expect(integer(wwn)).toBeUndefined();
  expect(integer(await receivedValue('<val xsi:type="xsd:long">-42</val>'))).toBe(-42);
});

test('dates with nine digits of fraction are read', async () => {
  const val = await receivedValue('<val xsi:type="xsd:dateTime">2026-03-04T05:06:07.123456789Z</val>');
  expect(dateTime(val)?.toISOString()).toBe('2026-03-04T05:06:07.123Z');
});

test('names keep their blanks, leading zeros and escaped characters', async () => {
  const names = ['00042', ' padded ', 'a < b & "c"', '1e3', 'true', 'ümläut'];
  for (const name of names) {
    const escaped = name.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
    expect(text(await receivedValue(`<val xsi:type="xsd:string">${escaped}</val>`))).toBe(name);
  }
});

import { attributeOf, descend, parseXml, type XmlElement } from '../../../src/platform/xml.ts';
import {
  continueRetrieveProperties,
  createContainerView,
  findByInstanceUuid,
  findByInventoryPath,
  login,
  logout,
  retrieveProperties,
  retrieveServiceContent,
  type SoapObject,
} from '../../../src/vsphere/encode.ts';
import { createVimClient } from '../../../src/vsphere/vim-client.ts';
import type { VimOperation } from '../../../src/vsphere/vim-wsdl.ts';
import { answerOf } from './soap-answers.ts';

const VIM25 = 'urn:vim25';
const XSI = 'http://www.w3.org/2001/XMLSchema-instance';

interface Property {
  readonly name: string;
  /** Data object type of the property; absent for scalars and references. */
  readonly type?: string;
  readonly optional?: true;
  readonly many?: true;
}

/** Declared order of the vSphere API, base type first. `_this` and references are leaves. */
const TYPES: Readonly<Record<string, readonly Property[]>> = {
  RetrieveServiceContent: [{ name: '_this' }],
  Login: [{ name: '_this' }, { name: 'userName' }, { name: 'password' }, { name: 'locale', optional: true }],
  Logout: [{ name: '_this' }],
  FindByUuid: [
    { name: '_this' },
    { name: 'datacenter', optional: true },
    { name: 'uuid' },
    { name: 'vmSearch' },
    { name: 'instanceUuid', optional: true },
  ],
  FindByInventoryPath: [{ name: '_this' }, { name: 'inventoryPath' }],
  CreateContainerView: [
    { name: '_this' },
    { name: 'container' },
    { name: 'type', optional: true, many: true },
    { name: 'recursive' },
  ],
  RetrievePropertiesEx: [
    { name: '_this' },
    { name: 'specSet', type: 'PropertyFilterSpec', many: true },
    { name: 'options', type: 'RetrieveOptions' },
  ],
  ContinueRetrievePropertiesEx: [{ name: '_this' }, { name: 'token' }],
  PropertyFilterSpec: [
    { name: 'propSet', type: 'PropertySpec', many: true },
    { name: 'objectSet', type: 'ObjectSpec', many: true },
    { name: 'reportMissingObjectsInResults', optional: true },
  ],
  PropertySpec: [{ name: 'type' }, { name: 'all', optional: true }, { name: 'pathSet', optional: true, many: true }],
  ObjectSpec: [
    { name: 'obj' },
    { name: 'skip', optional: true },
    { name: 'selectSet', type: 'SelectionSpec', optional: true, many: true },
  ],
  SelectionSpec: [{ name: 'name', optional: true }],
  TraversalSpec: [
    { name: 'name', optional: true },
    { name: 'type' },
    { name: 'path' },
    { name: 'skip', optional: true },
    { name: 'selectSet', type: 'SelectionSpec', optional: true, many: true },
  ],
  RetrieveOptions: [{ name: 'maxObjects', optional: true }],
};

/** What a strict server would complain about, reading with a forward cursor. */
function violations(element: XmlElement, declared: string): readonly string[] {
  const type = attributeOf(element, 'type', XSI) ?? declared;
  const properties = TYPES[type];
  if (properties === undefined) return [`unknown type ${type}`];
  const found: string[] = [];
  let cursor = 0;
  for (const child of element.children) {
    if (child.namespace !== VIM25) found.push(`${type}.${child.name} is in namespace "${child.namespace}"`);
    const index = properties.findIndex((property, at) => property.name === child.name && at >= cursor);
    const property = properties[index];
    if (property === undefined) {
      found.push(`unexpected ${type}.${child.name}`);
      continue;
    }
    for (const skipped of properties.slice(cursor, index)) {
      if (!skipped.optional && !element.children.some((other) => other.name === skipped.name)) {
        found.push(`missing ${type}.${skipped.name}`);
      }
    }
    cursor = property.many ? index : index + 1;
    if (property.type !== undefined) found.push(...violations(child, property.type));
  }
  const names = new Set(element.children.map((child) => child.name));
  for (const property of properties) {
    if (!property.optional && !names.has(property.name)) found.push(`missing ${type}.${property.name}`);
  }
  return found;
}

async function sent(operation: VimOperation, body: SoapObject) {
  const client = createVimClient({ server: 'vc.test', operationId: 'job <1>', apiVersion: '8.0.2.0' });
  let envelope = '';
  let headers: Readonly<Record<string, string>> = {};
  await client.call(operation, body, async (xml, sentHeaders) => {
    envelope = xml;
    headers = sentHeaders;
    return { status: 200, setCookie: [], body: answerOf(operation, '') };
  });
  const root = parseXml(envelope);
  const element = descend(root, 'Body')?.children[0];
  if (element === undefined) throw new Error('no body was sent');
  return { root, element, headers };
}

const manager = { type: 'Manager', id: 'manager-1' };
const filter = {
  propSet: [
    { type: 'VirtualMachine', pathSet: ['name', 'config.instanceUuid'] },
    { type: 'Datastore', pathSet: ['info'] },
  ],
  objectSet: [
    {
      obj: { type: 'VirtualMachine', id: 'vm-1' },
      skip: false,
      selectSet: [
        {
          type: 'VirtualMachine',
          path: 'datastore',
          selectSet: [{ type: 'Datastore', path: 'vm' }],
        },
      ],
    },
    { obj: { type: 'VirtualMachine', id: 'vm-2' }, skip: true },
  ],
  reportMissingObjectsInResults: true,
};

const REQUESTS: readonly (readonly [VimOperation, SoapObject])[] = [
  ['RetrieveServiceContent', retrieveServiceContent()],
  ['Login', login(manager, 'user@vsphere.local', 'p<&>"\'')],
  ['Logout', logout(manager)],
  ['FindByUuid', findByInstanceUuid(manager, '5012ab34-0000-1111-2222-333344445555')],
  ['FindByInventoryPath', findByInventoryPath(manager, 'DC/vm/a%2fb')],
  ['CreateContainerView', createContainerView(manager, { type: 'Folder', id: 'group-d1' }, ['VirtualMachine'])],
  ['RetrievePropertiesEx', retrieveProperties(manager, filter, 500)],
  ['ContinueRetrievePropertiesEx', continueRetrieveProperties(manager, '0')],
];

test('a request has these bytes, whatever description of it soap was given', async () => {
  const client = createVimClient({ server: 'vc.test', operationId: 'job <1>', apiVersion: '8.0.2.0' });
  const envelopes: string[] = [];
  for (const operation of ['Login', 'Logout'] as const)
    await client.call(operation, logout(manager), async (xml) => {
      envelopes.push(xml);
      return { status: 200, setCookie: [], body: answerOf(operation, '') };
    });

  const envelope = (operation: string) =>
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" ' +
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"  xmlns:vim25="urn:vim25">' +
    '<soap:Header><operationID xmlns="urn:vim25">job &lt;1&gt;</operationID></soap:Header>' +
    `<soap:Body><vim25:${operation} xmlns:vim25="urn:vim25" xmlns="urn:vim25">` +
    `<vim25:_this type="Manager">manager-1</vim25:_this></vim25:${operation}></soap:Body></soap:Envelope>`;
  expect(envelopes).toEqual([envelope('Login'), envelope('Logout')]);
});

test.each(REQUESTS)(
  '%s is sent in the declared order, complete and in the vim25 namespace',
  async (operation, body) => {
    const { element } = await sent(operation, body);
    expect({ name: element.name, namespace: element.namespace }).toEqual({ name: operation, namespace: VIM25 });
    expect(violations(element, operation)).toEqual([]);
  },
);

test('the order check itself sees a late, an unknown and a missing element', () => {
  const element = (inner: string) => parseXml(`<Login xmlns="urn:vim25">${inner}</Login>`);
  expect(violations(element('<_this/><password/><userName/>'), 'Login')).toContain('unexpected Login.userName');
  expect(violations(element('<_this/><userName/><password/><extra/>'), 'Login')).toEqual(['unexpected Login.extra']);
  expect(violations(element('<_this/><userName/>'), 'Login')).toContain('missing Login.password');
});

test('traversals carry their type, references theirs, and texts arrive unchanged', async () => {
  const { element } = await sent('RetrievePropertiesEx', retrieveProperties(manager, filter, 7));
  const objectSet = descend(element, 'specSet', 'objectSet');
  const traversal = descend(objectSet, 'selectSet');
  expect(traversal && attributeOf(traversal, 'type', XSI)).toBe('TraversalSpec');
  const obj = descend(objectSet, 'obj');
  expect(obj && { type: attributeOf(obj, 'type', ''), id: obj.text }).toEqual({ type: 'VirtualMachine', id: 'vm-1' });
  expect(descend(element, 'options', 'maxObjects')?.text).toBe('7');

  const credentials = await sent('Login', login(manager, 'dom\\user', 'p<&>"\''));
  expect(descend(credentials.element, 'password')?.text).toBe('p<&>"\'');
});

test('every call names the schema version and the operation id', async () => {
  const { root, headers } = await sent('RetrieveServiceContent', retrieveServiceContent());
  expect(headers.SOAPAction).toBe('"urn:vim25/8.0.2.0"');
  expect(descend(root, 'Header', 'operationID')?.text).toBe('job <1>');
});

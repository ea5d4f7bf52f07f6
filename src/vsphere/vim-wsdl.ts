/**
 * The few vim25 operations this client calls, as a WSDL for the `soap` package: the full vim25 WSDL has 2,900 types and
 * costs most of a second per start. Requests are empty sequences, so what the builders in `encode.ts` make is sent in
 * their order; only the PropertyCollector's messages are typed. The data inside `val` stays untyped for `decode.ts`:
 * typed, `soap` would turn 64-bit integers into floating point.
 */
const PLAIN_OPERATIONS = [
  'RetrieveServiceContent',
  'Login',
  'Logout',
  'TerminateSession',
  'FindByUuid',
  'FindByInventoryPath',
  'CreateContainerView',
] as const;
/** These change something: sent again blindly, they might do it twice. */
const CHANGING_OPERATIONS = [
  'CreateSnapshot_Task',
  'RemoveSnapshot_Task',
  'ConsolidateVMDisks_Task',
  'ReconfigVM_Task',
] as const;
const COLLECTOR_OPERATIONS = ['RetrievePropertiesEx', 'ContinueRetrievePropertiesEx'] as const;

export type ChangingOperation = (typeof CHANGING_OPERATIONS)[number];
export type VimOperation =
  | (typeof PLAIN_OPERATIONS)[number]
  | ChangingOperation
  | (typeof COLLECTOR_OPERATIONS)[number];

const OPERATIONS: readonly VimOperation[] = [...PLAIN_OPERATIONS, ...CHANGING_OPERATIONS, ...COLLECTOR_OPERATIONS];

export const isChanging = (operation: VimOperation): operation is ChangingOperation =>
  CHANGING_OPERATIONS.some((changing) => changing === operation);

const each = (write: (operation: VimOperation) => string): string => OPERATIONS.map(write).join('');

const returnType = (operation: VimOperation): string =>
  COLLECTOR_OPERATIONS.some((collector) => collector === operation) ? 'vim25:RetrieveResult' : 'xsd:anyType';

export const VIM_WSDL = `<?xml version="1.0" encoding="UTF-8"?>
<definitions targetNamespace="urn:vim25" xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:vim25="urn:vim25"
  xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
<types><xsd:schema targetNamespace="urn:vim25" elementFormDefault="qualified">
<xsd:complexType name="RetrieveResult"><xsd:sequence>
  <xsd:element name="token" type="xsd:string" minOccurs="0"/>
  <xsd:element name="objects" type="vim25:ObjectContent" minOccurs="0" maxOccurs="unbounded"/>
</xsd:sequence></xsd:complexType>
<xsd:complexType name="ObjectContent"><xsd:sequence>
  <xsd:element name="obj" type="xsd:anyType"/>
  <xsd:element name="propSet" type="vim25:DynamicProperty" minOccurs="0" maxOccurs="unbounded"/>
  <xsd:element name="missingSet" type="vim25:MissingProperty" minOccurs="0" maxOccurs="unbounded"/>
</xsd:sequence></xsd:complexType>
<xsd:complexType name="DynamicProperty"><xsd:sequence>
  <xsd:element name="name" type="xsd:string"/>
  <xsd:element name="val" type="xsd:anyType"/>
</xsd:sequence></xsd:complexType>
<xsd:complexType name="MissingProperty"><xsd:sequence>
  <xsd:element name="path" type="xsd:string"/>
  <xsd:element name="fault" type="xsd:anyType"/>
</xsd:sequence></xsd:complexType>
${each(
  (operation) => `<xsd:element name="${operation}"><xsd:complexType><xsd:sequence/></xsd:complexType></xsd:element>
<xsd:element name="${operation}Response"><xsd:complexType><xsd:sequence>
  <xsd:element name="returnval" type="${returnType(operation)}" minOccurs="0"/>
</xsd:sequence></xsd:complexType></xsd:element>`,
)}
</xsd:schema></types>
${each(
  (
    operation,
  ) => `<message name="${operation}RequestMsg"><part name="parameters" element="vim25:${operation}"/></message>
<message name="${operation}ResponseMsg"><part name="parameters" element="vim25:${operation}Response"/></message>`,
)}
<portType name="VimPortType">
${each(
  (operation) => `<operation name="${operation}"><input message="vim25:${operation}RequestMsg"/>
<output message="vim25:${operation}ResponseMsg"/></operation>`,
)}
</portType>
<binding name="VimBinding" type="vim25:VimPortType">
<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
${each(
  (operation) => `<operation name="${operation}"><soap:operation soapAction="urn:vim25" style="document"/>
<input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation>`,
)}
</binding>
<service name="VimService"><port binding="vim25:VimBinding" name="VimPort">
<soap:address location="https://localhost/sdk"/></port></service>
</definitions>`;

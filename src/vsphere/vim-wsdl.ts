/**
 * The few vim25 operations this client calls; `wsdlOf` describes each for the `soap` package: the full vim25 WSDL has 2,900 types and
 * costs most of a second per start. Requests are empty sequences, so what the builders in `encode.ts` make is sent in
 * their order. Answers are untyped too, for `decode.ts`: typed, `soap` would turn 64-bit integers into floating point.
 */
const PLAIN_OPERATIONS = [
  'RetrieveServiceContent',
  'Login',
  'Logout',
  'TerminateSession',
  'FindByUuid',
  'FindByInventoryPath',
  'FindChild',
  'CreateContainerView',
  'RetrievePropertiesEx',
  'ContinueRetrievePropertiesEx',
  'RescanAllHba',
  'RescanVmfs',
  'QueryUnresolvedVmfsVolume',
  'HttpNfcLeaseProgress',
  'QueryChangedDiskAreas',
  'ValidateCredentialsInGuest',
  'ListProcessesInGuest',
  'InitiateFileTransferFromGuest',
  'InitiateFileTransferToGuest',
] as const;
/** These change something: sent again blindly, they might do it twice. */
const CHANGING_OPERATIONS = [
  'CreateSnapshot_Task',
  'CreateSnapshotEx_Task',
  'RemoveSnapshot_Task',
  'ConsolidateVMDisks_Task',
  'ReconfigVM_Task',
  'ResignatureUnresolvedVmfsVolume_Task',
  'UnmountVmfsVolume',
  'DetachScsiLun',
  'DeleteScsiLunState',
  'DeleteVmfsVolumeState',
  'RegisterVM_Task',
  'UnregisterVM',
  'ImportVApp',
  'HttpNfcLeaseComplete',
  'HttpNfcLeaseAbort',
  'CloneVM_Task',
  'Destroy_Task',
  'StartProgramInGuest',
  'CreateTemporaryDirectoryInGuest',
  'DeleteDirectoryInGuest',
  'TerminateProcessInGuest',
] as const;

export type ChangingOperation = (typeof CHANGING_OPERATIONS)[number];
export type VimOperation = (typeof PLAIN_OPERATIONS)[number] | ChangingOperation;

export const isChanging = (operation: VimOperation): operation is ChangingOperation =>
  CHANGING_OPERATIONS.some((changing) => changing === operation);

/** The WSDL of one operation: `soap` reads it anew in each process, and a run calls few of them. */
export const wsdlOf = (operation: VimOperation): string => `<?xml version="1.0" encoding="UTF-8"?>
<definitions targetNamespace="urn:vim25" xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:vim25="urn:vim25"
  xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
<types><xsd:schema targetNamespace="urn:vim25" elementFormDefault="qualified">
<xsd:element name="${operation}"><xsd:complexType><xsd:sequence/></xsd:complexType></xsd:element>
<xsd:element name="${operation}Response"><xsd:complexType><xsd:sequence>
  <xsd:element name="returnval" type="xsd:anyType" minOccurs="0"/>
</xsd:sequence></xsd:complexType></xsd:element>
</xsd:schema></types>
<message name="${operation}RequestMsg"><part name="parameters" element="vim25:${operation}"/></message>
<message name="${operation}ResponseMsg"><part name="parameters" element="vim25:${operation}Response"/></message>
<portType name="VimPortType">
<operation name="${operation}"><input message="vim25:${operation}RequestMsg"/>
<output message="vim25:${operation}ResponseMsg"/></operation>
</portType>
<binding name="VimBinding" type="vim25:VimPortType">
<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
<operation name="${operation}"><soap:operation soapAction="urn:vim25" style="document"/>
<input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation>
</binding>
<service name="VimService"><port binding="vim25:VimBinding" name="VimPort">
<soap:address location="https://localhost/sdk"/></port></service>
</definitions>`;

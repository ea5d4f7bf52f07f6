/** Events that clients may post, in wire order. */
export const EVENT_TYPES = `
EventArgument extends DynamicData (vim.event.EventArgument)
EntityEventArgument extends EventArgument (vim.event.EntityEventArgument)
  name:string
ManagedEntityEventArgument extends EntityEventArgument (vim.event.ManagedEntityEventArgument)
  entity:->ManagedEntity
DatacenterEventArgument extends EntityEventArgument (vim.event.DatacenterEventArgument)
  datacenter:->Datacenter
ComputeResourceEventArgument extends EntityEventArgument (vim.event.ComputeResourceEventArgument)
  computeResource:->ComputeResource
HostEventArgument extends EntityEventArgument (vim.event.HostEventArgument)
  host:->HostSystem
VmEventArgument extends EntityEventArgument (vim.event.VmEventArgument)
  vm:->VirtualMachine
DatastoreEventArgument extends EntityEventArgument (vim.event.DatastoreEventArgument)
  datastore:->Datastore
NetworkEventArgument@4.0 extends EntityEventArgument (vim.event.NetworkEventArgument)
  network:->Network
DvsEventArgument@4.0 extends EntityEventArgument (vim.event.DvsEventArgument)
  dvs:->DistributedVirtualSwitch
Event extends DynamicData (vim.event.Event)
  key:int chainId:int createdTime:dateTime userName:string datacenter?:DatacenterEventArgument
  computeResource?:ComputeResourceEventArgument host?:HostEventArgument vm?:VmEventArgument
  ds?:DatastoreEventArgument@4.0 net?:NetworkEventArgument@4.0 dvs?:DvsEventArgument@4.0
  fullFormattedMessage?:string changeTag?:string@4.0
GeneralEvent extends Event (vim.event.GeneralEvent)
  message:string
GeneralUserEvent extends GeneralEvent (vim.event.GeneralUserEvent)
  entity?:ManagedEntityEventArgument
EventEx@4.0 extends Event (vim.event.EventEx)
  eventTypeId:string severity?:string message?:string arguments?:KeyAnyValue[] objectId?:string objectType?:string
  objectName?:string@4.1 fault?:LocalizedMethodFault@4.1
`;

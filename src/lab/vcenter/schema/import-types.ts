/** Imports and their leases, in wire order. */
export const IMPORT_TYPES = `
ImportSpec@4.0 extends DynamicData (vim.ImportSpec)
  entityConfig?:VAppEntityConfigInfo instantiationOst?:OvfConsumerOstNode@5.0
VirtualMachineImportSpec@4.0 extends ImportSpec (vim.vm.VmImportSpec)
  configSpec:VirtualMachineConfigSpec resPoolEntity?:->ResourcePool
HttpNfcLeaseInfo@4.0 extends DynamicData (vim.HttpNfcLease.Info)
  lease:->HttpNfcLease entity:->ManagedEntity deviceUrl?:HttpNfcLeaseDeviceUrl[] totalDiskCapacityInKB:long
  leaseTimeout:int hostMap?:HttpNfcLeaseDatastoreLeaseInfo[]@4.1
HttpNfcLeaseDeviceUrl@4.0 extends DynamicData (vim.HttpNfcLease.DeviceUrl)
  key:string importKey:string url:string sslThumbprint:string disk?:boolean targetId?:string@4.1
  datastoreKey?:string@4.1 fileSize?:long@4.1
`;

/** Datastores, volumes, LUNs and adapters, in wire order. */
export const STORAGE_TYPES = `
DatastoreSummary extends DynamicData (vim.Datastore.Summary)
  datastore?:->Datastore name:string url:string capacity:long freeSpace:long uncommitted?:long@4.0
  accessible:boolean multipleHostAccess?:boolean type:string maintenanceMode?:string@5.0
DatastoreInfo extends DynamicData (vim.Datastore.Info)
  name:string url:string freeSpace:long maxFileSize:long maxVirtualDiskCapacity?:long@5.5
  maxMemoryFileSize:long@6.0 timestamp?:dateTime@4.0 containerId?:string@5.5 aliasOf?:string@6.7.1
VmfsDatastoreInfo extends DatastoreInfo (vim.host.VmfsDatastoreInfo)
  maxPhysicalRDMFileSize:long@5.1 maxVirtualRDMFileSize:long@5.1 vmfs?:HostVmfsVolume
NasDatastoreInfo extends DatastoreInfo (vim.host.NasDatastoreInfo)
  nas?:HostNasVolume
VvolDatastoreInfo@6.0 extends DatastoreInfo (vim.host.VvolDatastoreInfo)
  vvolDS?:HostVvolVolume
DatastoreCapability extends DynamicData (vim.Datastore.Capability)
  directoryHierarchySupported:boolean rawDiskMappingsSupported:boolean perFileThinProvisioningSupported:boolean
  storageIORMSupported:boolean@4.1 nativeSnapshotSupported:boolean@5.1
  topLevelDirectoryCreateSupported?:boolean@5.5 seSparseSupported?:boolean@5.5 vmfsSparseSupported?:boolean@6.5
  vsanSparseSupported?:boolean@6.5 upitSupported?:boolean@6.5 vmdkExpandSupported?:boolean@6.7
DatastoreHostMount extends DynamicData (vim.Datastore.HostMount)
  key:->HostSystem mountInfo:HostMountInfo
HostMountInfo extends DynamicData (vim.host.MountInfo)
  path?:string accessMode:string mounted?:boolean@5.0 accessible?:boolean inaccessibleReason?:string@5.1
HostFileSystemVolume extends DynamicData (vim.host.FileSystemVolume)
  type:string name:string capacity:long
HostVmfsVolume extends HostFileSystemVolume (vim.host.VmfsVolume)
  blockSizeMb:int blockSize?:int@6.5 unmapGranularity?:int@6.5 unmapPriority?:string@6.5
  unmapBandwidthSpec?:VmfsUnmapBandwidthSpec@6.7 maxBlocks:int majorVersion:int version:string uuid:string
  extent:HostScsiDiskPartition[] vmfsUpgradable:boolean forceMountedInfo?:HostForceMountedInfo@4.0
  ssd?:boolean@5.0 local?:boolean@5.5 scsiDiskType?:string@6.5
HostNasVolume extends HostFileSystemVolume (vim.host.NasVolume)
  remoteHost:string remotePath:string userName?:string remoteHostNames?:string[]@6.0 securityType?:string@6.0
  protocolEndpoint?:boolean@6.0
HostVvolVolume@6.0 extends HostFileSystemVolume (vim.host.VvolVolume)
  scId:string hostPE?:VVolHostPE[] hostVvolNQN?:HostVvolVolumeHostVvolNQN[]@8.0.2.0
  vasaProviderInfo?:VimVasaProviderInfo[] storageArray?:VASAStorageArray[] protocolEndpointType?:string@8.0.0.0
  vvolNQNFieldsAvailable?:boolean@8.0.2.0 stretched?:boolean@8.0.3.0
HostScsiDiskPartition extends DynamicData (vim.host.ScsiDisk.Partition)
  diskName:string partition:int
HostForceMountedInfo@4.0 extends DynamicData (vim.host.ForceMountedInfo)
  persist:boolean mounted:boolean
VASAStorageArray@6.0 extends DynamicData (vim.VasaStorageArray)
  name:string uuid:string vendorId:string modelId:string
  discoverySvcInfo?:VASAStorageArrayDiscoverySvcInfo[]@8.0.0.0
VVolHostPE@6.0 extends DynamicData (vim.host.VvolVolume.HostProtocolEndpoint)
  key:->HostSystem protocolEndpoint:HostProtocolEndpoint[]
HostProtocolEndpoint@6.0 extends DynamicData (vim.host.ProtocolEndpoint)
  peType:string type?:string@6.5 uuid:string hostKey?:->HostSystem[] storageArray?:string nfsServer?:string
  nfsDir?:string nfsServerScope?:string@6.5 nfsServerMajor?:string@6.5 nfsServerAuthType?:string@6.5
  nfsServerUser?:string@6.5 deviceId?:string usedByStretchedContainer?:boolean@8.0.3.0
VimVasaProviderInfo@6.0 extends DynamicData (vim.VimVasaProviderInfo)
  provider:VimVasaProvider arrayState?:VimVasaProviderStatePerArray[]
VimVasaProvider@6.0 extends DynamicData (vim.VimVasaProvider)
  uid?:string@6.7 url:string name?:string selfSignedCertificate?:string
VimVasaProviderStatePerArray@6.0 extends DynamicData (vim.VimVasaProvider.StatePerArray)
  priority:int arrayId:string active:boolean
HostDevice extends DynamicData (vim.host.Device)
  deviceName:string deviceType:string
ScsiLun extends HostDevice (vim.host.ScsiLun)
  key?:string uuid:string descriptor?:ScsiLunDescriptor[]@4.0 canonicalName?:string displayName?:string@4.0
  lunType:string vendor?:string model?:string revision?:string scsiLevel?:int serialNumber?:string
  durableName?:ScsiLunDurableName alternateName?:ScsiLunDurableName[] standardInquiry?:byte[] queueDepth?:int
  operationalState:string[] capabilities?:ScsiLunCapabilities@4.0 vStorageSupport?:string@4.1
  protocolEndpoint?:boolean@6.0 perenniallyReserved?:boolean@6.7.2 clusteredVmdkSupported?:boolean@7.0.0.0
  applicationProtocol?:string@8.0.1.0 dispersedNs?:boolean@8.0.1.0 deviceReservation?:string@8.0.3.0
HostScsiDisk extends ScsiLun (vim.host.ScsiDisk)
  capacity:HostDiskDimensionsLba devicePath:string ssd?:boolean@5.0 localDisk?:boolean@6.0
  physicalLocation?:string[]@6.0 emulatedDIXDIFEnabled?:boolean@6.0 vsanDiskInfo?:VsanHostVsanDiskInfo@6.0
  scsiDiskType?:string@6.5 usedByMemoryTiering?:boolean@8.0.3.0
HostDiskDimensionsLba extends DynamicData (vim.host.DiskDimensions.Lba)
  blockSize:int block:long
ScsiLunDescriptor@4.0 extends DynamicData (vim.host.ScsiLun.Descriptor)
  quality:string id:string
ScsiLunDurableName extends DynamicData (vim.host.ScsiLun.DurableName)
  namespace:string namespaceId:byte data?:byte[]
ScsiLunCapabilities@4.0 extends DynamicData (vim.host.ScsiLun.Capabilities)
  updateDisplayNameSupported:boolean
HostStorageDeviceInfo extends DynamicData (vim.host.StorageDeviceInfo)
  hostBusAdapter?:HostHostBusAdapter[] scsiLun?:ScsiLun[] scsiTopology?:HostScsiTopology
  multipathInfo?:HostMultipathInfo plugStoreTopology?:HostPlugStoreTopology@4.0
  softwareInternetScsiEnabled:boolean
HostHostBusAdapter extends DynamicData (vim.host.HostBusAdapter)
  key?:string device:string bus:int status:string model:string driver?:string pci?:string
  storageProtocol?:string@7.0.0.0
HostFibreChannelHba extends HostHostBusAdapter (vim.host.FibreChannelHba)
  portWorldWideName:long nodeWorldWideName:long portType:FibreChannelPortType speed:long
HostScsiTopology extends DynamicData (vim.host.ScsiTopology)
  adapter?:HostScsiTopologyInterface[]
HostScsiTopologyInterface extends DynamicData (vim.host.ScsiTopology.Interface)
  key:string adapter:string target?:HostScsiTopologyTarget[]
HostScsiTopologyTarget extends DynamicData (vim.host.ScsiTopology.Target)
  key:string target:int lun?:HostScsiTopologyLun[] transport?:HostTargetTransport
HostScsiTopologyLun extends DynamicData (vim.host.ScsiTopology.Lun)
  key:string lun:int scsiLun:string
HostTargetTransport extends DynamicData (vim.host.TargetTransport)
HostUnresolvedVmfsVolume@4.0 extends DynamicData (vim.host.UnresolvedVmfsVolume)
  extent:HostUnresolvedVmfsExtent[] vmfsLabel:string vmfsUuid:string totalBlocks:int
  resolveStatus:HostUnresolvedVmfsVolumeResolveStatus
HostUnresolvedVmfsVolumeResolveStatus@4.0 extends DynamicData (vim.host.UnresolvedVmfsVolume.ResolveStatus)
  resolvable:boolean incompleteExtents?:boolean multipleCopies?:boolean
HostUnresolvedVmfsExtent@4.0 extends DynamicData (vim.host.UnresolvedVmfsExtent)
  device:HostScsiDiskPartition devicePath:string vmfsUuid:string isHeadExtent:boolean ordinal:int startBlock:int
  endBlock:int reason:string
HostUnresolvedVmfsResignatureSpec@4.0 extends DynamicData (vim.host.UnresolvedVmfsResignatureSpec)
  extentDevicePath:string[]
HostUnresolvedVmfsResolutionSpec@4.0 extends DynamicData (vim.host.UnresolvedVmfsResolutionSpec)
  extentDevicePath:string[] uuidResolution:string
HostUnresolvedVmfsResolutionResult@4.0 extends DynamicData (vim.host.UnresolvedVmfsResolutionResult)
  spec:HostUnresolvedVmfsResolutionSpec vmfs?:HostVmfsVolume fault?:LocalizedMethodFault
HostResignatureRescanResult@4.0 extends DynamicData (vim.host.ResignatureRescanResult)
  rescan?:HostVmfsRescanResult[] result:->Datastore
HostVmfsRescanResult@4.0 extends DynamicData (vim.host.VmfsRescanResult)
  host:->HostSystem fault?:LocalizedMethodFault
HostFibreChannelTargetTransport extends HostTargetTransport (vim.host.FibreChannelTargetTransport)
  portWorldWideName:long nodeWorldWideName:long
`;

/** Virtual devices and their backings, in wire order. */
export const DEVICE_TYPES = `
VirtualDevice extends DynamicData (vim.vm.device.VirtualDevice)
  key:int deviceInfo?:Description backing?:VirtualDeviceBackingInfo connectable?:VirtualDeviceConnectInfo
  slotInfo?:VirtualDeviceBusSlotInfo@5.1 controllerKey?:int unitNumber?:int numaNode?:int@8.0.0.1
  deviceGroupInfo?:VirtualDeviceDeviceGroupInfo@8.0.0.1
VirtualDeviceBackingInfo extends DynamicData (vim.vm.device.VirtualDevice.BackingInfo)
VirtualDeviceDeviceBackingInfo extends VirtualDeviceBackingInfo (vim.vm.device.VirtualDevice.DeviceBackingInfo)
  deviceName:string useAutoDetect?:boolean
VirtualDeviceFileBackingInfo extends VirtualDeviceBackingInfo (vim.vm.device.VirtualDevice.FileBackingInfo)
  fileName:string datastore?:->Datastore backingObjectId?:string@5.5
VirtualDeviceConnectInfo extends DynamicData (vim.vm.device.VirtualDevice.ConnectInfo)
  migrateConnect?:string@6.7 startConnected:boolean allowGuestControl:boolean connected:boolean status?:string@4.0
VirtualDeviceBusSlotInfo@5.1 extends DynamicData (vim.vm.device.VirtualDevice.BusSlotInfo)
VirtualDevicePciBusSlotInfo@5.1 extends VirtualDeviceBusSlotInfo (vim.vm.device.VirtualDevice.PciBusSlotInfo)
  pciSlotNumber:int
VirtualController extends VirtualDevice (vim.vm.device.VirtualController)
  busNumber:int device?:int[]
VirtualIDEController extends VirtualController (vim.vm.device.VirtualIDEController)
VirtualPCIController extends VirtualController (vim.vm.device.VirtualPCIController)
VirtualPS2Controller extends VirtualController (vim.vm.device.VirtualPS2Controller)
VirtualSIOController extends VirtualController (vim.vm.device.VirtualSIOController)
VirtualSATAController@5.5 extends VirtualController (vim.vm.device.VirtualSATAController)
VirtualAHCIController@5.5 extends VirtualSATAController (vim.vm.device.VirtualAHCIController)
VirtualNVMEController@6.5 extends VirtualController (vim.vm.device.VirtualNVMEController)
VirtualSCSIController extends VirtualController (vim.vm.device.VirtualSCSIController)
  hotAddRemove?:boolean sharedBus:VirtualSCSISharing scsiCtlrUnitNumber?:int
VirtualBusLogicController extends VirtualSCSIController (vim.vm.device.VirtualBusLogicController)
VirtualLsiLogicController extends VirtualSCSIController (vim.vm.device.VirtualLsiLogicController)
VirtualLsiLogicSASController@2.5u2 extends VirtualSCSIController (vim.vm.device.VirtualLsiLogicSASController)
ParaVirtualSCSIController@2.5u2 extends VirtualSCSIController (vim.vm.device.ParaVirtualSCSIController)
VirtualKeyboard extends VirtualDevice (vim.vm.device.VirtualKeyboard)
VirtualPointingDevice extends VirtualDevice (vim.vm.device.VirtualPointingDevice)
VirtualPointingDeviceDeviceBackingInfo extends VirtualDeviceDeviceBackingInfo (vim.vm.device.VirtualPointingDevice.DeviceBackingInfo)
  hostPointingDevice:string
VirtualMachineVideoCard extends VirtualDevice (vim.vm.device.VirtualVideoCard)
  videoRamSizeInKB?:long numDisplays?:int@2.5u2 useAutoDetect?:boolean@2.5u2 enable3DSupport?:boolean@2.5u2
  use3dRenderer?:string@5.1 graphicsMemorySizeInKB?:long@6.0
VirtualMachineVMCIDevice@2.5u2 extends VirtualDevice (vim.vm.device.VirtualVMCIDevice)
  id?:long allowUnrestrictedCommunication?:boolean filterEnable?:boolean@6.0
  filterInfo?:VirtualMachineVMCIDeviceFilterInfo@6.0
VirtualEthernetCard extends VirtualDevice (vim.vm.device.VirtualEthernetCard)
  addressType?:string macAddress?:string wakeOnLanEnabled?:boolean
  resourceAllocation?:VirtualEthernetCardResourceAllocation@6.0 externalId?:string@6.0
  uptCompatibilityEnabled?:boolean@6.0 uptv2Enabled?:boolean@8.0.0.1
VirtualVmxnet extends VirtualEthernetCard (vim.vm.device.VirtualVmxnet)
VirtualVmxnet3@2.5u2 extends VirtualVmxnet (vim.vm.device.VirtualVmxnet3)
VirtualE1000 extends VirtualEthernetCard (vim.vm.device.VirtualE1000)
VirtualE1000e@5.0 extends VirtualEthernetCard (vim.vm.device.VirtualE1000e)
VirtualEthernetCardNetworkBackingInfo extends VirtualDeviceDeviceBackingInfo (vim.vm.device.VirtualEthernetCard.NetworkBackingInfo)
  network?:->Network inPassthroughMode?:boolean
VirtualEthernetCardDistributedVirtualPortBackingInfo@4.0 extends VirtualDeviceBackingInfo (vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo)
  port:DistributedVirtualSwitchPortConnection
DistributedVirtualSwitchPortConnection@4.0 extends DynamicData (vim.dvs.PortConnection)
  switchUuid:string portgroupKey?:string portKey?:string connectionCookie?:int
VirtualDisk extends VirtualDevice (vim.vm.device.VirtualDisk)
  capacityInKB:long capacityInBytes?:long@5.5 shares?:SharesInfo storageIOAllocation?:StorageIOAllocationInfo@4.1
  diskObjectId?:string@5.5 vFlashCacheConfigInfo?:VirtualDiskVFlashCacheConfigInfo@5.5 iofilter?:string[]@6.0
  vDiskId?:ID@6.5 vDiskVersion?:int@8.0.1.0 nativeUnmanagedLinkedClone?:boolean@6.7
  independentFilters?:VirtualMachineBaseIndependentFilterSpec[]@7.0.2.1 guestReadOnly?:boolean@8.0.2.0
VirtualDiskVFlashCacheConfigInfo@5.5 extends DynamicData (vim.vm.device.VirtualDisk.VFlashCacheConfigInfo)
  vFlashModule?:string reservationInMB?:long cacheConsistencyType?:string cacheMode?:string blockSizeInKB?:long
SharesInfo extends DynamicData (vim.SharesInfo)
  shares:int level:SharesLevel
StorageIOAllocationInfo@4.1 extends DynamicData (vim.StorageResourceManager.IOAllocationInfo)
  limit?:long shares?:SharesInfo reservation?:int@5.5
ID@6.5 extends DynamicData (vim.vslm.ID)
  id:string
CryptoKeyId@6.5 extends DynamicData (vim.encryption.CryptoKeyId)
  keyId:string providerId?:KeyProviderId
KeyProviderId@6.5 extends DynamicData (vim.encryption.KeyProviderId)
  id:string
VirtualDiskFlatVer1BackingInfo extends VirtualDeviceFileBackingInfo (vim.vm.device.VirtualDisk.FlatVer1BackingInfo)
  diskMode:string split?:boolean writeThrough?:boolean contentId?:string@4.0
  parent?:VirtualDiskFlatVer1BackingInfo@4.0
VirtualDiskFlatVer2BackingInfo extends VirtualDeviceFileBackingInfo (vim.vm.device.VirtualDisk.FlatVer2BackingInfo)
  diskMode:string split?:boolean writeThrough?:boolean thinProvisioned?:boolean eagerlyScrub?:boolean@4.0
  uuid?:string contentId?:string@4.0 changeId?:string@4.0 parent?:VirtualDiskFlatVer2BackingInfo@4.0
  deltaDiskFormat?:string@5.0 digestEnabled?:boolean@5.0 deltaGrainSize?:int@5.1
  deltaDiskFormatVariant?:string@6.0 sharing?:string@6.0 keyId?:CryptoKeyId@6.5
VirtualDiskSeSparseBackingInfo@5.1 extends VirtualDeviceFileBackingInfo (vim.vm.device.VirtualDisk.SeSparseBackingInfo)
  diskMode:string writeThrough?:boolean uuid?:string contentId?:string changeId?:string
  parent?:VirtualDiskSeSparseBackingInfo deltaDiskFormat?:string digestEnabled?:boolean grainSize?:int
  keyId?:CryptoKeyId@6.5
VirtualDiskSparseVer1BackingInfo extends VirtualDeviceFileBackingInfo (vim.vm.device.VirtualDisk.SparseVer1BackingInfo)
  diskMode:string split?:boolean writeThrough?:boolean spaceUsedInKB?:long contentId?:string@4.0
  parent?:VirtualDiskSparseVer1BackingInfo@4.0
VirtualDiskSparseVer2BackingInfo extends VirtualDeviceFileBackingInfo (vim.vm.device.VirtualDisk.SparseVer2BackingInfo)
  diskMode:string split?:boolean writeThrough?:boolean spaceUsedInKB?:long uuid?:string contentId?:string@4.0
  changeId?:string@4.0 parent?:VirtualDiskSparseVer2BackingInfo@4.0 keyId?:CryptoKeyId@6.5
VirtualDiskRawDiskMappingVer1BackingInfo extends VirtualDeviceFileBackingInfo (vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo)
  lunUuid?:string deviceName?:string compatibilityMode?:string diskMode?:string uuid?:string contentId?:string@4.0
  changeId?:string@4.0 parent?:VirtualDiskRawDiskMappingVer1BackingInfo@4.0 deltaDiskFormat?:string@6.7
  deltaGrainSize?:int@6.7 sharing?:string@6.0
VirtualDiskRawDiskVer2BackingInfo extends VirtualDeviceDeviceBackingInfo (vim.vm.device.VirtualDisk.RawDiskVer2BackingInfo)
  descriptorFileName:string uuid?:string changeId?:string@4.0 sharing?:string@6.0
VirtualDiskPartitionedRawDiskVer2BackingInfo extends VirtualDiskRawDiskVer2BackingInfo (vim.vm.device.VirtualDisk.PartitionedRawDiskVer2BackingInfo)
  partition:int[]
VirtualDiskLocalPMemBackingInfo@6.7 extends VirtualDeviceFileBackingInfo (vim.vm.device.VirtualDisk.LocalPMemBackingInfo)
  diskMode:string uuid?:string volumeUUID?:string contentId?:string
VirtualDeviceConfigSpec extends DynamicData (vim.vm.device.VirtualDeviceSpec)
  operation?:VirtualDeviceConfigSpecOperation fileOperation?:VirtualDeviceConfigSpecFileOperation
  device:VirtualDevice profile?:VirtualMachineProfileSpec[]@5.5 backing?:VirtualDeviceConfigSpecBackingSpec@6.5
  filterSpec?:VirtualMachineBaseIndependentFilterSpec[]@7.0.2.1 changeMode?:string@8.0.0.1
`;

/** The operations the lab's vCenter serves, with their parameters in wire order. Notation: `notation.ts`. */
export const OPERATIONS = `
ManagedObject.Fetch => anyType?
  prop:string
ServiceInstance.RetrieveServiceContent !System.Anonymous => ServiceContent
ServiceInstance.CurrentTime !System.View => dateTime

SessionManager.Login !System.Anonymous => UserSession
  userName:string password:string locale?:string
SessionManager.Logout !System.View
SessionManager.SessionIsActive !Sessions.ValidateSession => boolean
  sessionID:string userName:string
SessionManager.AcquireCloneTicket@2.5u2 !System.View => string
SessionManager.CloneSession@2.5u2 !System.Anonymous => UserSession
  cloneTicket:string
SessionManager.TerminateSession !Sessions.TerminateSession
  sessionId:string[]

PropertyCollector.RetrieveProperties !System.Anonymous => ObjectContent[]?
  specSet:PropertyFilterSpec[]
PropertyCollector.RetrievePropertiesEx@4.1 !System.Anonymous => RetrieveResult?
  specSet:PropertyFilterSpec[] options:RetrieveOptions
PropertyCollector.ContinueRetrievePropertiesEx@4.1 !System.Anonymous => RetrieveResult
  token:string
PropertyCollector.CancelRetrievePropertiesEx@4.1 !System.Anonymous
  token:string
PropertyCollector.CreatePropertyCollector@4.1 !System.View => ->PropertyCollector
PropertyCollector.DestroyPropertyCollector@4.1 !System.View
PropertyCollector.CreateFilter !System.View => ->PropertyFilter
  spec:PropertyFilterSpec partialUpdates:boolean
PropertyFilter.DestroyPropertyFilter
PropertyCollector.CheckForUpdates !System.View => UpdateSet?
  version?:string
PropertyCollector.WaitForUpdates !System.View => UpdateSet
  version?:string
PropertyCollector.WaitForUpdatesEx@4.1 !System.View => UpdateSet?
  version?:string options?:WaitOptions
PropertyCollector.CancelWaitForUpdates !System.View

ViewManager.CreateContainerView !System.View => ->ContainerView
  container:->ManagedEntity type?:string[] recursive:boolean
ViewManager.CreateListView !System.View => ->ListView
  obj?:->ManagedObject[]
ViewManager.CreateListViewFromView !System.View => ->ListView
  view:->View
ViewManager.CreateInventoryView !System.View => ->InventoryView
View.DestroyView !System.View
ListView.ModifyListView => ->ManagedObject[]?
  add?:->ManagedObject[] remove?:->ManagedObject[]
ListView.ResetListView => ->ManagedObject[]?
  obj?:->ManagedObject[]
ListView.ResetListViewFromView
  view:->View
InventoryView.OpenInventoryViewFolder => ->ManagedEntity[]?
  entity:->ManagedEntity[]
InventoryView.CloseInventoryViewFolder => ->ManagedEntity[]?
  entity:->ManagedEntity[]

SearchIndex.FindByUuid !System.View => ->ManagedEntity?
  datacenter?:->Datacenter uuid:string vmSearch:boolean instanceUuid?:boolean@4.0
SearchIndex.FindAllByUuid@4.0 !System.View => ->ManagedEntity[]?
  datacenter?:->Datacenter uuid:string vmSearch:boolean instanceUuid?:boolean
SearchIndex.FindByDatastorePath !System.View => ->VirtualMachine?
  datacenter:->Datacenter path:string
SearchIndex.FindByDnsName !System.View => ->ManagedEntity?
  datacenter?:->Datacenter dnsName:string vmSearch:boolean
SearchIndex.FindAllByDnsName@4.0 !System.View => ->ManagedEntity[]?
  datacenter?:->Datacenter dnsName:string vmSearch:boolean
SearchIndex.FindByIp !System.View => ->ManagedEntity?
  datacenter?:->Datacenter ip:string vmSearch:boolean
SearchIndex.FindAllByIp@4.0 !System.View => ->ManagedEntity[]?
  datacenter?:->Datacenter ip:string vmSearch:boolean
SearchIndex.FindByInventoryPath !System.View => ->ManagedEntity?
  inventoryPath:string
SearchIndex.FindChild !System.View => ->ManagedEntity?
  entity:->ManagedEntity name:string

ManagedEntity.Rename_Task => ->Task
  newName:string
VirtualMachine.PowerOnVM_Task !VirtualMachine.Interact.PowerOn => ->Task
  host?:->HostSystem
VirtualMachine.PowerOffVM_Task !VirtualMachine.Interact.PowerOff => ->Task
VirtualMachine.CreateSnapshot_Task !VirtualMachine.State.CreateSnapshot => ->Task
  name:string description?:string memory:boolean quiesce:boolean
VirtualMachine.CreateSnapshotEx_Task@6.5 !VirtualMachine.State.CreateSnapshot => ->Task
  name:string description?:string memory:boolean quiesceSpec?:VirtualMachineGuestQuiesceSpec
VirtualMachine.ConsolidateVMDisks_Task@5.0 !VirtualMachine.State.RemoveSnapshot => ->Task
VirtualMachine.ReconfigVM_Task => ->Task
  spec:VirtualMachineConfigSpec
VirtualMachine.CloneVM_Task !VirtualMachine.Provisioning.Clone => ->Task
  folder:->Folder name:string spec:VirtualMachineCloneSpec
ManagedEntity.Destroy_Task => ->Task
VirtualMachine.QueryChangedDiskAreas@4.0 !VirtualMachine.Provisioning.DiskRandomRead => DiskChangeInfo
  snapshot?:->VirtualMachineSnapshot deviceKey:int startOffset:long changeId:string
VirtualMachine.UnregisterVM !VirtualMachine.Inventory.Unregister
VirtualMachineSnapshot.RemoveSnapshot_Task !VirtualMachine.State.RemoveSnapshot => ->Task
  removeChildren:boolean consolidate?:boolean@5.0
VirtualMachineSnapshot.RenameSnapshot !VirtualMachine.State.RenameSnapshot
  name?:string description?:string
VirtualMachineSnapshot.RevertToSnapshot_Task !VirtualMachine.State.RevertToSnapshot => ->Task
  host?:->HostSystem suppressPowerOn?:boolean@4.0
Folder.RegisterVM_Task !VirtualMachine.Inventory.Register => ->Task
  path:string name?:string asTemplate:boolean pool?:->ResourcePool host?:->HostSystem
ResourcePool.ImportVApp@4.0 !VApp.Import => ->HttpNfcLease
  spec:ImportSpec folder?:->Folder host?:->HostSystem
HttpNfcLease.HttpNfcLeaseProgress@4.0
  percent:int
HttpNfcLease.HttpNfcLeaseComplete@4.0
HttpNfcLease.HttpNfcLeaseAbort@4.0
  fault?:LocalizedMethodFault
Task.CancelTask

HostStorageSystem.RescanAllHba !Host.Config.Storage
HostStorageSystem.RescanHba !Host.Config.Storage
  hbaDevice:string
HostStorageSystem.RescanVmfs !Host.Config.Storage
HostStorageSystem.RefreshStorageSystem !Host.Config.Storage
HostStorageSystem.QueryUnresolvedVmfsVolume@4.0 !Host.Config.Storage => HostUnresolvedVmfsVolume[]?
HostStorageSystem.ResolveMultipleUnresolvedVmfsVolumes@4.0 !Host.Config.Storage => HostUnresolvedVmfsResolutionResult[]?
  resolutionSpec:HostUnresolvedVmfsResolutionSpec[]
HostStorageSystem.MountVmfsVolume@5.0 !Host.Config.Storage
  vmfsUuid:string
HostStorageSystem.UnmountVmfsVolume@5.0 !Host.Config.Storage
  vmfsUuid:string
HostStorageSystem.DeleteVmfsVolumeState@5.0 !Host.Config.Storage
  vmfsUuid:string
HostStorageSystem.AttachScsiLun@5.0 !Host.Config.Storage
  lunUuid:string
HostStorageSystem.DetachScsiLun@5.0 !Host.Config.Storage
  lunUuid:string
HostStorageSystem.DeleteScsiLunState@5.0 !Host.Config.Storage
  lunCanonicalName:string
HostDatastoreSystem.QueryUnresolvedVmfsVolumes@4.0 !Host.Config.Storage => HostUnresolvedVmfsVolume[]?
HostDatastoreSystem.ResignatureUnresolvedVmfsVolume_Task@4.0 !Host.Config.Storage => ->Task
  resolutionSpec:HostUnresolvedVmfsResignatureSpec

GuestAuthManager.ValidateCredentialsInGuest@5.0
  vm:->VirtualMachine auth:GuestAuthentication
GuestProcessManager.StartProgramInGuest@5.0 => long
  vm:->VirtualMachine auth:GuestAuthentication spec:GuestProgramSpec
GuestProcessManager.ListProcessesInGuest@5.0 => GuestProcessInfo[]?
  vm:->VirtualMachine auth:GuestAuthentication pids?:long[]
GuestProcessManager.TerminateProcessInGuest@5.0
  vm:->VirtualMachine auth:GuestAuthentication pid:long
GuestFileManager.MakeDirectoryInGuest@5.0
  vm:->VirtualMachine auth:GuestAuthentication directoryPath:string createParentDirectories:boolean
GuestFileManager.DeleteFileInGuest@5.0
  vm:->VirtualMachine auth:GuestAuthentication filePath:string
GuestFileManager.DeleteDirectoryInGuest@5.0
  vm:->VirtualMachine auth:GuestAuthentication directoryPath:string recursive:boolean
GuestFileManager.CreateTemporaryDirectoryInGuest@5.0 => string
  vm:->VirtualMachine auth:GuestAuthentication prefix:string suffix:string directoryPath?:string@5.1
GuestFileManager.InitiateFileTransferFromGuest@5.0 => FileTransferInformation
  vm:->VirtualMachine auth:GuestAuthentication guestFilePath:string
GuestFileManager.InitiateFileTransferToGuest@5.0 => string
  vm:->VirtualMachine auth:GuestAuthentication guestFilePath:string fileAttributes:GuestFileAttributes fileSize:long overwrite:boolean

EventManager.PostEvent !Global.LogEvent
  eventToPost:Event taskInfo?:TaskInfo
EventManager.LogUserEvent
  entity:->ManagedEntity msg:string
`;

/** Managed object types with their properties; `!` names the privilege a property needs, none means `System.Read`. */
export const MANAGED_TYPES = `
ManagedEntity extends ExtensibleManagedObject (vim.ManagedEntity)
  parent?:->ManagedEntity!System.View customValue?:CustomFieldValue[]!System.View
  overallStatus:ManagedEntityStatus configStatus:ManagedEntityStatus configIssue?:Event[]
  effectiveRole?:int[]!System.View permission?:Permission[] name:string!System.View disabledMethod?:string[]
  recentTask?:->Task[] declaredAlarmState?:AlarmState[]!System.View triggeredAlarmState?:AlarmState[]!System.View
  alarmActionsEnabled?:boolean@4.0!System.Read tag?:Tag[]@4.0!System.View
ExtensibleManagedObject extends ManagedObject (vim.ExtensibleManagedObject)
  value?:CustomFieldValue[]!System.View availableField?:CustomFieldDef[]!System.View
ServiceInstance extends ManagedObject (vim.ServiceInstance)
  serverClock:dateTime!System.View capability:Capability!System.View content:ServiceContent!System.Anonymous
SessionManager extends ManagedObject (vim.SessionManager)
  sessionList?:UserSession[]!Sessions.TerminateSession currentSession?:UserSession!System.Anonymous
  message?:string!System.View messageLocaleList?:string[]!System.Anonymous
  supportedLocaleList?:string[]!System.Anonymous defaultLocale:string!System.Anonymous
PropertyCollector extends ManagedObject (vmodl.query.PropertyCollector)
  filter?:->PropertyFilter[]!System.View
PropertyFilter extends ManagedObject (vmodl.query.PropertyCollector.Filter)
  spec:PropertyFilterSpec!System.View partialUpdates:boolean!System.View
View extends ManagedObject (vim.view.View)
ManagedObjectView extends View (vim.view.ManagedObjectView)
  view?:->ManagedObject[]!System.View
ContainerView extends ManagedObjectView (vim.view.ContainerView)
  container:->ManagedEntity!System.View type?:string[]!System.View recursive:boolean!System.View
ListView extends ManagedObjectView (vim.view.ListView)
InventoryView extends ManagedObjectView (vim.view.InventoryView)
ViewManager extends ManagedObject (vim.view.ViewManager)
  viewList?:->View[]!System.View
SearchIndex extends ManagedObject (vim.SearchIndex)
Folder extends ManagedEntity (vim.Folder)
  childType?:string[]!System.View childEntity?:->ManagedEntity[]!System.View
StoragePod@5.0 extends Folder (vim.StoragePod)
  summary?:StoragePodSummary!System.View podStorageDrsEntry?:PodStorageDrsEntry!System.Read
Datacenter extends ManagedEntity (vim.Datacenter)
  vmFolder:->Folder!System.View hostFolder:->Folder!System.View datastoreFolder:->Folder@4.0!System.View
  networkFolder:->Folder@4.0!System.View datastore?:->Datastore[] network?:->Network[]
  configuration:DatacenterConfigInfo@5.1!System.View
ComputeResource extends ManagedEntity (vim.ComputeResource)
  resourcePool?:->ResourcePool!System.View host?:->HostSystem[]!System.View datastore?:->Datastore[]!System.View
  network?:->Network[]!System.View summary:ComputeResourceSummary
  environmentBrowser?:->EnvironmentBrowser!System.View configurationEx:ComputeResourceConfigInfo
ClusterComputeResource extends ComputeResource (vim.ClusterComputeResource)
  configuration:ClusterConfigInfo recommendation?:ClusterRecommendation[]!System.Read
  drsRecommendation?:ClusterDrsRecommendation[] hciConfig?:ClusterComputeResourceHCIConfigInfo@6.7.1
  migrationHistory?:ClusterDrsMigration[] actionHistory?:ClusterActionHistory[]
  drsFault?:ClusterDrsFaults[]@4.0!System.Read
ResourcePool extends ManagedEntity (vim.ResourcePool)
  summary:ResourcePoolSummary runtime:ResourcePoolRuntimeInfo owner:->ComputeResource!System.View
  resourcePool?:->ResourcePool[]!System.View vm?:->VirtualMachine[]!System.View config:ResourceConfigSpec
  childConfiguration?:ResourceConfigSpec[]
VirtualApp@4.0 extends ResourcePool (vim.VirtualApp)
  parentFolder?:->Folder!System.View datastore?:->Datastore[]!System.View network?:->Network[]!System.View
  vAppConfig?:VAppConfigInfo!System.Read parentVApp?:->ManagedEntity@4.1 childLink?:VirtualAppLinkInfo[]@4.1
HostSystem extends ManagedEntity (vim.HostSystem)
  runtime:HostRuntimeInfo summary:HostListSummary hardware?:HostHardwareInfo capability?:HostCapability
  licensableResource:HostLicensableResourceInfo@5.0 remediationState?:HostSystemRemediationState@6.7
  precheckRemediationResult?:ApplyHostProfileConfigurationSpec@6.7
  remediationResult?:ApplyHostProfileConfigurationResult@6.7
  complianceCheckState?:HostSystemComplianceCheckState@6.7 complianceCheckResult?:ComplianceResult@6.7
  configManager:HostConfigManager config?:HostConfigInfo vm?:->VirtualMachine[]
  datastore?:->Datastore[]!System.View network?:->Network[]!System.View
  datastoreBrowser:->HostDatastoreBrowser!System.View systemResources?:HostSystemResourceInfo
  answerFileValidationState?:AnswerFileStatusResult@6.7 answerFileValidationResult?:AnswerFileStatusResult@6.7
Datastore extends ManagedEntity (vim.Datastore)
  info:DatastoreInfo summary:DatastoreSummary host?:DatastoreHostMount[] vm?:->VirtualMachine[]
  browser:->HostDatastoreBrowser capability:DatastoreCapability iormConfiguration?:StorageIORMInfo@4.1
Network extends ManagedEntity (vim.Network)
  summary:NetworkSummary host?:->HostSystem[] vm?:->VirtualMachine[]
DistributedVirtualPortgroup@4.0 extends Network (vim.dvs.DistributedVirtualPortgroup)
  key:string config:DVPortgroupConfigInfo portKeys?:string[]
OpaqueNetwork@5.5 extends Network (vim.OpaqueNetwork)
  capability?:OpaqueNetworkCapability@6.5 extraConfig?:OptionValue[]@6.5
DistributedVirtualSwitch@4.0 extends ManagedEntity (vim.DistributedVirtualSwitch)
  uuid:string capability:DVSCapability summary:DVSSummary config:DVSConfigInfo
  networkResourcePool?:DVSNetworkResourcePool[]@4.1 portgroup?:->DistributedVirtualPortgroup[]
  runtime?:DVSRuntimeInfo@5.1
VmwareDistributedVirtualSwitch@4.0 extends DistributedVirtualSwitch (vim.dvs.VmwareDistributedVirtualSwitch)
VirtualMachine extends ManagedEntity (vim.VirtualMachine)
  capability:VirtualMachineCapability config?:VirtualMachineConfigInfo layout?:VirtualMachineFileLayout
  layoutEx?:VirtualMachineFileLayoutEx@4.0 storage?:VirtualMachineStorageInfo@4.0
  environmentBrowser:->EnvironmentBrowser resourcePool?:->ResourcePool parentVApp?:->ManagedEntity@4.1
  resourceConfig?:ResourceConfigSpec runtime:VirtualMachineRuntimeInfo guest?:GuestInfo
  summary:VirtualMachineSummary datastore?:->Datastore[]!System.View network?:->Network[]!System.View
  snapshot?:VirtualMachineSnapshotInfo rootSnapshot?:->VirtualMachineSnapshot[]@4.1
  guestHeartbeatStatus:ManagedEntityStatus
VirtualMachineSnapshot extends ExtensibleManagedObject (vim.vm.Snapshot)
  config:VirtualMachineConfigInfo childSnapshot?:->VirtualMachineSnapshot[]@4.1 vm:->VirtualMachine@6.0
Task extends ExtensibleManagedObject (vim.Task)
  info:TaskInfo!System.View
HttpNfcLease@4.0 extends ManagedObject (vim.HttpNfcLease)
  initializeProgress:int info?:HttpNfcLeaseInfo state:HttpNfcLeaseState error?:LocalizedMethodFault
TaskManager extends ManagedObject (vim.TaskManager)
  recentTask?:->Task[]!System.View description:TaskDescription!System.View maxCollector:int!System.View
EventManager extends ManagedObject (vim.event.EventManager)
  description:EventDescription!System.View latestEvent?:Event!System.View maxCollector:int!System.View
HistoryCollector extends ManagedObject (vim.HistoryCollector)
  filter:anyType
EventHistoryCollector extends HistoryCollector (vim.event.EventHistoryCollector)
  latestPage?:Event[]
TaskHistoryCollector extends HistoryCollector (vim.TaskHistoryCollector)
  latestPage?:TaskInfo[]
HostStorageSystem extends ExtensibleManagedObject (vim.host.StorageSystem)
  storageDeviceInfo?:HostStorageDeviceInfo fileSystemVolumeInfo:HostFileSystemVolumeInfo systemFile?:string[]@4.1
  multipathStateInfo?:HostMultipathStateInfo@4.0
HostDatastoreSystem extends ManagedObject (vim.host.DatastoreSystem)
  datastore?:->Datastore[]!System.View capabilities:HostDatastoreSystemCapabilities
HostDatastoreBrowser extends ManagedObject (vim.host.DatastoreBrowser)
  datastore?:->Datastore[]!System.View supportedType?:FileQuery[]
EnvironmentBrowser extends ManagedObject (vim.EnvironmentBrowser)
  datastoreBrowser?:->HostDatastoreBrowser!System.View
CustomFieldsManager extends ManagedObject (vim.CustomFieldsManager)
  field?:CustomFieldDef[]!System.View
GuestOperationsManager extends ManagedObject (vim.vm.guest.GuestOperationsManager)
  authManager?:->GuestAuthManager!System.View fileManager?:->GuestFileManager!System.View
  processManager?:->GuestProcessManager!System.View
`;

/** Types a vCenter has but of which the lab knows no property: `Name` or `Name:Base`. */
export const OTHER_MANAGED_TYPES = `
CertificateManager CustomizationSpecManager DatastoreNamespaceManager DiagnosticManager ExtensionManager
FileManager HealthUpdateManager IoFilterManager IpPoolManager LicenseManager LocalizationManager
OverheadMemoryManager OvfManager PerformanceManager ResourcePlanningManager ServiceManager StorageResourceManager
UserDirectory VirtualizationManager Alarm:ExtensibleManagedObject CryptoManager CryptoManagerKmip:CryptoManager
HostAuthenticationManager HostAutoStartManager HostBootDeviceSystem HostCacheConfigurationManager
HostCertificateManager HostCpuSchedulerSystem:ExtensibleManagedObject HostDateTimeSystem HostEsxAgentHostManager
HostFirewallSystem:ExtensibleManagedObject HostFirmwareSystem HostGraphicsManager:ExtensibleManagedObject
HostHealthStatusSystem HostAccessManager HostImageConfigManager HostKernelModuleSystem HostLocalAccountManager
HostMemorySystem:ExtensibleManagedObject HostNetworkSystem:ExtensibleManagedObject HostNvdimmSystem
HostPatchManager HostPciPassthruSystem:ExtensibleManagedObject HostPowerSystem
HostServiceSystem:ExtensibleManagedObject HostSnmpSystem HostVFlashManager
HostVMotionSystem:ExtensibleManagedObject HostVirtualNicManager:ExtensibleManagedObject HostVsanInternalSystem
HostVsanSystem HostDiagnosticSystem IscsiManager MessageBusProxy OptionManager ProfileComplianceManager Profile
ProfileManager ClusterProfile:Profile ClusterProfileManager:ProfileManager HostProfile:Profile
HostProfileManager:ProfileManager HostSpecificationManager ScheduledTask:ExtensibleManagedObject
ScheduledTaskManager FailoverClusterConfigurator FailoverClusterManager VirtualMachineCompatibilityChecker
VirtualMachineProvisioningChecker GuestAliasManager GuestAuthManager GuestFileManager
GuestProcessManager GuestWindowsRegistryManager VStorageObjectManagerBase
VcenterVStorageObjectManager:VStorageObjectManagerBase AuthorizationManager VirtualDiskManager AlarmManager
DistributedVirtualSwitchManager
`;

/** What a VirtualMachine shows of itself, in wire order. */
export const VIRTUAL_MACHINE_TYPES = `
VirtualMachineConfigInfo extends DynamicData (vim.vm.ConfigInfo)
  changeVersion:string modified:dateTime name:string guestFullName:string version:string uuid:string
  createDate?:dateTime@6.7 instanceUuid?:string@4.0 npivNodeWorldWideName?:long[] npivPortWorldWideName?:long[]
  npivWorldWideNameType?:string npivDesiredNodeWwns?:short@4.0 npivDesiredPortWwns?:short@4.0
  npivTemporaryDisabled?:boolean@4.0 npivOnNonRdmDisks?:boolean@4.0 locationId?:string template:boolean
  guestId:string alternateGuestName:string annotation?:string files:VirtualMachineFileInfo tools?:ToolsConfigInfo
  flags:VirtualMachineFlagInfo consolePreferences?:VirtualMachineConsolePreferences
  defaultPowerOps:VirtualMachineDefaultPowerOpInfo rebootPowerOff?:boolean@7.0.0.0 hardware:VirtualHardware
  vcpuConfig?:VirtualMachineVcpuConfig[]@7.0.0.0 cpuAllocation?:ResourceAllocationInfo
  memoryAllocation?:ResourceAllocationInfo latencySensitivity?:LatencySensitivity@5.1
  memoryHotAddEnabled?:boolean@2.5u2 cpuHotAddEnabled?:boolean@2.5u2 cpuHotRemoveEnabled?:boolean@2.5u2
  hotPlugMemoryLimit?:long@2.5u2 hotPlugMemoryIncrementSize?:long@2.5u2 cpuAffinity?:VirtualMachineAffinityInfo
  memoryAffinity?:VirtualMachineAffinityInfo networkShaper?:VirtualMachineNetworkShaperInfo
  extraConfig?:OptionValue[] cpuFeatureMask?:HostCpuIdInfo[]
  datastoreUrl?:VirtualMachineConfigInfoDatastoreUrlPair[] swapPlacement?:string
  bootOptions?:VirtualMachineBootOptions ftInfo?:FaultToleranceConfigInfo@4.0 repConfig?:ReplicationConfigSpec@6.0
  vAppConfig?:VmConfigInfo@4.0 vAssertsEnabled?:boolean@4.0 changeTrackingEnabled?:boolean@4.0
  firmware?:string@5.0 maxMksConnections?:int@5.0 guestAutoLockEnabled?:boolean@5.0 managedBy?:ManagedByInfo@5.0
  memoryReservationLockedToMax?:boolean@5.0 initialOverhead?:VirtualMachineConfigInfoOverheadInfo@5.0
  nestedHVEnabled?:boolean@5.1 vPMCEnabled?:boolean@5.1
  scheduledHardwareUpgradeInfo?:ScheduledHardwareUpgradeInfo@5.1 forkConfigInfo?:VirtualMachineForkConfigInfo@6.0
  vFlashCacheReservation?:long@5.5 vmxConfigChecksum?:base64Binary@6.0 messageBusTunnelEnabled?:boolean@6.0
  vmStorageObjectId?:string@6.0 swapStorageObjectId?:string@6.0 keyId?:CryptoKeyId@6.5
  guestIntegrityInfo?:VirtualMachineGuestIntegrityInfo@6.5 migrateEncryption?:string@6.5
  sgxInfo?:VirtualMachineSgxInfo@7.0.0.0 contentLibItemInfo?:VirtualMachineContentLibraryItemInfo@7.0.0.0
  ftEncryptionMode?:string@7.0.2.0 guestMonitoringModeInfo?:VirtualMachineGuestMonitoringModeInfo@7.0.0.0
  sevEnabled?:boolean@7.0.1.0 numaInfo?:VirtualMachineVirtualNumaInfo@8.0.0.1 pmemFailoverEnabled?:boolean@7.0.2.0
  vmxStatsCollectionEnabled?:boolean@7.0.3.1 vmOpNotificationToAppEnabled?:boolean@8.0.0.1
  vmOpNotificationTimeout?:long@8.0.0.1 deviceSwap?:VirtualMachineVirtualDeviceSwap@8.0.0.1
  pmem?:VirtualMachineVirtualPMem@7.0.3.0 deviceGroups?:VirtualMachineVirtualDeviceGroups@8.0.0.1
  fixedPassthruHotPlugEnabled?:boolean@8.0.1.0 metroFtEnabled?:boolean@8.0.3.0 metroFtHostGroup?:string@8.0.3.0
VirtualMachineFileInfo extends DynamicData (vim.vm.FileInfo)
  vmPathName?:string snapshotDirectory?:string suspendDirectory?:string logDirectory?:string
  ftMetadataDirectory?:string@6.0
VirtualMachineFlagInfo extends DynamicData (vim.vm.FlagInfo)
  disableAcceleration?:boolean enableLogging?:boolean useToe?:boolean runWithDebugInfo?:boolean
  monitorType?:string htSharing?:string snapshotDisabled?:boolean snapshotLocked?:boolean diskUuidEnabled?:boolean
  virtualMmuUsage?:string virtualExecUsage?:string@4.0 snapshotPowerOffBehavior?:string
  recordReplayEnabled?:boolean@4.0 faultToleranceType?:string@6.0 cbrcCacheEnabled?:boolean@6.5
  vvtdEnabled?:boolean@6.7 vbsEnabled?:boolean@6.7
VirtualMachineDefaultPowerOpInfo extends DynamicData (vim.vm.DefaultPowerOpInfo)
  powerOffType?:string suspendType?:string resetType?:string defaultPowerOffType?:string
  defaultSuspendType?:string defaultResetType?:string standbyAction?:string
VirtualMachineConfigInfoDatastoreUrlPair extends DynamicData (vim.vm.ConfigInfo.DatastoreUrlPair)
  name:string url:string
VirtualMachineBootOptions extends DynamicData (vim.vm.BootOptions)
  bootDelay?:long enterBIOSSetup?:boolean efiSecureBootEnabled?:boolean@6.5 bootRetryEnabled?:boolean@4.1
  bootRetryDelay?:long@4.1 bootOrder?:VirtualMachineBootOptionsBootableDevice[]@5.0
  networkBootProtocol?:string@6.0
VirtualHardware extends DynamicData (vim.vm.VirtualHardware)
  numCPU:int numCoresPerSocket?:int@5.0 memoryMB:int virtualICH7MPresent?:boolean@5.0
  virtualSMCPresent?:boolean@5.0 device?:VirtualDevice[]
ToolsConfigInfo extends DynamicData (vim.vm.ToolsConfigInfo)
  toolsVersion?:int toolsInstallType?:string@6.5 afterPowerOn?:boolean afterResume?:boolean
  beforeGuestStandby?:boolean beforeGuestShutdown?:boolean beforeGuestReboot?:boolean toolsUpgradePolicy?:string
  pendingCustomization?:string customizationKeyId?:CryptoKeyId@6.5 syncTimeWithHost?:boolean
  lastInstallInfo?:ToolsConfigInfoToolsLastInstallInfo@5.0
ResourceAllocationInfo extends DynamicData (vim.ResourceAllocationInfo)
  reservation?:long expandableReservation?:boolean limit?:long shares?:SharesInfo overheadLimit?:long
LatencySensitivity@5.1 extends DynamicData (vim.LatencySensitivity)
  level:LatencySensitivitySensitivityLevel sensitivity?:int
ManagedByInfo@5.0 extends DynamicData (vim.ext.ManagedByInfo)
  extensionKey:string type:string
VirtualMachineRuntimeInfo extends DynamicData (vim.vm.RuntimeInfo)
  device?:VirtualMachineDeviceRuntimeInfo[]@4.1 host?:->HostSystem connectionState:VirtualMachineConnectionState
  powerState:VirtualMachinePowerState faultToleranceState:VirtualMachineFaultToleranceState@4.0
  dasVmProtection?:VirtualMachineRuntimeInfoDasProtectionState@5.0 toolsInstallerMounted:boolean
  suspendTime?:dateTime bootTime?:dateTime suspendInterval?:long question?:VirtualMachineQuestionInfo
  memoryOverhead?:long maxCpuUsage?:int maxMemoryUsage?:int numMksConnections:int
  recordReplayState:VirtualMachineRecordReplayState@4.0 cleanPowerOff?:boolean@4.0 needSecondaryReason?:string@4.0
  onlineStandby:boolean@5.1 minRequiredEVCModeKey?:string@4.1 consolidationNeeded:boolean@5.0
  offlineFeatureRequirement?:VirtualMachineFeatureRequirement[]@5.1
  featureRequirement?:VirtualMachineFeatureRequirement[]@5.1 featureMask?:HostFeatureMask[]@5.1
  vFlashCacheAllocation?:long@5.5 paused?:boolean@6.0 snapshotInBackground?:boolean@6.0
  quiescedForkParent?:boolean@6.0 instantCloneFrozen?:boolean@6.7 cryptoState?:string@6.7
VirtualMachineSummary extends DynamicData (vim.vm.Summary)
  vm?:->VirtualMachine runtime:VirtualMachineRuntimeInfo guest?:VirtualMachineGuestSummary
  config:VirtualMachineConfigSummary storage?:VirtualMachineStorageSummary@4.0 quickStats:VirtualMachineQuickStats
  overallStatus:ManagedEntityStatus customValue?:CustomFieldValue[]
VirtualMachineConfigSummary extends DynamicData (vim.vm.Summary.ConfigSummary)
  name:string template:boolean vmPathName:string memorySizeMB?:int cpuReservation?:int memoryReservation?:int
  numCpu?:int numEthernetCards?:int numVirtualDisks?:int uuid?:string instanceUuid?:string@4.0 guestId?:string
  guestFullName?:string annotation?:string product?:VAppProductInfo@4.0 installBootRequired?:boolean@4.0
  ftInfo?:FaultToleranceConfigInfo@4.0 managedBy?:ManagedByInfo@5.0 tpmPresent?:boolean@6.7
  numVmiopBackings?:int@6.7
VirtualMachineGuestSummary extends DynamicData (vim.vm.Summary.GuestSummary)
  guestId?:string guestFullName?:string toolsStatus?:VirtualMachineToolsStatus toolsVersionStatus?:string@4.0
  toolsVersionStatus2?:string@5.0 toolsRunningStatus?:string@4.0 hostName?:string ipAddress?:string
VirtualMachineQuickStats extends DynamicData (vim.vm.Summary.QuickStats)
  overallCpuUsage?:int overallCpuDemand?:int@4.0 guestMemoryUsage?:int hostMemoryUsage?:int
  guestHeartbeatStatus:ManagedEntityStatus distributedCpuEntitlement?:int distributedMemoryEntitlement?:int
  staticCpuEntitlement?:int@4.0 staticMemoryEntitlement?:int@4.0 privateMemory?:int@4.0 sharedMemory?:int@4.0
  swappedMemory?:int@4.0 balloonedMemory?:int@4.0 consumedOverheadMemory?:int@4.0 ftLogBandwidth?:int@4.0
  ftSecondaryLatency?:int@4.0 ftLatencyStatus?:ManagedEntityStatus@4.0 compressedMemory?:long@4.1
  uptimeSeconds?:int@4.1 ssdSwappedMemory?:long@5.0
VirtualMachineStorageSummary@4.0 extends DynamicData (vim.vm.Summary.StorageSummary)
  committed:long uncommitted:long unshared:long timestamp:dateTime
GuestInfo extends DynamicData (vim.vm.GuestInfo)
  toolsStatus?:VirtualMachineToolsStatus toolsVersionStatus?:string@4.0 toolsVersionStatus2?:string@5.0
  toolsRunningStatus?:string@4.0 toolsVersion?:string toolsInstallType?:string@6.5 guestId?:string
  guestFamily?:string guestFullName?:string hostName?:string ipAddress?:string net?:GuestNicInfo[]
  ipStack?:GuestStackInfo[]@4.1 disk?:GuestDiskInfo[] screen?:GuestScreenInfo guestState:string
  appHeartbeatStatus?:string@4.1 guestKernelCrashed?:boolean@6.0 appState?:string@5.5
  guestOperationsReady?:boolean@5.0 interactiveGuestOperationsReady?:boolean@5.0
  guestStateChangeSupported?:boolean@6.0 generationInfo?:GuestInfoNamespaceGenerationInfo[]@5.1
GuestDiskInfo extends DynamicData (vim.vm.GuestInfo.DiskInfo)
  diskPath?:string capacity?:long freeSpace?:long filesystemType?:string@7.0.0.0
  mappings?:GuestInfoVirtualDiskMapping[]@7.0.0.0
GuestNicInfo extends DynamicData (vim.vm.GuestInfo.NicInfo)
  network?:string ipAddress?:string[] macAddress?:string connected:boolean deviceConfigId:int
  dnsConfig?:NetDnsConfigInfo@4.1 ipConfig?:NetIpConfigInfo@4.1 netBIOSConfig?:NetBIOSConfigInfo@4.1
VirtualMachineFileLayout extends DynamicData (vim.vm.FileLayout)
  configFile?:string[] logFile?:string[] disk?:VirtualMachineFileLayoutDiskLayout[]
  snapshot?:VirtualMachineFileLayoutSnapshotLayout[] swapFile?:string
VirtualMachineFileLayoutDiskLayout extends DynamicData (vim.vm.FileLayout.DiskLayout)
  key:int diskFile:string[]
VirtualMachineFileLayoutEx@4.0 extends DynamicData (vim.vm.FileLayoutEx)
  file?:VirtualMachineFileLayoutExFileInfo[] disk?:VirtualMachineFileLayoutExDiskLayout[]
  snapshot?:VirtualMachineFileLayoutExSnapshotLayout[] timestamp:dateTime
VirtualMachineFileLayoutExFileInfo@4.0 extends DynamicData (vim.vm.FileLayoutEx.FileInfo)
  key:int name:string type:string size:long uniqueSize?:long@5.1 backingObjectId?:string@6.0
  accessible?:boolean@6.0
VirtualMachineFileLayoutExDiskUnit@4.0 extends DynamicData (vim.vm.FileLayoutEx.DiskUnit)
  fileKey:int[]
VirtualMachineFileLayoutExDiskLayout@4.0 extends DynamicData (vim.vm.FileLayoutEx.DiskLayout)
  key:int chain?:VirtualMachineFileLayoutExDiskUnit[]
VirtualMachineFileLayoutExSnapshotLayout@4.0 extends DynamicData (vim.vm.FileLayoutEx.SnapshotLayout)
  key:->VirtualMachineSnapshot dataKey:int memoryKey:int@6.0 disk?:VirtualMachineFileLayoutExDiskLayout[]
VirtualMachineStorageInfo@4.0 extends DynamicData (vim.vm.StorageInfo)
  perDatastoreUsage?:VirtualMachineUsageOnDatastore[] timestamp:dateTime
VirtualMachineUsageOnDatastore@4.0 extends DynamicData (vim.vm.StorageInfo.UsageOnDatastore)
  datastore:->Datastore committed:long uncommitted:long unshared:long
VirtualMachineSnapshotInfo extends DynamicData (vim.vm.SnapshotInfo)
  currentSnapshot?:->VirtualMachineSnapshot rootSnapshotList:VirtualMachineSnapshotTree[]
VirtualMachineSnapshotTree extends DynamicData (vim.vm.SnapshotTree)
  snapshot:->VirtualMachineSnapshot vm:->VirtualMachine name:string description:string id:int@4.0
  createTime:dateTime state:VirtualMachinePowerState quiesced:boolean backupManifest?:string@2.5u2
  childSnapshotList?:VirtualMachineSnapshotTree[] replaySupported?:boolean@4.0
VirtualMachineDeviceRuntimeInfo@4.1 extends DynamicData (vim.vm.DeviceRuntimeInfo)
  runtimeState:VirtualMachineDeviceRuntimeInfoDeviceRuntimeState key:int
VirtualMachineFeatureRequirement@5.1 extends DynamicData (vim.vm.FeatureRequirement)
  key:string featureName:string value:string
VirtualMachineGuestQuiesceSpec@6.5 extends DynamicData (vim.vm.GuestQuiesceSpec)
  timeout?:int
VirtualMachineWindowsQuiesceSpec@6.5 extends VirtualMachineGuestQuiesceSpec (vim.vm.WindowsQuiesceSpec)
  vssBackupType?:int vssBootableSystemState?:boolean vssPartialFileSupport?:boolean vssBackupContext?:string
VirtualMachineConfigSpec extends DynamicData (vim.vm.ConfigSpec)
  changeVersion?:string name?:string version?:string createDate?:dateTime@6.7 uuid?:string instanceUuid?:string@4.0
  locationId?:string guestId?:string alternateGuestName?:string annotation?:string files?:VirtualMachineFileInfo
  tools?:ToolsConfigInfo flags?:VirtualMachineFlagInfo powerOpInfo?:VirtualMachineDefaultPowerOpInfo
  rebootPowerOff?:boolean@7.0.0.0 numCPUs?:int numCoresPerSocket?:int@5.0 memoryMB?:long
  memoryHotAddEnabled?:boolean@2.5u2 cpuHotAddEnabled?:boolean@2.5u2 deviceChange?:VirtualDeviceConfigSpec[]
  cpuAllocation?:ResourceAllocationInfo memoryAllocation?:ResourceAllocationInfo extraConfig?:OptionValue[]
  swapPlacement?:string bootOptions?:VirtualMachineBootOptions changeTrackingEnabled?:boolean@4.0 firmware?:string@5.0
VirtualMachineCloneSpec extends DynamicData (vim.vm.CloneSpec)
  location:VirtualMachineRelocateSpec template:boolean config?:VirtualMachineConfigSpec
  customization?:CustomizationSpec powerOn:boolean snapshot?:->VirtualMachineSnapshot@4.0 memory?:boolean@5.5
VirtualMachineRelocateSpec extends DynamicData (vim.vm.RelocateSpec)
  service?:ServiceLocator@6.0 folder?:->Folder@6.0 datastore?:->Datastore diskMoveType?:string@4.0
  pool?:->ResourcePool host?:->HostSystem disk?:VirtualMachineRelocateSpecDiskLocator[] transform?:string
  deviceChange?:VirtualDeviceConfigSpec[]@5.5 profile?:VirtualMachineProfileSpec[]@5.5 cryptoSpec?:CryptoSpec@6.5
DiskChangeInfo@4.0 extends DynamicData (vim.VirtualMachine.DiskChangeInfo)
  startOffset:long length:long changedArea?:DiskChangeExtent[]
DiskChangeExtent@4.0 extends DynamicData (vim.VirtualMachine.DiskChangeInfo.DiskChangeExtent)
  start:long length:long
`;

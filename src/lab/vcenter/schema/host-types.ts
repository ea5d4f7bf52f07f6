/** Hosts, clusters and resource pools, in wire order. */
export const HOST_TYPES = `
HostListSummary extends DynamicData (vim.host.Summary)
  host?:->HostSystem hardware?:HostHardwareSummary runtime?:HostRuntimeInfo config:HostConfigSummary
  quickStats:HostListSummaryQuickStats overallStatus:ManagedEntityStatus rebootRequired:boolean
  customValue?:CustomFieldValue[] managementServerIp?:string maxEVCModeKey?:string@4.0
  currentEVCModeKey?:string@4.0 gateway?:HostListSummaryGatewaySummary@6.0
  tpmAttestation?:HostTpmAttestationInfo@6.7
HostHardwareSummary extends DynamicData (vim.host.Summary.HardwareSummary)
  vendor:string model:string uuid:string otherIdentifyingInfo?:HostSystemIdentificationInfo[] memorySize:long
  cpuModel:string cpuMhz:int numCpuPkgs:short numCpuCores:short numCpuThreads:short numNics:int numHBAs:int
HostListSummaryQuickStats extends DynamicData (vim.host.Summary.QuickStats)
  overallCpuUsage?:int overallMemoryUsage?:int distributedCpuFairness?:int distributedMemoryFairness?:int
  availablePMemCapacity?:int@6.7 uptime?:int@4.1
HostConfigSummary extends DynamicData (vim.host.Summary.ConfigSummary)
  name:string port:int sslThumbprint?:string@4.0 product?:AboutInfo vmotionEnabled:boolean
  faultToleranceEnabled:boolean@4.0 featureVersion?:HostFeatureVersionInfo[]@4.1 agentVmDatastore?:->Datastore@5.0
  agentVmNetwork?:->Network@5.0
HostRuntimeInfo extends DynamicData (vim.host.RuntimeInfo)
  connectionState:HostSystemConnectionState powerState:HostSystemPowerState standbyMode?:string@4.1
  inMaintenanceMode:boolean inQuarantineMode?:boolean@6.5 bootTime?:dateTime
  healthSystemRuntime?:HealthSystemRuntime dasHostState?:ClusterDasFdmHostState@5.0
  tpmPcrValues?:HostTpmDigestInfo[]@4.0 vsanRuntimeInfo?:VsanHostRuntimeInfo@5.5
  networkRuntimeInfo?:HostRuntimeInfoNetworkRuntimeInfo@5.5
  vFlashResourceRuntimeInfo?:HostVFlashManagerVFlashResourceRunTimeInfo@5.5 hostMaxVirtualDiskCapacity?:long@5.5
  cryptoState?:string@6.5 cryptoKeyId?:CryptoKeyId@6.5
HostConfigInfo extends DynamicData (vim.host.ConfigInfo)
  host:->HostSystem product:AboutInfo deploymentInfo?:HostDeploymentInfo@6.5
  hyperThread?:HostHyperThreadScheduleInfo consoleReservation?:ServiceConsoleReservationInfo
  virtualMachineReservation?:VirtualMachineMemoryReservationInfo storageDevice?:HostStorageDeviceInfo
  multipathState?:HostMultipathStateInfo@4.0 fileSystemVolume?:HostFileSystemVolumeInfo systemFile?:string[]@4.1
  network?:HostNetworkInfo vmotion?:HostVMotionInfo virtualNicManagerInfo?:HostVirtualNicManagerInfo@4.0
  capabilities?:HostNetCapabilities datastoreCapabilities?:HostDatastoreSystemCapabilities
  offloadCapabilities?:HostNetOffloadCapabilities service?:HostServiceInfo firewall?:HostFirewallInfo
  autoStart?:HostAutoStartManagerConfig activeDiagnosticPartition?:HostDiagnosticPartition option?:OptionValue[]
  optionDef?:OptionDef[] datastorePrincipal?:string localSwapDatastore?:->Datastore
  systemSwapConfiguration?:HostSystemSwapConfiguration@5.1 systemResources?:HostSystemResourceInfo
  dateTimeInfo?:HostDateTimeInfo flags?:HostFlagInfo adminDisabled?:boolean lockdownMode?:HostLockdownMode@6.0
  ipmi?:HostIpmiInfo@4.0 sslThumbprintInfo?:HostSslThumbprintInfo@4.0
  sslThumbprintData?:HostSslThumbprintInfo[]@5.0 certificate?:byte[]@5.0
  pciPassthruInfo?:HostPciPassthruInfo[]@4.0 authenticationManagerInfo?:HostAuthenticationManagerInfo@4.1
  featureVersion?:HostFeatureVersionInfo[]@4.1 powerSystemCapability?:PowerSystemCapability@4.1
  powerSystemInfo?:PowerSystemInfo@4.1 cacheConfigurationInfo?:HostCacheConfigurationInfo[]@5.0
  wakeOnLanCapable?:boolean@5.0 featureCapability?:HostFeatureCapability[]@5.1
  maskedFeatureCapability?:HostFeatureCapability[]@5.1 vFlashConfigInfo?:HostVFlashManagerVFlashConfigInfo@5.5
  vsanHostConfig?:VsanHostConfigInfo@5.5 domainList?:string[]@6.0 scriptCheckSum?:base64Binary@6.0
  hostConfigCheckSum?:base64Binary@6.0 graphicsInfo?:HostGraphicsInfo[]@5.5 sharedPassthruGpuTypes?:string[]@6.0
  graphicsConfig?:HostGraphicsConfig@6.5 sharedGpuCapabilities?:HostSharedGpuCapabilities[]@6.7
  ioFilterInfo?:HostIoFilterInfo[]@6.0 sriovDevicePool?:HostSriovDevicePoolInfo[]@6.5
HostConfigManager extends DynamicData (vim.host.ConfigManager)
  cpuScheduler?:->HostCpuSchedulerSystem datastoreSystem?:->HostDatastoreSystem memoryManager?:->HostMemorySystem
  storageSystem?:->HostStorageSystem networkSystem?:->HostNetworkSystem vmotionSystem?:->HostVMotionSystem
  virtualNicManager?:->HostVirtualNicManager@4.0 serviceSystem?:->HostServiceSystem
  firewallSystem?:->HostFirewallSystem advancedOption?:->OptionManager diagnosticSystem?:->HostDiagnosticSystem
  autoStartManager?:->HostAutoStartManager snmpSystem?:->HostSnmpSystem dateTimeSystem?:->HostDateTimeSystem
  patchManager?:->HostPatchManager imageConfigManager?:->HostImageConfigManager@5.0
  bootDeviceSystem?:->HostBootDeviceSystem firmwareSystem?:->HostFirmwareSystem
  healthStatusSystem?:->HostHealthStatusSystem pciPassthruSystem?:->HostPciPassthruSystem@4.0
  licenseManager?:->LicenseManager@4.0 kernelModuleSystem?:->HostKernelModuleSystem@4.0
  authenticationManager?:->HostAuthenticationManager@4.1 powerSystem?:->HostPowerSystem@4.1
  cacheConfigurationManager?:->HostCacheConfigurationManager@5.0
  esxAgentHostManager?:->HostEsxAgentHostManager@5.0 iscsiManager?:->IscsiManager@5.0
  vFlashManager?:->HostVFlashManager@5.5 vsanSystem?:->HostVsanSystem@5.5 messageBusProxy?:->MessageBusProxy@6.0
  userDirectory?:->UserDirectory@6.0 accountManager?:->HostLocalAccountManager@6.0
  hostAccessManager?:->HostAccessManager@6.0 graphicsManager?:->HostGraphicsManager@5.5
  vsanInternalSystem?:->HostVsanInternalSystem@5.5 certificateManager?:->HostCertificateManager@6.0
  cryptoManager?:->CryptoManager@6.5 nvdimmSystem?:->HostNvdimmSystem@6.7
HostHardwareInfo extends DynamicData (vim.host.HardwareInfo)
  systemInfo:HostSystemInfo cpuPowerManagementInfo?:HostCpuPowerManagementInfo@4.0 cpuInfo:HostCpuInfo
  cpuPkg:HostCpuPackage[] memorySize:long numaInfo?:HostNumaInfo smcPresent:boolean@5.0 pciDevice?:HostPciDevice[]
  cpuFeature?:HostCpuIdInfo[] biosInfo?:HostBIOSInfo reliableMemoryInfo?:HostReliableMemoryInfo@5.5
  persistentMemoryInfo?:HostPersistentMemoryInfo@6.7
HostSystemInfo extends DynamicData (vim.host.SystemInfo)
  vendor:string model:string uuid:string otherIdentifyingInfo?:HostSystemIdentificationInfo[]
  serialNumber?:string@6.7
HostCpuInfo extends DynamicData (vim.host.CpuInfo)
  numCpuPackages:short numCpuCores:short numCpuThreads:short hz:long
HostCpuPackage extends DynamicData (vim.host.CpuPackage)
  index:short vendor:string hz:long busHz:long description:string threadId:short[] cpuFeature?:HostCpuIdInfo[]
HostLicensableResourceInfo@5.0 extends DynamicData (vim.LicenseManager.LicensableResourceInfo)
  resource:KeyAnyValue[]
HostDatastoreSystemCapabilities extends DynamicData (vim.host.DatastoreSystem.Capabilities)
  nfsMountCreationRequired:boolean nfsMountCreationSupported:boolean localDatastoreSupported:boolean
  vmfsExtentExpansionSupported:boolean@4.0
HostSystemIdentificationInfo extends DynamicData (vim.host.SystemIdentificationInfo)
  identifierValue:string identifierType:ElementDescription
ComputeResourceSummary extends DynamicData (vim.ComputeResource.Summary)
  totalCpu:int totalMemory:long numCpuCores:short numCpuThreads:short effectiveCpu:int effectiveMemory:long
  numHosts:int numEffectiveHosts:int overallStatus:ManagedEntityStatus
ClusterComputeResourceSummary extends ComputeResourceSummary (vim.ClusterComputeResource.Summary)
  currentFailoverLevel:int admissionControlInfo?:ClusterDasAdmissionControlInfo@4.0 numVmotions:int
  targetBalance?:int@4.0 currentBalance?:int@4.0 usageSummary?:ClusterUsageSummary@6.0
  currentEVCModeKey?:string@4.0 dasData?:ClusterDasData@5.0
ComputeResourceConfigInfo extends DynamicData (vim.ComputeResource.ConfigInfo)
  vmSwapPlacement:string spbmEnabled?:boolean@5.0 defaultHardwareVersionKey?:string@5.1
ResourcePoolSummary extends DynamicData (vim.ResourcePool.Summary)
  name:string config:ResourceConfigSpec runtime:ResourcePoolRuntimeInfo quickStats?:ResourcePoolQuickStats@4.0
  configuredMemoryMB?:int@4.0
ResourcePoolRuntimeInfo extends DynamicData (vim.ResourcePool.RuntimeInfo)
  memory:ResourcePoolResourceUsage cpu:ResourcePoolResourceUsage overallStatus:ManagedEntityStatus
ResourcePoolResourceUsage extends DynamicData (vim.ResourcePool.ResourceUsage)
  reservationUsed:long reservationUsedForVm:long unreservedForPool:long unreservedForVm:long overallUsage:long
  maxUsage:long
ResourceConfigSpec extends DynamicData (vim.ResourceConfigSpec)
  entity?:->ManagedEntity changeVersion?:string lastModified?:dateTime cpuAllocation:ResourceAllocationInfo
  memoryAllocation:ResourceAllocationInfo
ResourcePoolQuickStats@4.0 extends DynamicData (vim.ResourcePool.Summary.QuickStats)
  overallCpuUsage?:long overallCpuDemand?:long guestMemoryUsage?:long hostMemoryUsage?:long
  distributedCpuEntitlement?:long distributedMemoryEntitlement?:long staticCpuEntitlement?:int
  staticMemoryEntitlement?:int privateMemory?:long sharedMemory?:long swappedMemory?:long balloonedMemory?:long
  overheadMemory?:long consumedOverheadMemory?:long compressedMemory?:long@4.1
DatacenterConfigInfo@5.1 extends DynamicData (vim.Datacenter.ConfigInfo)
  defaultHardwareVersionKey?:string
`;

/** Service content, sessions, tasks, custom fields. Notation: `notation.ts`. Source of the order: vSphere API 8.0. */
export const SERVICE_TYPES = `
AboutInfo extends DynamicData (vim.AboutInfo)
  name:string fullName:string vendor:string version:string patchLevel?:string@7.0.2.0 build:string
  localeVersion?:string localeBuild?:string osType:string productLineId:string apiType:string apiVersion:string
  instanceUuid?:string@4.0 licenseProductName?:string@4.0 licenseProductVersion?:string@4.0
ServiceContent extends DynamicData (vim.ServiceInstanceContent)
  rootFolder:->Folder propertyCollector:->PropertyCollector viewManager?:->ViewManager about:AboutInfo
  setting?:->OptionManager userDirectory?:->UserDirectory sessionManager?:->SessionManager
  authorizationManager?:->AuthorizationManager serviceManager?:->ServiceManager@5.1
  perfManager?:->PerformanceManager scheduledTaskManager?:->ScheduledTaskManager alarmManager?:->AlarmManager
  eventManager?:->EventManager taskManager?:->TaskManager extensionManager?:->ExtensionManager
  customizationSpecManager?:->CustomizationSpecManager customFieldsManager?:->CustomFieldsManager
  accountManager?:->HostLocalAccountManager diagnosticManager?:->DiagnosticManager
  licenseManager?:->LicenseManager searchIndex?:->SearchIndex fileManager?:->FileManager
  datastoreNamespaceManager?:->DatastoreNamespaceManager@5.5 virtualDiskManager?:->VirtualDiskManager
  virtualizationManager?:->VirtualizationManager snmpSystem?:->HostSnmpSystem@4.0
  vmProvisioningChecker?:->VirtualMachineProvisioningChecker@4.0
  vmCompatibilityChecker?:->VirtualMachineCompatibilityChecker@4.0 ovfManager?:->OvfManager@4.0
  ipPoolManager?:->IpPoolManager@4.0 dvSwitchManager?:->DistributedVirtualSwitchManager@4.0
  hostProfileManager?:->HostProfileManager@4.0 clusterProfileManager?:->ClusterProfileManager@4.0
  complianceManager?:->ProfileComplianceManager@4.0 localizationManager?:->LocalizationManager@4.0
  storageResourceManager?:->StorageResourceManager@4.1 guestOperationsManager?:->GuestOperationsManager@5.0
  overheadMemoryManager?:->OverheadMemoryManager@6.0 certificateManager?:->CertificateManager@6.0
  ioFilterManager?:->IoFilterManager@6.0 vStorageObjectManager?:->VStorageObjectManagerBase@6.5
  hostSpecManager?:->HostSpecificationManager@6.5 cryptoManager?:->CryptoManager@6.5
  healthUpdateManager?:->HealthUpdateManager@6.5 failoverClusterConfigurator?:->FailoverClusterConfigurator@6.5
  failoverClusterManager?:->FailoverClusterManager@6.5
UserSession extends DynamicData (vim.UserSession)
  key:string userName:string fullName:string loginTime:dateTime lastActiveTime:dateTime locale:string
  messageLocale:string extensionSession:boolean@5.0 ipAddress:string@5.1 userAgent:string@5.1 callCount:long@5.1
LocalizableMessage@4.0 extends DynamicData (vmodl.LocalizableMessage)
  key:string arg?:KeyAnyValue[] message?:string
KeyAnyValue@4.0 extends DynamicData (vmodl.KeyAnyValue)
  key:string value:anyType
Description extends DynamicData (vim.Description)
  label:string summary:string
MethodActionArgument extends DynamicData (vim.action.MethodActionArgument)
  value?:anyType
OptionValue extends DynamicData (vim.option.OptionValue)
  key:string value?:anyType
CustomFieldDef extends DynamicData (vim.CustomFieldsManager.FieldDef)
  key:int name:string type:string managedObjectType?:string fieldDefPrivileges?:PrivilegePolicyDef
  fieldInstancePrivileges?:PrivilegePolicyDef
CustomFieldValue extends DynamicData (vim.CustomFieldsManager.Value)
  key:int
CustomFieldStringValue extends CustomFieldValue (vim.CustomFieldsManager.StringValue)
  value:string
Tag@4.0 extends DynamicData (vim.Tag)
  key:string
LocalizedMethodFault extends DynamicData (vmodl.LocalizedMethodFault)
  fault:MethodFault localizedMessage?:string
TaskInfo extends DynamicData (vim.TaskInfo)
  key:string task:->Task description?:LocalizableMessage@4.0 name?:string descriptionId:string
  entity?:->ManagedEntity entityName?:string locked?:->ManagedEntity[] state:TaskInfoState cancelled:boolean
  cancelable:boolean error?:LocalizedMethodFault result?:anyType progress?:int
  progressDetails?:KeyAnyValue[]@8.0.1.0 reason:TaskReason queueTime:dateTime startTime?:dateTime
  completeTime?:dateTime eventChainId:int changeTag?:string@4.0 parentTaskKey?:string@4.0 rootTaskKey?:string@4.0
  activationId?:string@6.0
TaskReason extends DynamicData (vim.TaskReason)
TaskReasonAlarm extends TaskReason (vim.TaskReasonAlarm)
  alarmName:string alarm:->Alarm entityName:string entity:->ManagedEntity
TaskReasonSchedule extends TaskReason (vim.TaskReasonSchedule)
  name:string scheduledTask:->ScheduledTask
TaskReasonSystem extends TaskReason (vim.TaskReasonSystem)
TaskReasonUser extends TaskReason (vim.TaskReasonUser)
  userName:string
`;

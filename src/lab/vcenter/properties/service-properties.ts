import type { PropertyReaders } from '../model/managed-object.ts';
import type { Model } from '../model/model.ts';
import { type DataObject, data, type Reference, reference } from '../wire/vim-values.ts';
import { refOf } from './entity-properties.ts';

/** The managers of a vCenter: property of the service content, type, managed object id. */
const MANAGERS: readonly (readonly [property: string, type: string, id: string])[] = [
  ['viewManager', 'ViewManager', 'ViewManager'],
  ['setting', 'OptionManager', 'VpxSettings'],
  ['userDirectory', 'UserDirectory', 'UserDirectory'],
  ['sessionManager', 'SessionManager', 'SessionManager'],
  ['authorizationManager', 'AuthorizationManager', 'AuthorizationManager'],
  ['serviceManager', 'ServiceManager', 'ServiceMgr'],
  ['perfManager', 'PerformanceManager', 'PerfMgr'],
  ['scheduledTaskManager', 'ScheduledTaskManager', 'ScheduledTaskManager'],
  ['alarmManager', 'AlarmManager', 'AlarmManager'],
  ['eventManager', 'EventManager', 'EventManager'],
  ['taskManager', 'TaskManager', 'TaskManager'],
  ['extensionManager', 'ExtensionManager', 'ExtensionManager'],
  ['customizationSpecManager', 'CustomizationSpecManager', 'CustomizationSpecManager'],
  ['customFieldsManager', 'CustomFieldsManager', 'CustomFieldsManager'],
  ['diagnosticManager', 'DiagnosticManager', 'DiagMgr'],
  ['licenseManager', 'LicenseManager', 'LicenseManager'],
  ['searchIndex', 'SearchIndex', 'SearchIndex'],
  ['fileManager', 'FileManager', 'FileManager'],
  ['datastoreNamespaceManager', 'DatastoreNamespaceManager', 'DatastoreNamespaceManager'],
  ['virtualDiskManager', 'VirtualDiskManager', 'virtualDiskManager'],
  ['snmpSystem', 'HostSnmpSystem', 'SnmpSystem'],
  ['vmProvisioningChecker', 'VirtualMachineProvisioningChecker', 'ProvChecker'],
  ['vmCompatibilityChecker', 'VirtualMachineCompatibilityChecker', 'CompatChecker'],
  ['ovfManager', 'OvfManager', 'OvfManager'],
  ['ipPoolManager', 'IpPoolManager', 'IpPoolManager'],
  ['dvSwitchManager', 'DistributedVirtualSwitchManager', 'DVSManager'],
  ['hostProfileManager', 'HostProfileManager', 'HostProfileManager'],
  ['clusterProfileManager', 'ClusterProfileManager', 'ClusterProfileManager'],
  ['complianceManager', 'ProfileComplianceManager', 'MoComplianceManager'],
  ['localizationManager', 'LocalizationManager', 'LocalizationManager'],
  ['storageResourceManager', 'StorageResourceManager', 'StorageResourceManager'],
  ['guestOperationsManager', 'GuestOperationsManager', 'guestOperationsManager'],
  ['overheadMemoryManager', 'OverheadMemoryManager', 'OverheadMemoryManager'],
  ['certificateManager', 'CertificateManager', 'certificateManager'],
  ['ioFilterManager', 'IoFilterManager', 'IoFilterManager'],
  ['vStorageObjectManager', 'VcenterVStorageObjectManager', 'VStorageObjectManager'],
  ['hostSpecManager', 'HostSpecificationManager', 'HostSpecificationManager'],
  ['cryptoManager', 'CryptoManagerKmip', 'CryptoManager'],
  ['healthUpdateManager', 'HealthUpdateManager', 'HealthUpdateManager'],
  ['failoverClusterConfigurator', 'FailoverClusterConfigurator', 'FailoverClusterConfigurator'],
  ['failoverClusterManager', 'FailoverClusterManager', 'FailoverClusterManager'],
];

export const SERVICE_INSTANCE = reference('ServiceInstance', 'ServiceInstance');
export const DEFAULT_COLLECTOR_ID = 'propertyCollector';

export const GUEST_OPERATIONS = reference('GuestOperationsManager', 'guestOperationsManager');
const GUEST_AUTH = reference('GuestAuthManager', 'guestOperationsAuthManager');
const GUEST_FILES = reference('GuestFileManager', 'guestOperationsFileManager');
const GUEST_PROCESSES = reference('GuestProcessManager', 'guestOperationsProcessManager');
export const GUEST_MANAGERS = [GUEST_AUTH, GUEST_FILES, GUEST_PROCESSES];

export const guestOperationsReaders = (): PropertyReaders => ({
  authManager: () => GUEST_AUTH,
  fileManager: () => GUEST_FILES,
  processManager: () => GUEST_PROCESSES,
});

/** Managers by reference, for those that have no behaviour in the lab as well: they exist. */
export function managerReferences(): readonly Reference[] {
  return MANAGERS.map(([, type, id]) => reference(type, id));
}

export function serviceContent(model: Model, about: DataObject): DataObject {
  return data('ServiceContent', {
    rootFolder: refOf(model.rootFolder),
    propertyCollector: reference('PropertyCollector', DEFAULT_COLLECTOR_ID),
    about,
    ...Object.fromEntries(MANAGERS.map(([property, type, id]) => [property, reference(type, id)])),
  });
}

export function serviceInstanceReaders(model: Model, about: DataObject): PropertyReaders {
  return { serverClock: () => new Date(), content: () => serviceContent(model, about) };
}

/** `apiVersion` has four places from 7.0 on, `version` three. */
export function aboutVcenter(apiVersion: string, instanceUuid: string): DataObject {
  const version = productVersion(apiVersion);
  return data('AboutInfo', {
    name: 'VMware vCenter Server',
    fullName: `VMware vCenter Server ${version} build-24022515`,
    vendor: 'VMware, Inc.',
    version,
    patchLevel: '00000',
    build: '24022515',
    localeVersion: 'INTL',
    localeBuild: '000',
    osType: 'linux-x64',
    productLineId: 'vpx',
    apiType: 'VirtualCenter',
    apiVersion,
    instanceUuid,
    licenseProductName: 'VMware VirtualCenter Server',
    licenseProductVersion: `${version.split('.')[0]}.0`,
  });
}

export function aboutHost(apiVersion: string): DataObject {
  const version = productVersion(apiVersion);
  return data('AboutInfo', {
    name: 'VMware ESXi',
    fullName: `VMware ESXi ${version} build-24022510`,
    vendor: 'VMware, Inc.',
    version,
    build: '24022510',
    localeVersion: 'INTL',
    localeBuild: '000',
    osType: 'vmnix-x86',
    productLineId: 'embeddedEsx',
    apiType: 'HostAgent',
    apiVersion,
    licenseProductName: 'VMware ESX Server',
    licenseProductVersion: `${version.split('.')[0]}.0`,
  });
}

function productVersion(apiVersion: string): string {
  return [...apiVersion.split('.'), '0', '0'].slice(0, 3).join('.');
}

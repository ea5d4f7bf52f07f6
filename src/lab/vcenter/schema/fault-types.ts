/** Faults, in wire order. */
export const FAULT_TYPES = `
MethodFault extends DynamicData (vmodl.MethodFault)
  faultCause?:LocalizedMethodFault@4.0 faultMessage?:LocalizableMessage[]@4.0
RuntimeFault extends MethodFault (vmodl.RuntimeFault)
VimFault extends MethodFault (vim.fault.VimFault)
InvalidRequest extends RuntimeFault (vmodl.fault.InvalidRequest)
InvalidType extends InvalidRequest (vmodl.fault.InvalidType)
  argument?:string
MethodNotFound extends InvalidRequest (vmodl.fault.MethodNotFound)
  receiver:->ManagedObject method:string
ManagedObjectNotFound extends RuntimeFault (vmodl.fault.ManagedObjectNotFound)
  obj:->ManagedObject
InvalidArgument extends RuntimeFault (vmodl.fault.InvalidArgument)
  invalidProperty?:string
NotSupported extends RuntimeFault (vmodl.fault.NotSupported)
NotImplemented extends RuntimeFault (vmodl.fault.NotImplemented)
SecurityError extends RuntimeFault (vmodl.fault.SecurityError)
RequestCanceled extends RuntimeFault (vmodl.fault.RequestCanceled)
HostCommunication extends RuntimeFault (vmodl.fault.HostCommunication)
HostNotConnected extends HostCommunication (vmodl.fault.HostNotConnected)
HostNotReachable extends HostCommunication (vmodl.fault.HostNotReachable)
SystemError extends RuntimeFault (vmodl.fault.SystemError)
  reason:string
UnexpectedFault extends RuntimeFault (vmodl.fault.UnexpectedFault)
  faultName:string fault?:LocalizedMethodFault
InvalidProperty extends MethodFault (vmodl.query.InvalidProperty)
  name:string
InvalidCollectorVersion extends MethodFault (vmodl.query.InvalidCollectorVersion)
NoPermission extends SecurityError (vim.fault.NoPermission)
  object:->ManagedObject privilegeId:string missingPrivileges?:NoPermissionEntityPrivileges[]@7.0.3.2
NoPermissionEntityPrivileges@7.0.3.2 extends DynamicData (vim.fault.NoPermission.EntityPrivileges)
  entity:->ManagedObject privilegeIds?:string[]
NotAuthenticated extends NoPermission (vim.fault.NotAuthenticated)
InvalidLogin extends VimFault (vim.fault.InvalidLogin)
InvalidLocale extends VimFault (vim.fault.InvalidLocale)
InvalidState extends VimFault (vim.fault.InvalidState)
InvalidPowerState extends InvalidState (vim.fault.InvalidPowerState)
  requestedState?:VirtualMachinePowerState existingState:VirtualMachinePowerState
TaskInProgress extends VimFault (vim.fault.TaskInProgress)
  task:->Task
NotFound extends VimFault (vim.fault.NotFound)
ResourceInUse extends VimFault (vim.fault.ResourceInUse)
  type?:string name?:string
InvalidName extends VimFault (vim.fault.InvalidName)
  name:string entity?:->ManagedEntity
DuplicateName extends VimFault (vim.fault.DuplicateName)
  name:string object:->ManagedObject
MethodDisabled extends RuntimeFault (vim.fault.MethodDisabled)
  source?:string@4.1
FileFault extends VimFault (vim.fault.FileFault)
  file:string
FileLocked extends FileFault (vim.fault.FileLocked)
FileNotFound extends FileFault (vim.fault.FileNotFound)
CannotAccessFile extends FileFault (vim.fault.CannotAccessFile)
DirectoryNotEmpty@5.0 extends FileFault (vim.fault.DirectoryNotEmpty)
FileAlreadyExists extends FileFault (vim.fault.FileAlreadyExists)
NoDiskSpace extends FileFault (vim.fault.NoDiskSpace)
  datastore:string
AlreadyExists extends VimFault (vim.fault.AlreadyExists)
  name?:string
InvalidDatastore extends VimFault (vim.fault.InvalidDatastore)
  datastore?:->Datastore name?:string
InvalidDatastorePath extends InvalidDatastore (vim.fault.InvalidDatastorePath)
  datastorePath:string
SnapshotFault extends VimFault (vim.fault.SnapshotFault)
ApplicationQuiesceFault extends SnapshotFault (vim.fault.ApplicationQuiesceFault)
FilesystemQuiesceFault extends SnapshotFault (vim.fault.FilesystemQuiesceFault)
MultipleSnapshotsNotSupported extends SnapshotFault (vim.fault.MultipleSnapshotsNotSupported)
SnapshotDisabled extends SnapshotFault (vim.fault.SnapshotDisabled)
TooManySnapshotLevels extends SnapshotFault (vim.fault.TooManySnapshotLevels)
MemorySnapshotOnIndependentDisk extends SnapshotFault (vim.fault.MemorySnapshotOnIndependentDisk)
SnapshotIncompatibleDeviceInVm extends SnapshotFault (vim.fault.SnapshotIncompatibleDeviceInVm)
  fault:LocalizedMethodFault
VmConfigFault extends VimFault (vim.fault.VmConfigFault)
GenericVmConfigFault extends VmConfigFault (vim.fault.GenericVmConfigFault)
  reason:string
InvalidVmConfig extends VmConfigFault (vim.fault.InvalidVmConfig)
  property?:string
InvalidDeviceSpec extends InvalidVmConfig (vim.fault.InvalidDeviceSpec)
  deviceIndex:int
InvalidDeviceBacking extends InvalidDeviceSpec (vim.fault.InvalidDeviceBacking)
InvalidController extends InvalidDeviceSpec (vim.fault.InvalidController)
  controllerKey:int
TooManyDevices extends InvalidVmConfig (vim.fault.TooManyDevices)
HostConfigFault extends VimFault (vim.fault.HostConfigFault)
PlatformConfigFault extends HostConfigFault (vim.fault.PlatformConfigFault)
  text:string
VmfsMountFault@4.0 extends HostConfigFault (vim.fault.VmfsMountFault)
  uuid:string
VmfsAmbiguousMount@4.0 extends VmfsMountFault (vim.fault.VmfsAmbiguousMount)
Timedout extends VimFault (vim.fault.Timedout)
OutOfBounds extends VimFault (vim.fault.OutOfBounds)
  argumentName:string
`;

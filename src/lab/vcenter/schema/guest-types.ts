/** Guest operations (GuestOperationsManager and what is behind it), in wire order. */
export const GUEST_TYPES = `
GuestAuthentication@5.0 extends DynamicData (vim.vm.guest.GuestAuthentication)
  interactiveSession:boolean
NamePasswordAuthentication@5.0 extends GuestAuthentication (vim.vm.guest.NamePasswordAuthentication)
  username:string password:string
GuestProgramSpec@5.0 extends DynamicData (vim.vm.guest.ProcessManager.ProgramSpec)
  programPath:string arguments:string workingDirectory?:string envVariables?:string[]
GuestWindowsProgramSpec@5.0 extends GuestProgramSpec (vim.vm.guest.ProcessManager.WindowsProgramSpec)
  startMinimized:boolean
GuestProcessInfo@5.0 extends DynamicData (vim.vm.guest.ProcessManager.ProcessInfo)
  name:string pid:long owner:string cmdLine:string startTime:dateTime endTime?:dateTime exitCode?:int
GuestFileAttributes@5.0 extends DynamicData (vim.vm.guest.FileManager.FileAttributes)
  modificationTime?:dateTime accessTime?:dateTime symlinkTarget?:string
GuestPosixFileAttributes@5.0 extends GuestFileAttributes (vim.vm.guest.FileManager.PosixFileAttributes)
  ownerId?:int groupId?:int permissions?:long
GuestWindowsFileAttributes@5.0 extends GuestFileAttributes (vim.vm.guest.FileManager.WindowsFileAttributes)
  hidden?:boolean readOnly?:boolean createTime?:dateTime
FileTransferInformation@5.0 extends DynamicData (vim.vm.guest.FileManager.FileTransferInformation)
  attributes:GuestFileAttributes size:long url:string
GuestOperationsFault@5.0 extends VimFault (vim.fault.GuestOperationsFault)
GuestOperationsUnavailable@5.0 extends GuestOperationsFault (vim.fault.GuestOperationsUnavailable)
InvalidGuestLogin@5.0 extends GuestOperationsFault (vim.fault.InvalidGuestLogin)
GuestPermissionDenied@5.0 extends GuestOperationsFault (vim.fault.GuestPermissionDenied)
GuestProcessNotFound@5.0 extends GuestOperationsFault (vim.fault.GuestProcessNotFound)
  pid:long
`;

/** Closed sets of words, one a line. Source: vSphere API 8.0. */
export const ENUMERATIONS = `
FibreChannelPortType: fabric loop pointToPoint unknown
HostLockdownMode: lockdownDisabled lockdownNormal lockdownStrict
HostSystemConnectionState: connected notResponding disconnected
HostSystemPowerState: poweredOn poweredOff standBy unknown
HttpNfcLeaseState: initializing ready done error
LatencySensitivitySensitivityLevel: low normal medium high custom
ManagedEntityStatus: gray green yellow red
ObjectUpdateKind: modify enter leave
PropertyChangeOp: add remove assign indirectRemove
SharesLevel: low normal high custom
TaskInfoState: queued running success error
VirtualDeviceConfigSpecFileOperation: create destroy replace
VirtualDeviceConfigSpecOperation: add remove edit
VirtualMachineConnectionState: connected disconnected orphaned inaccessible invalid
VirtualMachineFaultToleranceState: notConfigured disabled enabled needSecondary starting running
VirtualMachinePowerState: poweredOff poweredOn suspended
VirtualMachineRecordReplayState: recording replaying inactive
VirtualMachineToolsStatus: toolsNotInstalled toolsNotRunning toolsOld toolsOk
VirtualSCSISharing: noSharing virtualSharing physicalSharing
`;

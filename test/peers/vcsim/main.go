// Command vcsim-peer serves govmomi's vCenter simulator with the storage this project maps: one VM on a virtual
// volume, one on a VMFS datastore of two extents, one with a raw device. It prints one JSON line and serves until
// its standard input is closed.
package main

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"net/url"
	"os"
	"sort"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

const (
	user     = "administrator@vsphere.local"
	password = "p<ss&word 1"
	vvolID   = "rfc4122.7a2b1c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
	scID     = "vvol:1234567890abcdef-fedcba0987654321"
	firstNAA = "naa.60000970000197900046533030304135"
	nextNAA  = "naa.60000970000197900046533030304136"
	rawNAA   = "naa.60000970000197900046533030304137"
	rawUUID  = "02000000006000097000019790004653303030413753594d4d4554"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func disk(vm *simulator.VirtualMachine) *types.VirtualDisk {
	for _, device := range vm.Config.Hardware.Device {
		if found, ok := device.(*types.VirtualDisk); ok {
			return found
		}
	}
	log.Fatalf("%s has no disk", vm.Name)
	return nil
}

// rename gives a datastore an id as vCenter gives them: the simulator takes a path of its temporary folder.
func rename(store *simulator.Datastore, id string) {
	old := store.Self
	fix := func(refs []types.ManagedObjectReference) {
		for i := range refs {
			if refs[i] == old {
				refs[i].Value = id
			}
		}
	}
	simulator.Map.Remove(old)
	store.Self.Value = id
	store.Summary.Datastore = &store.Self
	simulator.Map.Put(store)
	for _, entity := range simulator.Map.All("Datacenter") {
		fix(entity.(*simulator.Datacenter).Datastore)
	}
	for _, entity := range simulator.Map.All("Folder") {
		fix(entity.(*simulator.Folder).ChildEntity)
	}
	for _, entity := range simulator.Map.All("HostSystem") {
		fix(entity.(*simulator.HostSystem).Datastore)
	}
	for _, entity := range simulator.Map.All("VirtualMachine") {
		vm := entity.(*simulator.VirtualMachine)
		fix(vm.Datastore)
		for _, device := range vm.Config.Hardware.Device {
			if found, ok := device.(*types.VirtualDisk); ok {
				if backing, ok := found.Backing.(*types.VirtualDiskFlatVer2BackingInfo); ok && backing.Datastore != nil {
					ref := store.Self
					if *backing.Datastore == old {
						backing.Datastore = &ref
					}
				}
			}
		}
	}
}

// furnish makes of the last VMs what the contract of the client speaks of: one with a disk of every kind, two of one name, a
// template, an escaped name, and one that is not connected.
func furnish(vms []*simulator.VirtualMachine, vvol, vmfs *simulator.Datastore, rawUUID string) {
	every, twin, otherTwin, template, escaped, away := vms[2], vms[3], vms[4], vms[5], vms[6], vms[7]
	name := func(vm *simulator.VirtualMachine, name string) {
		vm.Name = name
		vm.Config.Name = name
		vm.Summary.Config.Name = name
	}
	name(twin, "twin")
	name(otherTwin, "twin")
	name(template, "golden image")
	template.Config.Template = true
	template.Summary.Config.Template = true
	name(escaped, "web%2f01 100%25")
	name(away, "far away")
	away.Runtime.ConnectionState = types.VirtualMachineConnectionStateDisconnected

	name(every, "app01")
	every.Guest.HostName = "APP01"
	every.Guest.IpAddress = "192.0.2.11"
	every.Guest.GuestFamily = "windowsGuest"
	every.Guest.ToolsRunningStatus = "guestToolsRunning"
	flat := func(key int32, label string, store *simulator.Datastore, file, uuid, object string) *types.VirtualDisk {
		ref := store.Self
		return &types.VirtualDisk{
			VirtualDevice: types.VirtualDevice{
				Key:        key,
				DeviceInfo: &types.Description{Label: label, Summary: label},
				Backing: &types.VirtualDiskFlatVer2BackingInfo{
					VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{
						FileName: file, Datastore: &ref, BackingObjectId: object,
					},
					DiskMode: "persistent", Uuid: uuid,
				},
			},
			CapacityInKB: 1024, CapacityInBytes: 1024 * 1024,
		}
	}
	onVvol := flat(2100, "Hard disk 2", vvol, "[LocalDS_1] home/app01.vmdk", "6000C291-1111-2222-3333-444455556666", vvolID)
	onVmfs := flat(2101, "Hard disk 3", vmfs, "[LocalDS_0] app01/app01-000001.vmdk", "6000C292-1111-2222-3333-444455556666", "")
	parent := vmfs.Self
	onVmfs.Backing.(*types.VirtualDiskFlatVer2BackingInfo).Parent = &types.VirtualDiskFlatVer2BackingInfo{
		VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{
			FileName: "[LocalDS_0] app01/app01.vmdk", Datastore: &parent,
		},
		DiskMode: "persistent",
	}
	every.Config.Hardware.Device = append(every.Config.Hardware.Device, onVvol, onVmfs)
	every.Datastore = []types.ManagedObjectReference{vmfs.Self, vvol.Self}
	vvol.Vm = append(vvol.Vm, every.Self)
}

func main() {
	model := simulator.VPX()
	model.Datastore = 2
	model.Machine = 8
	check(model.Create())
	defer model.Remove()

	var vms []*simulator.VirtualMachine
	for _, entity := range simulator.Map.All("VirtualMachine") {
		vms = append(vms, entity.(*simulator.VirtualMachine))
	}
	sort.Slice(vms, func(i, j int) bool { return vms[i].Name < vms[j].Name })
	var stores []*simulator.Datastore
	for _, entity := range simulator.Map.All("Datastore") {
		stores = append(stores, entity.(*simulator.Datastore))
	}
	sort.Slice(stores, func(i, j int) bool { return stores[i].Name < stores[j].Name })
	vmfs, vvol := stores[0], stores[1]

	rename(vmfs, "datastore-1")
	rename(vvol, "datastore-2")

	vmfs.Summary.Type = "VMFS"
	vmfs.Info = &types.VmfsDatastoreInfo{
		DatastoreInfo: types.DatastoreInfo{Name: vmfs.Name, Url: vmfs.Summary.Url},
		Vmfs: &types.HostVmfsVolume{
			Uuid: "5f0a1b2c-3d4e5f60-7a8b-9c0d1e2f3a4b",
			Extent: []types.HostScsiDiskPartition{
				{DiskName: firstNAA, Partition: 1},
				{DiskName: nextNAA, Partition: 1},
			},
		},
	}
	vvol.Summary.Type = "VVOL"
	vvol.Info = &types.VvolDatastoreInfo{
		DatastoreInfo: types.DatastoreInfo{Name: vvol.Name, Url: "ds:///vmfs/volumes/" + scID + "/"},
		VvolDS:        &types.HostVvolVolume{ScId: scID},
	}

	first := disk(vms[0])
	backing := first.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
	vvolRef := vvol.Self
	backing.Datastore = &vvolRef
	backing.BackingObjectId = vvolID
	backing.Uuid = "6000C29a-1b2c-3d4e-5f60-718293a4b5c6"
	vms[0].Datastore = []types.ManagedObjectReference{vvol.Self}
	vvol.Vm = []types.ManagedObjectReference{vms[0].Self}

	last := disk(vms[2])
	last.Backing = &types.VirtualDiskRawDiskMappingVer1BackingInfo{
		VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: "[x] raw.vmdk", Datastore: &vmfs.Self},
		LunUuid:                      rawUUID,
		DeviceName:                   "vml." + rawUUID,
		CompatibilityMode:            "physicalMode",
		DiskMode:                     "independent_persistent",
	}
	host := simulator.Map.Get(*vms[2].Runtime.Host).(*simulator.HostSystem)
	config := *host.Config
	storage := types.HostStorageDeviceInfo{}
	if config.StorageDevice != nil {
		storage = *config.StorageDevice
	}
	storage.ScsiLun = append([]types.BaseScsiLun{&types.HostScsiDisk{ScsiLun: types.ScsiLun{
		Uuid: rawUUID, CanonicalName: rawNAA, LunType: "disk", Vendor: "EMC     ", Model: "SYMMETRIX       ",
		OperationalState: []string{"ok"},
	}}}, storage.ScsiLun...)
	config.StorageDevice = &storage
	host.Config = &config

	furnish(vms, vvol, vmfs, rawUUID)

	model.Service.TLS = new(tls.Config)
	model.Service.Listen = &url.URL{Host: "127.0.0.1:0", User: url.UserPassword(user, password)}
	server := model.Service.NewServer()
	defer server.Close()

	sum := sha256.Sum256(server.Certificate().Raw)
	address := *server.URL
	address.User = nil
	type machine struct {
		Name         string `json:"name"`
		MoRef        string `json:"moRef"`
		InstanceUUID string `json:"instanceUuid"`
	}
	var machines []machine
	for _, vm := range vms {
		machines = append(machines, machine{vm.Name, vm.Self.Value, vm.Config.InstanceUuid})
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"url": address.String(), "username": user, "password": password, "fingerprint256": hex.EncodeToString(sum[:]),
		"vms": machines, "vmfs": vmfs.Self.Value, "vvol": vvol.Self.Value,
	}))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

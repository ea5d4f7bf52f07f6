#!/usr/bin/python3
"""pyVmomi (Debian: python3-pyvmomi) as a client of a vCenter: run.py URL CA-FILE USER PASSWORD

Prints one `ok` line a check; a failed check prints `not ok` and the exit code is 1.
"""
import ssl
import sys
import threading
from urllib.parse import urlsplit

from pyVim.connect import Disconnect, SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl

from checks import check, exit_code

PC = vmodl.query.PropertyCollector


def main():
    url, ca_file, user, password = sys.argv[1:5]
    address = urlsplit(url)
    context = ssl.create_default_context(cafile=ca_file)

    def connect(pwd=password, version=None):
        return SmartConnect(
            host=address.hostname, port=address.port, user=user, pwd=pwd, sslContext=context,
            preferredApiVersions=version,
        )

    @check("a wrong password is InvalidLogin")
    def _():
        try:
            connect("wrong")
        except vim.fault.InvalidLogin:
            return
        raise AssertionError("login succeeded")

    service = connect()
    content = service.RetrieveContent()

    @check("service content and about")
    def _():
        assert content.about.apiType == "VirtualCenter", content.about
        assert isinstance(content.rootFolder, vim.Folder)
        assert service.content.about.instanceUuid == content.about.instanceUuid
        assert service.CurrentTime() is not None

    @check("current session by property and by SessionIsActive")
    def _():
        session = content.sessionManager.currentSession
        assert session.key, session
        assert content.sessionManager.SessionIsActive(session.key, session.userName)

    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    vms = list(view.view)

    @check("container view lists VMs, each readable property by property")
    def _():
        assert vms, "no VMs"
        for vm in vms:
            assert vm.name and vm.config.instanceUuid and vm.summary.config.uuid
            assert vm.runtime.powerState in ("poweredOn", "poweredOff", "suspended")
            assert isinstance(vm.runtime.host, vim.HostSystem)
            assert all(isinstance(datastore, vim.Datastore) for datastore in vm.datastore)
            assert vm.guest.guestState and vm.layoutEx.file and vm.storage.perDatastoreUsage is not None
            assert vm.recentTask is not None and vm.customValue is not None
            disks = [d for d in vm.config.hardware.device if isinstance(d, vim.vm.device.VirtualDisk)]
            for disk in disks:
                assert disk.backing.fileName and disk.backing.uuid and disk.capacityInBytes
                assert any(d.key == disk.controllerKey for d in vm.config.hardware.device)
            snapshots = vm.snapshot.rootSnapshotList if vm.snapshot else []
            for snapshot in snapshots:
                assert snapshot.snapshot.config.hardware.device and snapshot.snapshot.vm == vm

    @check("every entity's every readable property deserialises")
    def _():
        entities = content.viewManager.CreateContainerView(content.rootFolder, [vim.ManagedEntity], True)
        kinds = {type(entity) for entity in entities.view}
        spec = PC.FilterSpec(
            propSet=[PC.PropertySpec(type=kind, all=True) for kind in kinds],
            objectSet=[PC.ObjectSpec(obj=entities, skip=True, selectSet=[
                PC.TraversalSpec(name="view", type=vim.view.ContainerView, path="view", skip=False)])],
        )
        found = content.propertyCollector.RetrieveContents([spec])
        assert {type(item.obj) for item in found} == kinds
        entities.Destroy()

    @check("datastores of each kind show their backing")
    def _():
        stores = content.viewManager.CreateContainerView(content.rootFolder, [vim.Datastore], True).view
        for store in stores:
            if isinstance(store.info, vim.host.VmfsDatastoreInfo):
                assert all(extent.diskName for extent in store.info.vmfs.extent)
            if isinstance(store.info, vim.host.VvolDatastoreInfo):
                assert store.info.vvolDS.scId.startswith("vvol:") and store.info.vvolDS.storageArray
            assert store.summary.type and store.host is not None and store.vm is not None

    @check("hosts show SCSI LUNs")
    def _():
        hosts = content.viewManager.CreateContainerView(content.rootFolder, [vim.HostSystem], True).view
        luns = [lun for host in hosts for lun in host.config.storageDevice.scsiLun]
        assert luns and all(lun.canonicalName and lun.uuid for lun in luns)
        assert hosts[0].configManager.storageSystem.storageDeviceInfo is not None

    @check("RetrievePropertiesEx in pages finds every VM once")
    def _():
        spec = PC.FilterSpec(
            propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=["name", "config.hardware.device"])],
            objectSet=[PC.ObjectSpec(obj=view, skip=True, selectSet=[
                PC.TraversalSpec(name="v", type=vim.view.ContainerView, path="view", skip=False)])],
        )
        page = content.propertyCollector.RetrievePropertiesEx([spec], PC.RetrieveOptions(maxObjects=2))
        seen = []
        while True:
            assert len(page.objects) <= 2
            seen += [item.obj for item in page.objects]
            if page.token is None:
                break
            page = content.propertyCollector.ContinueRetrievePropertiesEx(page.token)
        assert sorted(map(str, seen)) == sorted(map(str, vms)), seen

    @check("the classic recursive traversal reaches VMs, hosts and datastores")
    def _():
        named = PC.SelectionSpec
        traversal = PC.TraversalSpec
        rp_to_rp = traversal(name="rpToRp", type=vim.ResourcePool, path="resourcePool",
                             selectSet=[named(name="rpToRp"), named(name="rpToVm")])
        rp_to_vm = traversal(name="rpToVm", type=vim.ResourcePool, path="vm")
        cr_to_rp = traversal(name="crToRp", type=vim.ComputeResource, path="resourcePool",
                             selectSet=[named(name="rpToRp"), named(name="rpToVm")])
        cr_to_h = traversal(name="crToH", type=vim.ComputeResource, path="host")
        dc_to_hf = traversal(name="dcToHf", type=vim.Datacenter, path="hostFolder",
                             selectSet=[named(name="visitFolders")])
        dc_to_vmf = traversal(name="dcToVmf", type=vim.Datacenter, path="vmFolder",
                              selectSet=[named(name="visitFolders")])
        dc_to_ds = traversal(name="dcToDs", type=vim.Datacenter, path="datastore")
        h_to_vm = traversal(name="HToVm", type=vim.HostSystem, path="vm", selectSet=[named(name="visitFolders")])
        visit = traversal(name="visitFolders", type=vim.Folder, path="childEntity", selectSet=[
            named(name=name) for name in
            ("visitFolders", "dcToHf", "dcToVmf", "dcToDs", "crToH", "crToRp", "HToVm", "rpToVm")])
        spec = PC.FilterSpec(
            propSet=[PC.PropertySpec(type=kind, pathSet=["name"])
                     for kind in (vim.VirtualMachine, vim.HostSystem, vim.Datastore)],
            objectSet=[PC.ObjectSpec(obj=content.rootFolder, skip=False, selectSet=[
                visit, dc_to_vmf, dc_to_hf, dc_to_ds, cr_to_h, cr_to_rp, rp_to_rp, h_to_vm, rp_to_vm])],
        )
        found = [item.obj for item in content.propertyCollector.RetrieveContents([spec])]
        assert {vm for vm in found if isinstance(vm, vim.VirtualMachine)} == set(vms)
        assert any(isinstance(item, vim.HostSystem) for item in found)
        assert any(isinstance(item, vim.Datastore) for item in found)

    @check("SearchIndex finds by instance uuid and by path, and nothing for an unknown uuid")
    def _():
        vm = vms[0]
        index = content.searchIndex
        assert index.FindByUuid(None, vm.config.instanceUuid, True, True) == vm
        path, entity = [], vm
        while entity != content.rootFolder:
            path.insert(0, entity.name)
            entity = entity.parent
        assert index.FindByInventoryPath("/".join(path)) == vm
        assert index.FindByUuid(None, "00000000-0000-0000-0000-000000000000", True, True) is None

    @check("an unknown object is ManagedObjectNotFound, an unknown property InvalidProperty")
    def _():
        try:
            vim.VirtualMachine("vm-999999", service._stub).name
            raise AssertionError("found")
        except vmodl.fault.ManagedObjectNotFound as fault:
            assert fault.obj._moId == "vm-999999"
        spec = PC.FilterSpec(propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=["nonsense"])],
                             objectSet=[PC.ObjectSpec(obj=vms[0])])
        try:
            content.propertyCollector.RetrieveContents([spec])
            raise AssertionError("accepted")
        except vmodl.query.InvalidProperty as fault:
            assert fault.name == "nonsense"

    @check("tasks: power change runs, a second one to the same state fails with InvalidPowerState")
    def _():
        vm = next(vm for vm in vms if vm.runtime.powerState == "poweredOff")
        WaitForTask(vm.PowerOn(), si=service)
        assert vm.runtime.powerState == "poweredOn"
        try:
            WaitForTask(vm.PowerOn(), si=service)
            raise AssertionError("powered on twice")
        except vim.fault.InvalidPowerState as fault:
            assert fault.existingState == "poweredOn"
        WaitForTask(vm.PowerOff(), si=service)

    @check("a snapshot's disk is added to another running VM, removed by its key, and the snapshot is removed")
    def _():
        source, proxy = (vim.VirtualMachine(id, service._stub) for id in ("vm-102", "vm-101"))
        task = source.CreateSnapshot(name="peer", description="", memory=False, quiesce=False)
        WaitForTask(task, si=service)
        snapshot = task.info.result
        assert source.snapshot.currentSnapshot == snapshot, source.snapshot
        disk = [d for d in snapshot.config.hardware.device if isinstance(d, vim.vm.device.VirtualDisk)][0]
        change = vim.vm.device.VirtualDeviceSpec(
            operation="add",
            device=vim.vm.device.VirtualDisk(
                key=-1, controllerKey=1000, unitNumber=9, capacityInKB=0,
                backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
                    fileName=disk.backing.fileName, diskMode="independent_nonpersistent"),
            ),
        )
        WaitForTask(proxy.Reconfigure(spec=vim.vm.ConfigSpec(deviceChange=[change])), si=service)
        added = [d for d in proxy.config.hardware.device
                 if isinstance(d, vim.vm.device.VirtualDisk) and d.unitNumber == 9][0]
        assert added.backing.uuid == disk.backing.uuid, added
        change = vim.vm.device.VirtualDeviceSpec(
            operation="remove", device=vim.vm.device.VirtualDisk(key=added.key, capacityInKB=0))
        WaitForTask(proxy.Reconfigure(spec=vim.vm.ConfigSpec(deviceChange=[change])), si=service)
        WaitForTask(snapshot.Remove(removeChildren=False), si=service)
        assert source.snapshot is None
        assert not source.runtime.consolidationNeeded

    @check("WaitForUpdatesEx wakes up on a change made by another connection")
    def _():
        vm = vms[0]
        old = vm.name
        collector = content.propertyCollector.CreatePropertyCollector()
        spec = PC.FilterSpec(propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=["name"])],
                             objectSet=[PC.ObjectSpec(obj=vm)])
        collector.CreateFilter(spec, True)
        first = collector.WaitForUpdatesEx("", PC.WaitOptions(maxWaitSeconds=5))
        assert first.filterSet[0].objectSet[0].kind == "enter"

        def rename(name):
            other = connect()
            target = vim.VirtualMachine(vm._moId, other._stub)
            WaitForTask(target.Rename(name), si=other)
            Disconnect(other)

        thread = threading.Thread(target=rename, args=(old + "-renamed",))
        thread.start()
        second = collector.WaitForUpdatesEx(first.version, PC.WaitOptions(maxWaitSeconds=30))
        change = second.filterSet[0].objectSet[0].changeSet[0]
        thread.join()
        assert change.name == "name" and change.val == old + "-renamed", change
        rename(old)
        collector.Destroy()

    @check("an older release is spoken without newer properties")
    def _():
        old = connect(version="vim.version.version7")
        vm = vim.VirtualMachine(vms[0]._moId, old._stub)
        assert vm.config.vmStorageObjectId is None
        Disconnect(old)

    @check("list view and PropertyFilter objects are readable")
    def _():
        listed = content.viewManager.CreateListView([vms[0]])
        assert listed.view == [vms[0]]
        assert listed.Modify(add=vms[1:], remove=[vms[0]]) in (None, [])
        assert listed.view == vms[1:]
        listed.Destroy()

    @check("an event can be posted")
    def _():
        import datetime
        event = vim.event.EventEx(key=0, chainId=0, createdTime=datetime.datetime.utcnow(), userName="",
                                  eventTypeId="org.example.test", severity="info", message="hello")
        content.eventManager.PostEvent(event)
        content.eventManager.LogUserEvent(vms[0], "hello")

    @check("a host rescans, and its unresolved volumes are readable")
    def _():
        hosts = content.viewManager.CreateContainerView(content.rootFolder, [vim.HostSystem], True).view
        found = []
        for host in hosts:
            storage = host.configManager.storageSystem
            storage.RescanAllHba()
            storage.RescanVmfs()
            storage.RefreshStorageSystem()
            volumes = storage.QueryUnresolvedVmfsVolume()
            assert [v.vmfsUuid for v in host.configManager.datastoreSystem.QueryUnresolvedVmfsVolumes()] == \
                [v.vmfsUuid for v in volumes]
            for volume in volumes:
                assert isinstance(volume.resolveStatus.resolvable, bool)
                assert all(extent.device.diskName in extent.devicePath for extent in volume.extent)
            found += [(host, volume) for volume in volumes]
        if "resignature" in sys.argv[5:]:
            assert found, "no unresolved volume"
            host, volume = found[0]
            spec = vim.host.UnresolvedVmfsResignatureSpec(extentDevicePath=[e.devicePath for e in volume.extent])
            task = host.configManager.datastoreSystem.ResignatureUnresolvedVmfsVolume_Task(spec)
            WaitForTask(task, service)
            copy = task.info.result.result
            assert copy.name.startswith("snap-") and copy.host[0].mountInfo.mounted, copy.name
            storage = host.configManager.storageSystem
            storage.UnmountVmfsVolume(copy.info.vmfs.uuid)
            assert not copy.host[0].mountInfo.mounted

    view.Destroy()
    Disconnect(service)
    return exit_code()


sys.exit(main())

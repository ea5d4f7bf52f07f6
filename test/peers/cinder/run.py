#!/usr/bin/python3
"""OpenStack Cinder's PowerMax driver (Debian: python3-cinder) as a client of a Unisphere.

run.py HOST PORT CA-FILE USER PASSWORD ARRAY

Prints one `ok` line a check; a failed check prints `not ok` and the exit code is 1.
"""
import logging
import os
import sys
import traceback

# requests prefers these to what the driver says.
os.environ.pop("REQUESTS_CA_BUNDLE", None)
os.environ.pop("CURL_CA_BUNDLE", None)

from cinder import coordination, exception
from cinder.volume.drivers.dell_emc.powermax import provision, rest, utils

logging.disable(logging.ERROR)


class NoLock:
    """Stands in for the coordination service: one process needs none."""

    name = b"no-lock"

    def __call__(self, *_args, **_kwargs):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_args):
        return False


coordination.COORDINATOR.get_lock = lambda name: NoLock()
provision.UNLINK_INTERVAL = 1
provision.UNLINK_RETRIES = 10

SPECS = {utils.INTERVAL: 1, utils.RETRIES: 5, utils.ARRAY: sys.argv[6]}
failures = 0


def check(name):
    def run(function):
        global failures
        try:
            function()
            print(f"ok {name}")
        except Exception:  # every failure is reported, the run goes on
            failures += 1
            print(f"not ok {name}")
            traceback.print_exc(file=sys.stdout)

    return run


def equal(got, wanted):
    assert got == wanted, f"{got!r} is not {wanted!r}"


def refused(function):
    try:
        function()
    except exception.VolumeBackendAPIException as error:
        return str(error)
    raise AssertionError("was not refused")


def main():
    host, port, ca_file, user, password, array = sys.argv[1:7]
    driver = rest.PowerMaxRest()
    driver.set_rest_credentials({
        "RestServerIp": host, "RestServerPort": int(port), "RestUserName": user, "RestPassword": password,
        "SSLVerify": ca_file, "SerialNumber": array,
    })
    prov = provision.PowerMaxProvision(driver)
    devices = {}

    @check("version, array, capabilities, service levels, pool")
    def _():
        version, major = driver.get_uni_version()
        assert version.startswith("V9.2."), version
        equal(major, "92")
        assert array in driver.get_arrays_list()
        assert driver.get_array_detail(array)["local"] is True
        assert driver.is_snap_id is True
        assert driver.is_snapvx_licensed(array) is True
        assert driver.is_compression_capable(array) is True
        equal(driver.get_array_model_info(array)[1], True)
        assert "Diamond" in driver.get_slo_list(array, True, "PowerMax_2000")
        equal(driver.get_srp_by_name(array, "SRP_1")["srpId"], "SRP_1")

    @check("storage groups with and without service level")
    def _():
        prov.create_storage_group(array, "OS-scratch", None, None, None, SPECS)
        prov.create_storage_group(array, "OS-diamond", "SRP_1", "Diamond", "NONE", SPECS)
        equal(prov.create_storage_group(array, "OS-diamond", "SRP_1", "Diamond", "NONE", SPECS)["slo"], "Diamond")
        equal(driver.get_num_vols_in_sg(array, "OS-diamond"), 0)

    @check("volumes: create by job, find by name, rename, extend, size")
    def _():
        for name in ("source", "target", "other"):
            made = prov.create_volume_from_sg(array, f"OS-{name}", "OS-diamond", "1", SPECS)
            devices[name] = made["device_id"]
        equal(len(set(devices.values())), 3)
        equal(driver.find_volume_device_id(array, "OS-source"), devices["source"])
        equal(driver.get_size_of_device_on_array(array, devices["source"]), 1)
        driver.rename_volume(array, devices["other"], "OS-third")
        equal(driver.find_volume_identifier(array, devices["other"]), "OS-third")
        prov.extend_volume(array, devices["other"], "2", SPECS)
        equal(driver.get_size_of_device_on_array(array, devices["other"]), 2)
        equal(driver.get_num_vols_in_sg(array, "OS-diamond"), 3)

    @check("snapshot, id, link, sessions of both sides, unlink with retries, terminate")
    def _():
        source, target = devices["source"], devices["target"]
        prov.create_volume_snapvx(array, source, "snap1", SPECS, ttl=2)
        snap_id = driver.get_snap_id(array, source, "snap1")
        assert isinstance(snap_id, int), snap_id
        equal(driver.get_volume_snap(array, source, "snap1", snap_id)["state"], "Established")
        prov.create_volume_replica(array, source, target, "snap1", SPECS)
        linked = driver.get_snap_linked_device_list(array, source, "snap1", snap_id)
        equal([row["targetDevice"] for row in linked], [target])
        sources, _none = driver.find_snap_vx_sessions(array, source)
        equal([(row["snap_name"], row["target_vol_id"]) for row in sources], [("snap1", target)])
        _none, session = driver.find_snap_vx_sessions(array, target, tgt_only=True)
        equal((session["source_vol_id"], session["snap_name"], session["snapid"]), (source, "snap1", snap_id))
        equal(driver.is_vol_in_rep_session(array, source)[:2], (False, True))
        equal(driver.is_vol_in_rep_session(array, target)[:2], (True, False))
        prov.unlink_snapvx_tgt_volume(array, target, source, "snap1", SPECS, snap_id)
        equal(driver.get_snap_linked_device_list(array, source, "snap1", snap_id), [])
        prov.delete_volume_snap(array, "snap1", source)
        equal(driver.get_volume_snaps(array, source, "snap1"), [])

    @check("temporary snapshot of a clone: link, wait for define, unlink and terminate together")
    def _():
        source, target = devices["source"], devices["target"]
        prov.create_volume_replica(array, source, target, "temp", SPECS, create_snap=True, copy_mode=True)
        snap_id = driver.get_snap_id(array, source, "temp")
        driver.is_sync_complete(array, source, target, "temp", SPECS, snap_id)
        refused(lambda: driver.delete_volume_snap(array, "temp", source, snap_id))
        prov.delete_volume_snap_check_for_links(array, "temp", source, SPECS, snap_id)
        equal(driver.get_volume_snaps(array, source, "temp"), [])

    @check("restore, wait for it, end it, terminate")
    def _():
        source = devices["source"]
        prov.create_volume_snapvx(array, source, "back", SPECS)
        snap_id = driver.get_snap_id(array, source, "back")
        driver.modify_volume_snap(array, source, source, "back", SPECS, snap_id=snap_id, restore=True)
        assert prov._is_restore_complete(array, source, "back", snap_id)
        prov.delete_volume_snap(array, "back", source, snap_id=snap_id, restored=True)
        equal(driver.get_volume_snap(array, source, "back", snap_id)["state"], "Established")
        driver.modify_volume_snap(
            array, source, source, "back", SPECS, snap_id=snap_id, rename=True, new_snap_name="forth")
        prov.delete_volume_snap(array, "forth", source, snap_id=snap_id)

    @check("snapshot of a storage group")
    def _():
        driver.create_storagegroup_snap(array, "OS-diamond", "group", SPECS)
        ids = driver.get_storage_group_snap_id_list(array, "OS-diamond", "group")
        equal(len(ids), 1)
        driver.delete_storagegroup_snap(array, "OS-diamond", "group", ids[0], force=True)
        equal(driver.get_storage_group_snap_id_list(array, "OS-diamond", "group"), [])

    @check("masking: host, view, address of a device, views of the parts")
    def _():
        target = devices["target"]
        driver.remove_vol_from_sg(array, "OS-diamond", target, SPECS)
        driver.add_vol_to_sg(array, "OS-scratch", target, SPECS)
        driver.create_initiator_group(array, "OS-host", ["1000000000000abc"], SPECS)
        driver.create_masking_view(array, "OS-view", "OS-scratch", "pg1", "OS-host", SPECS)
        equal(driver.find_mv_connections_for_vol(array, "OS-view", target), 1)
        equal(driver.get_common_masking_views(array, "pg1", "OS-host"), ["OS-view"])
        equal(driver.get_masking_views_from_storage_group(array, "OS-scratch"), ["OS-view"])
        equal(driver.get_masking_views_by_initiator_group(array, "OS-host"), ["OS-view"])
        equal(driver.get_element_from_masking_view(array, "OS-view", storagegroup=True), "OS-scratch")
        equal(driver.get_port_ids(array, "pg1"), ["FA-1D:5", "FA-2D:5"])
        found = driver.get_initiator_list(array, {"initiator_hba": "10000090faa02c20"})
        equal(driver.get_initiator_group_from_initiator(array, found[0]), "proxy1")
        driver.delete_masking_view(array, "OS-view")
        equal(driver.get_masking_view(array, "OS-view"), None)
        driver.delete_initiator_group(array, "OS-host")

    @check("child and parent groups, moving a volume")
    def _():
        driver.create_storage_group(array, "OS-parent", None, None, None, SPECS)
        driver.add_child_sg_to_parent_sg(array, "OS-scratch", "OS-parent", SPECS)
        assert driver.is_child_sg_in_parent_sg(array, "os-SCRATCH", "OS-parent")
        driver.remove_child_sg_from_parent_sg(array, "OS-scratch", "OS-parent", SPECS)
        driver.move_volume_between_storage_groups(array, devices["target"], "OS-scratch", "OS-diamond", SPECS)
        assert driver.is_volume_in_storagegroup(array, devices["target"], "OS-diamond")
        driver.delete_storage_group(array, "OS-parent")
        driver.delete_storage_group(array, "OS-scratch")

    @check("private list of more than one page")
    def _():
        rows = driver.get_private_volume_list(array)
        ids = [row["volumeHeader"]["volumeId"] for row in rows]
        assert len(ids) > 1000, len(ids)
        equal(len(set(ids)), len(ids))
        equal(len(driver.get_private_volume_list(array, {"cap_cyl": "1"})), 1100)

    @check("a volume in a group or a session cannot be deleted, a free one can")
    def _():
        other = devices["other"]
        refused(lambda: driver.delete_volume(array, other))
        driver.remove_vol_from_sg(array, "OS-diamond", other, SPECS)
        prov.create_volume_snapvx(array, other, "hold", SPECS)
        assert "in a Copy Session" in refused(lambda: driver.delete_volume(array, other))
        prov.delete_volume_snap(array, "hold", other)
        driver.delete_volume(array, other)
        refused(lambda: driver.get_volume(array, other))

    sys.exit(1 if failures else 0)


main()

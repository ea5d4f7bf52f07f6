#!/usr/bin/python3
"""pyVmomi as a client of guest operations: guest_operations.py URL CA-FILE USER PASSWORD VM GUEST-USER GUEST-PASSWORD

Prints one `ok` line a check; a failed check prints `not ok` and the exit code is 1.
"""
import hashlib
import http.client
import ssl
import sys
import time
import traceback
from urllib.parse import urlsplit

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim

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


def raises(fault, function):
    try:
        function()
    except fault as caught:
        return caught
    raise AssertionError(f"no {fault.__name__}")


def main():
    url, ca_file, user, password, name, guest_user, guest_password = sys.argv[1:8]
    address = urlsplit(url)
    context = ssl.create_default_context(cafile=ca_file)
    service = SmartConnect(host=address.hostname, port=address.port, user=user, pwd=password, sslContext=context)
    content = service.RetrieveContent()
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    vm = next(one for one in view.view if one.name == name)
    manager = content.guestOperationsManager
    files, processes = manager.fileManager, manager.processManager
    auth = vim.vm.guest.NamePasswordAuthentication(username=guest_user, password=guest_password)
    known = vm.runtime.host.summary.config.sslThumbprint

    def transfer(method, where, body=None):
        """Over TLS with the host whose certificate vCenter told of."""
        parts = urlsplit(where.replace("://*", f"://{address.hostname}"))
        unverified = ssl.create_default_context()
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, context=unverified)
        connection.connect()
        shown = hashlib.sha1(connection.sock.getpeercert(True)).hexdigest()
        assert shown == known.replace(":", "").lower(), shown
        connection.request(method, f"{parts.path}?{parts.query}", body)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def ended(pid):
        for _ in range(200):
            [process] = processes.ListProcessesInGuest(vm, auth, [pid])
            if process.endTime is not None:
                return process
            time.sleep(0.05)
        raise AssertionError("it never ended")

    @check("a wrong password is InvalidGuestLogin")
    def _():
        wrong = vim.vm.guest.NamePasswordAuthentication(username=guest_user, password="wrong")
        raises(vim.fault.InvalidGuestLogin, lambda: manager.authManager.ValidateCredentialsInGuest(vm, wrong))
        manager.authManager.ValidateCredentialsInGuest(vm, auth)

    folder = files.CreateTemporaryDirectoryInGuest(vm, auth, "peer-", "-x", "/dev/shm")

    @check("a temporary folder has its prefix and suffix")
    def _():
        assert folder.startswith("/dev/shm/peer-") and folder.endswith("-x"), folder

    path = f"{folder}/file"
    bytes_sent = bytes(range(256)) * 40

    @check("a file goes there and comes back; its address is good once")
    def _():
        attributes = vim.vm.guest.FileManager.PosixFileAttributes()
        where = files.InitiateFileTransferToGuest(vm, auth, path, attributes, len(bytes_sent), False)
        assert transfer("PUT", where, bytes_sent)[0] == 200
        assert transfer("PUT", where, bytes_sent)[0] == 404
        told = files.InitiateFileTransferFromGuest(vm, auth, path)
        assert told.size == len(bytes_sent), told
        assert transfer("GET", told.url) == (200, bytes_sent)
        assert transfer("GET", told.url)[0] == 404

    @check("a file that is there is not overwritten unasked")
    def _():
        attributes = vim.vm.guest.FileManager.PosixFileAttributes()
        send = lambda overwrite: files.InitiateFileTransferToGuest(vm, auth, path, attributes, 1, overwrite)
        raises(vim.fault.FileAlreadyExists, lambda: send(False))
        assert transfer("PUT", send(True), b"y")[0] == 200
        assert transfer("GET", files.InitiateFileTransferFromGuest(vm, auth, path).url) == (200, b"y")

    @check("a file of another length than was said is refused")
    def _():
        attributes = vim.vm.guest.FileManager.PosixFileAttributes()
        where = files.InitiateFileTransferToGuest(vm, auth, path, attributes, 2, True)
        assert transfer("PUT", where, b"abc")[0] == 500

    @check("a program's redirection goes through a shell, and its exit code is told after its end")
    def _():
        line = f"%b 'a\\nb' 1<>'{folder}/printed'"
        spec = vim.vm.guest.ProcessManager.ProgramSpec(programPath="/usr/bin/printf", arguments=line)
        process = ended(processes.StartProgramInGuest(vm, auth, spec))
        assert process.exitCode == 0 and process.owner == guest_user and process.name == "printf", process
        told = files.InitiateFileTransferFromGuest(vm, auth, f"{folder}/printed")
        assert transfer("GET", told.url) == (200, b"a\nb")

    @check("what is not there is FileNotFound, GuestProcessNotFound, or not in the list")
    def _():
        raises(vim.fault.FileNotFound, lambda: files.InitiateFileTransferFromGuest(vm, auth, f"{folder}/nothing"))
        raises(vim.fault.FileNotFound, lambda: files.DeleteFileInGuest(vm, auth, f"{folder}/nothing"))
        raises(vim.fault.GuestProcessNotFound, lambda: processes.TerminateProcessInGuest(vm, auth, 999999))
        assert not processes.ListProcessesInGuest(vm, auth, [999999])

    @check("more than a request to VMware Tools has room for is refused")
    def _():
        spec = vim.vm.guest.ProcessManager.ProgramSpec(programPath="/usr/bin/printf", arguments="x" * 70000)
        raises(Exception, lambda: processes.StartProgramInGuest(vm, auth, spec))

    @check("folders are made with their parents only when asked to")
    def _():
        raises(vim.fault.FileNotFound, lambda: files.MakeDirectoryInGuest(vm, auth, f"{folder}/a/b", False))
        files.MakeDirectoryInGuest(vm, auth, f"{folder}/a/b", True)
        raises(vim.fault.FileAlreadyExists, lambda: files.MakeDirectoryInGuest(vm, auth, f"{folder}/a", True))

    @check("a VM that is off has no guest operations")
    def _():
        off = next(one for one in view.view if one.runtime.powerState == "poweredOff")
        raises(vim.fault.InvalidPowerState, lambda: manager.authManager.ValidateCredentialsInGuest(off, auth))

    Disconnect(service)
    sys.exit(1 if failures else 0)


main()

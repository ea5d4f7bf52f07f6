#!/usr/bin/python3
"""pyVmomi as a client of guest operations: guest_operations.py URL CA-FILE USER PASSWORD VM GUEST-USER GUEST-PASSWORD

Prints one `ok` line a check; a failed check prints `not ok` and the exit code is 1.
"""
import sys

from checks import check, raises
from guest_session import GuestSession, vim


def main():
    session = GuestSession(sys.argv[1:8])
    vm, auth, manager = session.vm, session.auth, session.manager
    files, processes, transfer = session.files, session.processes, session.transfer

    @check("a wrong password is InvalidGuestLogin")
    def _():
        wrong = session.account("wrong")
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
        process = session.ended(session.start("/usr/bin/printf", line))
        assert process.exitCode == 0 and process.owner == session.guest_user and process.name == "printf", process
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
        raises(Exception, lambda: session.start("/usr/bin/printf", "x" * 70000))

    @check("folders are made with their parents only when asked to")
    def _():
        raises(vim.fault.FileNotFound, lambda: files.MakeDirectoryInGuest(vm, auth, f"{folder}/a/b", False))
        files.MakeDirectoryInGuest(vm, auth, f"{folder}/a/b", True)
        raises(vim.fault.FileAlreadyExists, lambda: files.MakeDirectoryInGuest(vm, auth, f"{folder}/a", True))

    @check("a VM that is off has no guest operations")
    def _():
        off = next(one for one in session.view.view if one.runtime.powerState == "poweredOff")
        raises(vim.fault.InvalidPowerState, lambda: manager.authManager.ValidateCredentialsInGuest(off, auth))

    session.close()


main()

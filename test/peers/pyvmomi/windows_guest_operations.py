#!/usr/bin/python3
"""pyVmomi as a client of guest operations of a Windows guest, up to a freeze by the verbs of the VSS helper:
windows_guest_operations.py URL CA-FILE USER PASSWORD VM GUEST-USER GUEST-PASSWORD DISK...

Prints one `ok` line a check; a failed check prints `not ok` and the exit code is 1.
"""
import json
import sys
import time
import uuid

from checks import check, raises
from guest_session import GuestSession, vim

HELPER = r"C:\Program Files\snaphook\snaphook-vss.exe"
CMD = r"C:\Windows\System32\cmd.exe"


def main():
    session = GuestSession(sys.argv[1:8])
    disks = sys.argv[8:]
    vm, auth, files, processes, transfer = session.vm, session.auth, session.files, session.processes, session.transfer

    @check("a wrong password is InvalidGuestLogin")
    def _():
        wrong = session.account("wrong")
        raises(vim.fault.InvalidGuestLogin, lambda: session.manager.authManager.ValidateCredentialsInGuest(vm, wrong))
        session.manager.authManager.ValidateCredentialsInGuest(vm, auth)

    folder = files.CreateTemporaryDirectoryInGuest(vm, auth, "peer-", "-x")

    @check("a temporary folder lies where the account has such files, with its prefix and suffix")
    def _():
        assert folder[1:3] == ":\\" and folder.split("\\")[-1].startswith("peer-") and folder.endswith("-x"), folder

    path = f"{folder}\\file"
    content = bytes(range(256)) * 40

    def told(name):
        return transfer("GET", files.InitiateFileTransferFromGuest(vm, auth, f"{folder}\\{name}").url)[1]

    @check("a file goes there and comes back, with attributes of Windows; its address is good once")
    def _():
        attributes = vim.vm.guest.FileManager.WindowsFileAttributes()
        where = files.InitiateFileTransferToGuest(vm, auth, path, attributes, len(content), False)
        assert transfer("PUT", where, content)[0] == 200
        assert transfer("PUT", where, content)[0] == 404
        answer = files.InitiateFileTransferFromGuest(vm, auth, path)
        assert isinstance(answer.attributes, vim.vm.guest.FileManager.WindowsFileAttributes), answer
        assert transfer("GET", answer.url) == (200, content)

    @check("a program has no shell: what redirects is cmd.exe, and its exit code is told after its end")
    def _():
        process = session.ended(session.start(CMD, f'/d /s /c ""{HELPER}" version <"NUL" >"{folder}\\1.out" 2>"{folder}\\1.err""'))
        assert process.exitCode == 0 and process.name == "cmd.exe", process
        assert json.loads(told("1.out"))["event"] == "version"
        process = session.ended(session.start(HELPER, f'version >"{folder}\\2.out"'))
        assert process.exitCode == 2, process
        raises(vim.fault.FileNotFound, lambda: told("2.out"))

    @check("what is not there is FileNotFound, GuestProcessNotFound, or not in the list")
    def _():
        raises(vim.fault.FileNotFound, lambda: session.start(r"C:\nowhere\a.exe", ""))
        raises(vim.fault.FileNotFound, lambda: files.DeleteDirectoryInGuest(vm, auth, f"{folder}\\nothing", True))
        raises(vim.fault.GuestProcessNotFound, lambda: processes.TerminateProcessInGuest(vm, auth, 999999))
        assert not processes.ListProcessesInGuest(vm, auth, [999999])

    name = uuid.uuid4().hex

    def tell(text):
        assert session.ended(session.start(HELPER, f"tell {name} {text.encode().hex()}")).exitCode == 0

    def events(last):
        for _ in range(200):
            lines = [json.loads(line) for line in told("events.jsonl").splitlines()]
            if lines and lines[-1]["event"] == last:
                return [line["event"] for line in lines]
            time.sleep(0.05)
        raise AssertionError(f"{last} was never said")

    @check("hold, tell and await freeze and release a guest, and its file says so afterwards")
    def _():
        holding = session.start(HELPER, f'hold {name} "{folder}\\events.jsonl"')
        prepare = {
            "command": "prepare", "protocol": 3, "set": "peer", "disks": disks, "backupType": "copy", "mode": "commit",
            "holdMs": 9000, "excludedWriters": [], "bootableState": True,
        }
        for _ in range(200):
            try:
                if told("events.jsonl"):
                    break
            except vim.fault.FileNotFound:
                time.sleep(0.05)
        tell(json.dumps(prepare) + "\n")
        assert events("prepared") == ["hello", "prepared"]
        raises(vim.fault.CannotAccessFile, lambda: files.DeleteDirectoryInGuest(vm, auth, folder, True))
        waiting = session.start(HELPER, f"await {name}")
        tell(json.dumps({"command": "freeze"}) + "\n")
        assert session.ended(waiting).exitCode == 0
        assert events("prepared") == ["hello", "prepared"]
        tell("T")
        assert events("finished") == ["hello", "prepared", "frozen", "thawed", "finished"]
        tell(json.dumps({"command": "quit"}) + "\n")
        assert session.ended(holding).exitCode == 0

    @check("a program that is terminated has ended")
    def _():
        other = uuid.uuid4().hex
        pid = session.start(HELPER, f'hold {other} "{folder}\\other.jsonl"')
        [process] = processes.ListProcessesInGuest(vm, auth, [pid])
        assert other in process.cmdLine and process.endTime is None, process
        processes.TerminateProcessInGuest(vm, auth, pid)
        assert session.ended(pid).exitCode != 0

    @check("a folder with something in it is removed only when that is asked for")
    def _():
        raises(vim.fault.DirectoryNotEmpty, lambda: files.DeleteDirectoryInGuest(vm, auth, folder, False))
        files.DeleteDirectoryInGuest(vm, auth, folder, True)
        raises(vim.fault.FileNotFound, lambda: files.InitiateFileTransferFromGuest(vm, auth, path))

    session.close()


main()

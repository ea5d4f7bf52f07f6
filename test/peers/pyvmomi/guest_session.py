"""What the checks of guest operations share: a session with the vCenter and the guest of one VM."""
import hashlib
import http.client
import ssl
import sys
import time
from urllib.parse import urlsplit

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim

from checks import exit_code


class GuestSession:
    """Of the arguments URL CA-FILE USER PASSWORD VM GUEST-USER GUEST-PASSWORD."""

    def __init__(self, arguments):
        url, ca_file, user, password, name, self.guest_user, guest_password = arguments
        self.address = urlsplit(url)
        context = ssl.create_default_context(cafile=ca_file)
        address = self.address
        self.service = SmartConnect(host=address.hostname, port=address.port, user=user, pwd=password, sslContext=context)
        content = self.service.RetrieveContent()
        self.view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
        self.vm = next(one for one in self.view.view if one.name == name)
        self.manager = content.guestOperationsManager
        self.files, self.processes = self.manager.fileManager, self.manager.processManager
        self.auth = self.account(guest_password)
        self.known = self.vm.runtime.host.summary.config.sslThumbprint

    def account(self, password):
        return vim.vm.guest.NamePasswordAuthentication(username=self.guest_user, password=password)

    def transfer(self, method, where, body=None):
        """Over TLS with the host whose certificate vCenter told of."""
        parts = urlsplit(where.replace("://*", f"://{self.address.hostname}"))
        unverified = ssl.create_default_context()
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, context=unverified)
        connection.connect()
        shown = hashlib.sha1(connection.sock.getpeercert(True)).hexdigest()
        assert shown == self.known.replace(":", "").lower(), shown
        connection.request(method, f"{parts.path}?{parts.query}", body)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def start(self, path, arguments):
        spec = vim.vm.guest.ProcessManager.ProgramSpec(programPath=path, arguments=arguments)
        return self.processes.StartProgramInGuest(self.vm, self.auth, spec)

    def ended(self, pid):
        for _ in range(200):
            [process] = self.processes.ListProcessesInGuest(self.vm, self.auth, [pid])
            if process.endTime is not None:
                return process
            time.sleep(0.05)
        raise AssertionError("it never ended")

    def close(self):
        Disconnect(self.service)
        sys.exit(exit_code())

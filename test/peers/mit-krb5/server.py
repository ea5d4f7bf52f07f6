"""A WinRM listener whose Kerberos login, signing and sealing are MIT's: the acceptor of a guest in a domain.

The key of its service is in the keytab that KRB5_KTNAME names. Messages are sealed as Windows' own interface wants them:
a signature (header, trailer, confounder) apart from as many bytes as the message has.
Prints one JSON line (port, fingerprint) and ends when standard input is closed.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import gssapi  # noqa: E402
import gssapi.raw  # noqa: E402
from gssapi.raw import IOV, IOVBufferType  # noqa: E402

import gss_listener  # noqa: E402

SIGNATURE_BYTES = 60


class Handler(gss_listener.Handler):
    def new_context(self):
        bindings = gssapi.raw.ChannelBindings(application_data=self.end_point) if self.end_point else None
        return gssapi.SecurityContext(
            creds=gssapi.Credentials(usage="accept"), usage="accept", channel_bindings=bindings
        )

    def open(self, signature, sealed):
        if len(signature) != SIGNATURE_BYTES:
            return None
        iov = IOV((IOVBufferType.header, False, signature), sealed, (IOVBufferType.padding, False, b""), std_layout=False)
        opened = gssapi.raw.unwrap_iov(self.context, iov)
        return iov[1].value if opened.encrypted else None

    def seal(self, plain):
        iov = IOV(IOVBufferType.header, plain, IOVBufferType.padding, std_layout=False)
        gssapi.raw.wrap_iov(self.context, iov)
        return iov[0].value, iov[1].value + (iov[2].value or b"")


gss_listener.serve(Handler, {}, sys.argv[1:3])

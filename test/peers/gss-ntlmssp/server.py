"""A WinRM listener whose NTLM login, signing and sealing are gss-ntlmssp's, not ours.

Prints one JSON line (port, account, fingerprint) and ends when standard input is closed.
"""

import hashlib
import os
import sys
import tempfile

ACCOUNT = ("LAB", "backup", "p<ss&word \u00fc1")

users = tempfile.NamedTemporaryFile("w", suffix=".users", encoding="utf-8", delete=False)
users.write(":".join(ACCOUNT) + "\n")
users.close()
os.environ["NTLM_USER_FILE"] = users.name
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import gssapi  # noqa: E402  (reads the environment when it is loaded)
import gssapi.raw  # noqa: E402

import gss_listener  # noqa: E402

NTLMSSP = gssapi.OID.from_int_seq("1.3.6.1.4.1.311.2.2.10")
SIGNATURE_BYTES = 16


class Handler(gss_listener.Handler):
    def new_context(self):
        credentials = gssapi.Credentials(usage="accept", mechs=[NTLMSSP])
        bindings = gssapi.raw.ChannelBindings(application_data=self.end_point) if self.end_point else None
        return gssapi.SecurityContext(creds=credentials, usage="accept", channel_bindings=bindings)

    def refusal_of(self, message):
        # gss-ntlmssp lets a client without bindings in, as Windows does by default; here they are the point.
        lacks = self.end_point and message[8] == 3 and self.binding() not in message
        return "no channel bindings" if lacks else None

    def binding(self):
        """The attribute pair of the channel bindings (MS-NLMP 2.2.2.1)."""
        fields = bytes(16) + len(self.end_point).to_bytes(4, "little") + self.end_point
        return b"\x0a\x00\x10\x00" + hashlib.md5(fields).digest()

    def open(self, signature, sealed):
        if len(signature) != SIGNATURE_BYTES:
            return None
        plain = self.context.unwrap(signature + sealed)
        return plain.message if plain.encrypted else None

    def seal(self, plain):
        token = self.context.wrap(plain, True).message
        return token[:SIGNATURE_BYTES], token[SIGNATURE_BYTES:]


greeting = {"username": f"{ACCOUNT[0]}\\{ACCOUNT[1]}", "password": ACCOUNT[2]}
gss_listener.serve(Handler, greeting, sys.argv[1:3])
os.unlink(users.name)

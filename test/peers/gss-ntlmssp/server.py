"""A WinRM listener whose NTLM login, signing and sealing are gss-ntlmssp's, not ours.

Serves the six calls of the remote shell just far enough that a client can send bytes and receive them back.
Prints one JSON line (address, port, account) and ends when standard input is closed.
"""

import base64
import hashlib
import http.server
import json
import os
import re
import ssl
import sys
import tempfile
import threading
import uuid

ACCOUNT = ("LAB", "backup", "p<ss&word \u00fc1")
BOUNDARY = b"--Encrypted Boundary"
SOAP = "application/soap+xml;charset=UTF-8"
SEALED = (
    'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";'
    'boundary="Encrypted Boundary"'
)
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"

users = tempfile.NamedTemporaryFile("w", suffix=".users", encoding="utf-8", delete=False)
users.write(":".join(ACCOUNT) + "\n")
users.close()
os.environ["NTLM_USER_FILE"] = users.name

import gssapi  # noqa: E402  (reads the environment when it is loaded)
import gssapi.raw  # noqa: E402

NTLMSSP = gssapi.OID.from_int_seq("1.3.6.1.4.1.311.2.2.10")


class Shells:
    """Echo: what is sent to a command's input comes back as its output, a byte in each chunk."""

    def __init__(self):
        self.pending = {}

    def answer(self, message):
        action = re.search(r"<a:Action[^>]*>([^<]+)<", message).group(1).rsplit("/", 1)[1]
        message_id = re.search(r"<a:MessageID>([^<]+)<", message).group(1)
        shell = re.search(r'Name="ShellId">([^<]+)<', message)
        if action != "Create" and (not shell or shell.group(1) not in self.pending):
            return 500, self.fault(message_id, 2150858843, "no such shell")
        if action == "Create":
            shell_id = str(uuid.uuid4()).upper()
            self.pending[shell_id] = b""
            body = f"<r:Shell><r:ShellId>{shell_id}</r:ShellId></r:Shell>"
        elif action == "Command":
            body = f"<r:CommandResponse><r:CommandId>{uuid.uuid4()}</r:CommandId></r:CommandResponse>"
        elif action == "Send":
            data = re.search(r"<rsp:Stream[^>]*>([^<]*)<", message).group(1)
            self.pending[shell.group(1)] += base64.b64decode(data)
            body = "<r:SendResponse/>"
        elif action == "Receive":
            data, self.pending[shell.group(1)] = self.pending[shell.group(1)], b""
            if not data:
                return 500, self.fault(message_id, 2150858793, "nothing yet")
            chunks = "".join(
                f'<r:Stream Name="stdout">{base64.b64encode(bytes([byte])).decode()}</r:Stream>' for byte in data
            )
            body = f'<r:ReceiveResponse>{chunks}<r:CommandState State="{SHELL}/CommandState/Running"/></r:ReceiveResponse>'
        elif action == "Signal":
            body = "<r:SignalResponse/>"
        else:
            del self.pending[shell.group(1)]
            body = ""
        return 200, self.envelope(message_id, body)

    @staticmethod
    def envelope(message_id, body):
        return (
            '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
            ' xmlns:h="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
            f' xmlns:r="{SHELL}"><e:Header><h:RelatesTo>{message_id}</h:RelatesTo></e:Header>'
            f"<e:Body>{body}</e:Body></e:Envelope>"
        )

    def fault(self, message_id, code, text):
        detail = (
            '<w:WSManFault xmlns:w="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"'
            f' Code="{code}"><w:Message>{text}</w:Message></w:WSManFault>'
        )
        return self.envelope(
            message_id,
            f"<e:Fault><e:Reason><e:Text>{text}</e:Text></e:Reason><e:Detail>{detail}</e:Detail></e:Fault>",
        )


shells = Shells()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    end_point = None

    def setup(self):
        super().setup()
        self.context = None

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", content_type=None, challenge=None):
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        if content_type:
            self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        authorization = self.headers.get("Authorization")
        if authorization:
            self.login(authorization)
        elif not self.context or not self.context.complete:
            self.reply(401, challenge="Negotiate")
        else:
            self.serve(body)

    def login(self, authorization):
        scheme, _, token = authorization.partition(" ")
        if scheme != "Negotiate":
            self.reply(401, challenge="Negotiate")
            return
        if self.context is None:
            credentials = gssapi.Credentials(usage="accept", mechs=[NTLMSSP])
            bindings = gssapi.raw.ChannelBindings(application_data=self.end_point) if self.end_point else None
            self.context = gssapi.SecurityContext(creds=credentials, usage="accept", channel_bindings=bindings)
        message = base64.b64decode(token)
        # gss-ntlmssp lets a client without bindings in, as Windows does by default; here they are the point.
        if self.end_point and message[8] == 3 and self.binding() not in message:
            print("refused: no channel bindings", file=sys.stderr)
            self.reply(401, challenge="Negotiate")
            return
        try:
            answer = self.context.step(message)
        except gssapi.exceptions.GSSError as error:
            self.context = None
            print(f"refused: {error}", file=sys.stderr)
            self.reply(401, challenge="Negotiate")
            return
        if self.context.complete:
            self.reply(200)
        else:
            self.reply(401, challenge="Negotiate " + base64.b64encode(answer).decode())

    def binding(self):
        """The attribute pair of the channel bindings (MS-NLMP 2.2.2.1)."""
        fields = bytes(16) + len(self.end_point).to_bytes(4, "little") + self.end_point
        return b"\x0a\x00\x10\x00" + hashlib.md5(fields).digest()

    def serve(self, body):
        sealed = self.end_point is None
        if sealed:
            body = self.unsealed(body)
            if body is None:
                self.reply(400)
                return
        status, answer = shells.answer(body.decode("utf-8"))
        answer = answer.encode("utf-8")
        if sealed:
            self.reply(status, self.seal(answer), SEALED)
        else:
            self.reply(status, answer, SOAP)

    def unsealed(self, body):
        if not self.headers.get("Content-Type", "").startswith("multipart/encrypted"):
            return None
        length = int(re.search(rb"Length=(\d+)", body).group(1))
        start = body.index(b"application/octet-stream\r\n") + len(b"application/octet-stream\r\n")
        end = body.rindex(BOUNDARY + b"--")
        token = body[start + 4 : end]
        try:
            plain = self.context.unwrap(token)
        except gssapi.exceptions.GSSError as error:
            print(f"unsealing failed: {error}", file=sys.stderr)
            return None
        return plain.message if plain.encrypted and len(plain.message) == length else None

    def seal(self, answer):
        token = self.context.wrap(answer, True).message
        return (
            BOUNDARY
            + b"\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
            + f"\tOriginalContent: type={SOAP};Length={len(answer)}\r\n".encode()
            + BOUNDARY
            + b"\r\n\tContent-Type: application/octet-stream\r\n"
            + (16).to_bytes(4, "little")
            + token
            + BOUNDARY
            + b"--\r\n"
        )


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    greeting = {"port": server.server_port, "username": f"{ACCOUNT[0]}\\{ACCOUNT[1]}", "password": ACCOUNT[2]}
    if len(sys.argv) == 3:
        certificate, key = sys.argv[1:]
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        with open(certificate, encoding="ascii") as pem:
            der = ssl.PEM_cert_to_DER_cert(pem.read())
        # The lab's certificates are signed with SHA-256, which RFC 5929 then uses for the binding too.
        Handler.end_point = b"tls-server-end-point:" + hashlib.sha256(der).digest()
        greeting["fingerprint256"] = hashlib.sha256(der).hexdigest()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps(greeting), flush=True)
    sys.stdin.read()
    os.unlink(users.name)


main()

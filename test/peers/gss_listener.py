"""A WinRM listener around a security context of GSSAPI: the six calls of the remote shell just far enough that a client
can send bytes and receive them back. How a client logs in and how messages are sealed is the caller's."""

import base64
import hashlib
import http.server
import json
import re
import ssl
import sys
import threading
import uuid

import gssapi

BOUNDARY = b"--Encrypted Boundary"
SOAP = "application/soap+xml;charset=UTF-8"
SEALED = (
    'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";'
    'boundary="Encrypted Boundary"'
)
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"


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
    """One connection. Subclasses say how a context begins, and seal and open with it."""

    protocol_version = "HTTP/1.1"
    end_point = None

    def new_context(self):
        raise NotImplementedError

    def refusal_of(self, message):
        """Why the message is refused although GSSAPI would take it, if so."""
        return None

    def seal(self, plain):
        """Signature and sealed bytes."""
        raise NotImplementedError

    def open(self, signature, sealed):
        raise NotImplementedError

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
            self.context = self.new_context()
        message = base64.b64decode(token)
        try:
            refusal = self.refusal_of(message)
            answer = None if refusal else self.context.step(message)
            # Asking for the state brings up an error that the step kept back to send its token first.
            complete = not refusal and self.context.complete
        except gssapi.exceptions.GSSError as error:
            refusal = error
        if refusal:
            self.context = None
            print(f"refused: {refusal}", file=sys.stderr)
            self.reply(401, challenge="Negotiate")
            return
        challenge = "Negotiate " + base64.b64encode(answer).decode() if answer else None
        self.reply(200 if complete else 401, challenge=challenge)

    def serve(self, body):
        sealed = self.end_point is None
        if sealed:
            body = self.opened(body)
            if body is None:
                self.reply(400)
                return
        status, answer = shells.answer(body.decode("utf-8"))
        answer = answer.encode("utf-8")
        if sealed:
            self.reply(status, self.sealed(answer), SEALED)
        else:
            self.reply(status, answer, SOAP)

    def opened(self, body):
        if not self.headers.get("Content-Type", "").startswith("multipart/encrypted"):
            return None
        length = int(re.search(rb"Length=(\d+)", body).group(1))
        start = body.index(b"application/octet-stream\r\n") + len(b"application/octet-stream\r\n")
        end = body.rindex(BOUNDARY + b"--")
        signature_end = start + 4 + int.from_bytes(body[start : start + 4], "little")
        try:
            plain = self.open(body[start + 4 : signature_end], body[signature_end:end])
        except gssapi.exceptions.GSSError as error:
            print(f"not opened: {error}", file=sys.stderr)
            return None
        return plain if plain is not None and len(plain) == length == end - signature_end else None

    def sealed(self, answer):
        signature, sealed = self.seal(answer)
        return (
            BOUNDARY
            + b"\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
            + f"\tOriginalContent: type={SOAP};Length={len(answer)}\r\n".encode()
            + BOUNDARY
            + b"\r\n\tContent-Type: application/octet-stream\r\n"
            + len(signature).to_bytes(4, "little")
            + signature
            + sealed
            + BOUNDARY
            + b"--\r\n"
        )


def serve(handler, greeting, certificate_and_key):
    """Prints one JSON line, the port added to the greeting, and returns when standard input is closed."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    greeting = {"port": server.server_port, **greeting}
    if certificate_and_key:
        certificate, key = certificate_and_key
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        with open(certificate, encoding="ascii") as pem:
            der = ssl.PEM_cert_to_DER_cert(pem.read())
        # The lab's certificates are signed with SHA-256, which RFC 5929 then uses for the binding too.
        handler.end_point = b"tls-server-end-point:" + hashlib.sha256(der).digest()
        greeting["fingerprint256"] = hashlib.sha256(der).hexdigest()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps(greeting), flush=True)
    sys.stdin.read()

"""MIT Kerberos as the client of the lab's guest: logs in by SPNEGO with the ticket in KRB5CCNAME, over HTTP with a sealed
message to and fro, over HTTPS bound to the channel.

usage: client.py --url URL [--ca ca.pem]
Prints a line a check; the exit code is 0 when all held.
"""

import argparse
import base64
import hashlib
import http.client
import re
import ssl
import sys
import urllib.parse

import gssapi
import gssapi.raw
from gssapi.raw import IOV, IOVBufferType

SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
SOAP = "application/soap+xml;charset=UTF-8"
PROTOCOL = "application/HTTP-SPNEGO-session-encrypted"
IDENTIFY = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"><s:Header/><s:Body><i:Identify/>'
    "</s:Body></s:Envelope>"
).encode()


def check(name, condition, detail=""):
    if not condition:
        print(f"FAILED {name}: {detail}")
        sys.exit(1)
    print(f"ok {name}")


def negotiate(connection, bindings):
    """Status and context of one login on the connection."""
    context = gssapi.SecurityContext(
        name=gssapi.Name("HTTP@localhost", gssapi.NameType.hostbased_service),
        mech=SPNEGO,
        usage="initiate",
        channel_bindings=bindings,
        flags=gssapi.RequirementFlag.mutual_authentication
        | gssapi.RequirementFlag.confidentiality
        | gssapi.RequirementFlag.integrity
        | gssapi.RequirementFlag.out_of_sequence_detection,
    )
    token = context.step()
    connection.request("POST", "/wsman", b"", {"Authorization": "Negotiate " + base64.b64encode(token).decode()})
    answer = connection.getresponse()
    answer.read()
    challenge = re.match(r"Negotiate (\S+)", answer.headers.get("WWW-Authenticate", ""))
    if answer.status == 200 and challenge:
        context.step(base64.b64decode(challenge.group(1)))
    return answer.status, context


def sealed_exchange(connection, context):
    iov = IOV(IOVBufferType.header, IDENTIFY, IOVBufferType.padding, std_layout=False)
    gssapi.raw.wrap_iov(context, iov)
    head = (
        f"--Encrypted Boundary\r\n\tContent-Type: {PROTOCOL}\r\n"
        f"\tOriginalContent: type={SOAP};Length={len(IDENTIFY)}\r\n"
        "--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
    ).encode()
    body = head + len(iov[0].value).to_bytes(4, "little") + iov[0].value + iov[1].value + b"--Encrypted Boundary--\r\n"
    content_type = f'multipart/encrypted;protocol="{PROTOCOL}";boundary="Encrypted Boundary"'
    connection.request("POST", "/wsman", body, {"Content-Type": content_type})
    answer = connection.getresponse()
    data = answer.read()
    if answer.status != 200:
        return f"status {answer.status}"
    start = data.index(b"octet-stream\r\n") + len(b"octet-stream\r\n")
    end = start + 4 + int.from_bytes(data[start : start + 4], "little")
    sealed = data[end : data.rindex(b"--Encrypted Boundary--")]
    opened = IOV(
        (IOVBufferType.header, False, data[start + 4 : end]), sealed, (IOVBufferType.padding, False, b""), std_layout=False
    )
    gssapi.raw.unwrap_iov(context, opened)
    return opened[1].value.decode()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--ca")
    arguments = parser.parse_args()
    url = urllib.parse.urlparse(arguments.url)

    def connect():
        if not arguments.ca:
            return http.client.HTTPConnection(url.hostname, url.port, timeout=20)
        return http.client.HTTPSConnection(
            url.hostname, url.port, timeout=20, context=ssl.create_default_context(cafile=arguments.ca)
        )

    connection = connect()
    connection.connect()
    if not arguments.ca:
        status, context = negotiate(connection, None)
        check("the ticket logs in and the guest proves itself", status == 200 and context.complete, status)
        for _ in range(3):
            answer = sealed_exchange(connection, context)
            check("a sealed message is answered by a sealed one", "IdentifyResponse" in answer, answer)
        return
    certificate = connection.sock.getpeercert(binary_form=True)
    data = b"tls-server-end-point:" + hashlib.sha256(certificate).digest()
    status, context = negotiate(connection, gssapi.raw.ChannelBindings(application_data=data))
    check("a login bound to the channel of TLS is let in", status == 200 and context.complete, status)
    other = connect()
    status, _ = negotiate(other, gssapi.raw.ChannelBindings(application_data=data[:-1] + b"x"))
    check("a login bound to another channel is refused", status == 401, status)
    unbound = connect()
    status, _ = negotiate(unbound, None)
    check("a login without channel is refused", status == 401, status)


if __name__ == "__main__":
    main()

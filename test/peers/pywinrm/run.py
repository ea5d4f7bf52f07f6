#!/usr/bin/python3
"""Drives a WinRM endpoint with pywinrm, which this project did not write. Prints an `ok` line for each promise kept.

usage: run.py --transport basic --url https://localhost:5986/wsman --ca ca.pem --user Administrator
       run.py --transport ntlm --url http://localhost:5985/wsman --user 'HOST\\Administrator'
       run.py --transport certificate --url https://localhost:5986/wsman --ca ca.pem --certificate c.pem --key k.pem
The password is read from the environment variable WINRM_PASSWORD.
"""
import argparse
import base64
import os
import sys
import threading
import time


def activate_md4():
    """NTLM needs MD4, which OpenSSL 3 keeps in its legacy provider: start again with that provider active."""
    import hashlib

    try:
        hashlib.new("md4", b"")
        return
    except ValueError:
        pass
    if os.environ.get("RUN_PY_LEGACY"):
        sys.exit("OpenSSL's legacy provider could not be activated")
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "openssl-legacy.cnf")
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OPENSSL_CONF": path, "RUN_PY_LEGACY": "1"})


def check(name, condition, detail=""):
    if not condition:
        print(f"FAILED {name}: {detail}")
        sys.exit(1)
    print(f"ok {name}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--transport", choices=["basic", "ntlm", "certificate"], required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--ca")
    parser.add_argument("--user", default="")
    parser.add_argument("--certificate", help="PEM file for the transport certificate")
    parser.add_argument("--key")
    arguments = parser.parse_args()
    if arguments.transport == "ntlm":
        activate_md4()
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        os.environ.pop(name, None)  # they would override --ca
    password = os.environ.get("WINRM_PASSWORD", "")

    import winrm
    from winrm.exceptions import InvalidCredentialsError, WinRMOperationTimeoutError, WinRMTransportError
    from winrm.protocol import Protocol

    options = {
        "transport": arguments.transport,
        "server_cert_validation": "validate",
        "ca_trust_path": arguments.ca or "legacy_requests",
        "operation_timeout_sec": 5,
        "read_timeout_sec": 10,
    }
    if arguments.certificate:
        options.update(cert_pem=arguments.certificate, cert_key_pem=arguments.key)
    session = winrm.Session(arguments.url, auth=(arguments.user, password), **options)

    result = session.run_cmd("hostname")
    check("hostname answers with exit code 0", result.status_code == 0 and result.std_out.endswith(b"\r\n"), result)
    result = session.run_cmd("echo", ["snaphook", "lab"])
    check("echo returns its arguments", result.std_out == b"snaphook lab\r\n", result.std_out)
    result = session.run_cmd("exit", ["3"])
    check("the exit code of a command arrives", result.status_code == 3, result.status_code)
    result = session.run_cmd("no-such-program")
    check("an unknown program is refused as cmd.exe does it", result.status_code == 1, result.status_code)
    check("its message is on stderr", b"is not recognized" in result.std_err and result.std_out == b"", result.std_err)

    protocol = Protocol(endpoint=arguments.url, username=arguments.user, password=password, **options)
    shell = protocol.open_shell(codepage=65001)
    command = protocol.run_command(shell, "snaphook-vss.exe", ["serve"], console_mode_stdin=False)
    stdout, _, code, done = protocol._raw_get_command_output(shell, command)
    check("a long-running command hands over what it wrote", b'"event":"hello"' in stdout and not done, stdout)
    try:
        protocol._raw_get_command_output(shell, command)
        check("a Receive without output times out", False)
    except WinRMOperationTimeoutError:
        check("a Receive without output times out", True)

    def send(text, end=False):
        send_input(protocol, shell, command, text, end)

    send('{"command":"status"}\n')
    stdout, _, _, done = protocol._raw_get_command_output(shell, command)
    check("input reaches the command and its answer comes back", b'"phase":"idle"' in stdout and not done, stdout)
    send("", end=True)
    deadline = time.monotonic() + 20
    while not done and time.monotonic() < deadline:
        _, _, code, done = protocol._raw_get_command_output(shell, command)
    check("the end of input ends the command", done and code == 0, code)
    protocol.cleanup_command(shell, command)
    protocol.close_shell(shell)
    try:
        protocol.run_command(shell, "hostname")
        check("a closed shell is gone", False)
    except Exception as error:
        check("a closed shell is gone", "not found" in str(error), error)

    failures = []

    def worker(number):
        try:
            own = winrm.Session(arguments.url, auth=(arguments.user, password), **options)
            if own.run_cmd("echo", [str(number)]).std_out != f"{number}\r\n".encode():
                failures.append(number)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=worker, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check("four sessions at once do not disturb one another", not failures, failures)

    if arguments.certificate:
        return
    wrong = winrm.Session(arguments.url, auth=(arguments.user, password + "x"), **options)
    try:
        wrong.run_cmd("hostname")
        check("a wrong password is refused", False)
    except (InvalidCredentialsError, WinRMTransportError) as error:
        check("a wrong password is refused", True, error)


def send_input(protocol, shell, command, text, end):
    """pywinrm 0.3.0 has no public call for input; this one builds the message with the library's own parts."""
    import xmltodict

    message = {
        "env:Envelope": protocol._get_soap_header(
            resource_uri="http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd",
            action="http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Send",
            shell_id=shell,
        )
    }
    stream = {"@Name": "stdin", "@CommandId": command, "#text": base64.b64encode(text.encode()).decode()}
    if end:
        stream["@End"] = "true"
    body = message["env:Envelope"].setdefault("env:Body", {})
    body["rsp:Send"] = {"rsp:Stream": stream}
    protocol.send_message(xmltodict.unparse(message))


if __name__ == "__main__":
    main()

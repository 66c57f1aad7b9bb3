"""TLS as small boards speak it: 1.2, an RSA certificate, one suite, one curve, small records, no name or a wrong one.
The clients are openssl and, where it is built, those of BearSSL and mbed TLS."""
import os
import socket
import ssl
import subprocess

from hub import AMQPS, CA, HOST, HTTPS, MQTTS, VERSION, Device, check, done, owner
from mqtt import CONNACK, Mqtt, connect_packet

PORTS = {"MQTT": MQTTS, "AMQP": AMQPS, "HTTPS": HTTPS}


def s_client(port, *options, said=b"", stays=False):
    """What `openssl s_client` tells."""
    command = [
        "openssl",
        "s_client",
        "-connect",
        f"{HOST}:{port}",
        "-CAfile",
        CA,
        "-verify_return_error",
        "-verify_hostname",
        HOST,
    ]
    done_with = subprocess.run(
        command + (["-ign_eof"] if stays else []) + list(options),
        input=said,
        timeout=60,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done_with.stdout.decode("latin1")


CLIENTS = {
    "GCM, P-256, fragments of 512, no name": [
        "-cipher",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "-curves",
        "P-256",
        "-maxfraglen",
        "512",
        "-noservername",
    ],
    "CBC with SHA-256": ["-cipher", "ECDHE-RSA-AES128-SHA256", "-curves", "P-256:P-384"],
    "CBC with SHA-384, P-384": ["-cipher", "ECDHE-RSA-AES256-SHA384", "-curves", "P-384"],
    "RSA signatures of PKCS 1 alone": ["-cipher", "ECDHE-RSA-AES256-GCM-SHA384", "-sigalgs", "RSA+SHA256:RSA+SHA384"],
    "ECDSA with CBC": ["-cipher", "ECDHE-ECDSA-AES128-SHA256"],
    "a wrong name": ["-servername", "azure-devices.net"],
    "the name in capitals": ["-servername", HOST.upper()],
}
for name, options in CLIENTS.items():
    for protocol, port in PORTS.items():
        told = s_client(port, "-tls1_2", "-brief", *options)
        check(
            f"openssl, {protocol}: {name}", "CONNECTION ESTABLISHED" in told and "Verification: OK" in told, told[:300]
        )
for version in ("-tls1", "-tls1_1"):
    told = s_client(MQTTS, "-brief", "-cipher", "DEFAULT@SECLEVEL=0", version)
    check(f"openssl, MQTT: {version[1:]} is not spoken", "CONNECTION ESTABLISHED" not in told, told[:300])

devices = [Device() for _ in range(6)]
request = (
    f"GET /devices?{VERSION}&top=100 HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {owner()}\r\nConnection: close\r\n\r\n"
).encode()
told = s_client(
    HTTPS, "-tls1_2", "-maxfraglen", "512", "-noservername", "-cipher", "ECDHE+AESGCM", "-msg", said=request, stays=True
)
lines = told.split("\n")
headers = [
    lines[i + 1].split() for i, line in enumerate(lines[:-1]) if line.startswith("<<<") and "RecordHeader" in line
]
lengths = [int(h[3] + h[4], 16) for h in headers if len(h) == 5]
whole = any(device.id in told for device in devices)  # an id may be cut by what is told of the records between
check(
    "openssl, HTTPS: with fragments of 512 no record is longer",
    lengths and max(lengths) <= 512 + 64 and whole,
    sorted(lengths)[-4:],
)

d = devices[0]
context = ssl.create_default_context(cafile=CA)
context.maximum_version = ssl.TLSVersion.TLSv1_2
context.set_ciphers("ECDHE-RSA-AES128-SHA256")
context.check_hostname = False
with Mqtt(context.wrap_socket(socket.create_connection((HOST, MQTTS), 10))) as m:
    packet = connect_packet(d.id, d.user, d.sas())
    for i in range(0, len(packet), 7):
        m.sock.sendall(packet[i : i + 7])
    got = m.next()
check(
    "by hand, MQTT: CBC without a name, seven bytes at a time",
    isinstance(got, tuple) and got[0] >> 4 == CONNACK and got[1][1] == 0,
    got,
)

board = os.path.join(os.environ["D2D_BUILD"], "test", "small_board")
for library in ("bearssl", "mbedtls") if os.path.exists(board) else ():
    told = subprocess.run(
        [board, library, str(MQTTS), CA, d.id, d.user, d.sas()], capture_output=True, text=True, timeout=60, check=False
    )
    check(
        f"{library}, MQTT: a device with an RSA certificate, one suite and little memory connects and sends",
        told.returncode == 0,
        told,
    )
done()

"""What `d2d` makes of connection strings as people have them in files: copied from JSON, written by Notepad or
PowerShell, cut, of the wrong kind. It takes them, or says at once what is wrong, without the key."""
import os
import subprocess
import tempfile
import time

from hub import CA, FACTS, HOST, MQTTS, Device, check, done, new_key, some

D2D = os.path.join(os.environ["D2D_BUILD"], "d2d")
d = Device()
S, K = d.connection_string, d.key
folder = tempfile.TemporaryDirectory(prefix="d2d-strings-")
ENVIRONMENT = {**os.environ, "D2D_CA_FILE": CA, "XDG_CONFIG_HOME": folder.name, "HOME": folder.name}


def d2d(*args, given=None, variable=None):
    """Exit status, what it says, how long it took."""
    env = {**ENVIRONMENT, **({"D2D_CONNECTION_STRING": variable} if variable else {})}
    if given is not None:
        path = os.path.join(folder.name, "cs")
        with open(path, "wb") as f:
            f.write(given if isinstance(given, bytes) else given.encode())
        args += ("--connection-string-file", path)
    began = time.monotonic()
    ended = subprocess.run(
        [D2D, *args], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    return ended.returncode, ended.stderr.strip(), time.monotonic() - began


def send(given=None, variable=None):
    status, said, took = d2d("send", "--timeout", "8s", "x", given=given, variable=variable)
    check("the key is in no message", K[:20] not in said) if K[:20] in said else None
    return status, said, took


def told(said, words):
    return any(word in said.lower() for word in words)


def quick(took):
    return took < 6  # of the 8 s that it has: it did not even try for long


TAKEN = {
    "as it is": S,
    "a line end of Windows": S + "\r\n",
    "a semicolon at its end": S + ";",
    "blanks after the semicolons": S.replace(";", "; "),
    "names in other case": S.replace("HostName", "hostname").replace("DeviceId", "deviceid"),
    "the other order": ";".join(S.split(";")[::-1]),
    "the host in capitals": S.replace(HOST, HOST.upper()),
    "the key without its padding": S.rstrip("="),
    "a member that is not known": S + ";ModelId=dtmi:x:y",
    "the host with its port": S.replace(HOST, f"{HOST}:{MQTTS}"),
    "the host as a URL": S.replace(HOST, f"https://{HOST}/"),
}
for name, given in TAKEN.items():
    got = send(given)
    check(f"taken: {name}", got[0] == 0, got)
got = send(variable=S + "\n")
check("taken: in the environment, with a line end", got[0] == 0, got)

EITHER = {
    "blank lines around it": ("\n\n" + S + "\n\n", ("blank", "empty line", "first line")),
    "a byte order mark in front": (b"\xef\xbb\xbf" + S.encode(), ("byte order", "bom", "utf")),
    "UTF-16": (b"\xff\xfe" + S.encode("utf-16-le"), ("utf", "byte order", "bom")),
    "double quotes around it": (f'"{S}"\n', ("quot",)),
    "single quotes around it": (f"'{S}'", ("quot",)),
    "a blank in front of the key": (S.replace("SharedAccessKey=", "SharedAccessKey= "), ("key",)),
    "blanks around the equals signs": (S.replace("=", " = ", 3), ("key", "blank")),
}
for name, (given, words) in EITHER.items():
    status, said, took = send(given)
    check(
        f"taken, or told at once what is wrong: {name}",
        status == 0 or (quick(took) and told(said, words)),
        (status, took, said),
    )

REFUSED = {
    "two characters of the key are missing": (S[:-2], ("key", "base64", "credential"), (2, 3)),
    "the key is cut": (S[:-30], ("key", "base64"), (2,)),
    "no key": (S[: S.index(";SharedAccessKey")], ("key",), (2,)),
    "a key with … in it": (S[:-30] + "...", ("key", "base64"), (2,)),
    "no host": (S.split(";", 1)[1], ("host",), (2,)),
    "an empty file": ("", ("empty", "connection string", "nothing"), (1, 2)),
    "some other text": ("hello world", ("connection string",), (2,)),
    "two device ids": (S + ";DeviceId=other", ("twice", "deviceid", "connection string"), (2,)),
}
for name, (given, words, statuses) in REFUSED.items():
    status, said, took = send(given)
    check(
        f"refused at once, with the reason: {name}",
        status in statuses and quick(took) and told(said, words),
        (status, took, said),
    )

owner = FACTS["connection_strings"]["iothubowner"]
OTHERS = {
    "a policy's where a device's is needed": (("send", "x"), owner, "device"),
    "a device's where a policy's is needed": (("device", "list"), S, "polic"),
    "an event hub's where a device's is needed": (("send", "x"), FACTS["event_hub_connection_string"], "device"),
}
for name, (command, given, word) in OTHERS.items():
    status, said, took = d2d(*command, given=given)
    check(f"told which kind is needed: {name}", status == 2 and told(said, (word,)), (status, said))

FAILS = {
    "a wrong key": (S.replace(K, new_key()), (3,), ""),
    "a device that does not exist": (S.replace(d.id, "no-" + some()), (3, 4), ""),
    "a host that does not exist": (S.replace(HOST, "no-such-host.example"), (5,), "no-such-host"),
}
for name, (given, statuses, word) in FAILS.items():
    status, said, took = send(given)
    check(f"its own exit status: {name}", status in statuses and word in said, (status, said))
folder.cleanup()
done()

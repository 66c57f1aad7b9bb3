#!/usr/bin/python3
"""clients.py [--check] RESULTS: doc/clients.md from what the end-to-end tests have said (TAP, a file for each). With
--check nothing is written: it fails when the page says something else. Each test belongs to a row, and each row has
tests."""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "..", "..", "doc", "clients.md")


def npm(package):
    with open(os.path.join(HERE, "package-lock.json")) as f:
        return json.load(f)["packages"]["node_modules/" + package]["version"]


def nuget(package):
    with open(os.path.join(HERE, "dotnet", "packages.lock.json")) as f:
        return json.load(f)["dependencies"]["net10.0"][package]["resolved"]


DEBIAN = "of Debian"
BY_HAND = "—"

# Client, version, protocol, file of tests, which of them (from the start of the name), what they are about.
ROWS = [
    (
        "Azure IoT device SDK for Node.js",
        npm("azure-iot-device"),
        "MQTT",
        "device-mqtt",
        "",
        "properties, sizes, ids, order, refusals",
    ),
    *[
        (
            "Azure IoT device SDK for Node.js",
            npm("azure-iot-device"),
            name,
            "transports",
            f"({key}:|.*\\b{key}(,|$| gives| over| into))",
            "send, receive, settle, sizes, properties from and to the other protocols, renewal of tokens, take-over",
        )
        for name, key in (
            ("MQTT in WebSockets", "mqtt-ws"),
            ("AMQP in WebSockets", "amqp-ws"),
            ("HTTPS", "https"),
            ("MQTT and AMQP", "(mqtt|amqp)"),
        )
    ],
    (
        "Azure IoT service SDK for Node.js",
        npm("azure-iothub"),
        "AMQP, AMQP in WebSockets",
        "transports",
        "",
        "send, feedback, refusals, odd ids",
    ),
    (
        "Azure IoT service SDK for Node.js",
        npm("azure-iothub"),
        "HTTPS",
        "registry",
        "",
        "registry, bulk, queries, statistics, purge",
    ),
    (
        "Azure IoT service SDK for Node.js",
        npm("azure-iothub"),
        "HTTPS",
        "jobs",
        "",
        "jobs over twins and methods, their devices, lists, queries over twins",
    ),
    (
        "Azure IoT service SDK for Node.js",
        npm("azure-iothub"),
        "HTTPS",
        "transfer",
        "",
        "import and export of the registry and of configurations, in spite of kill -9",
    ),
    (
        "Azure IoT service SDK for Node.js, queries",
        npm("azure-iothub"),
        "HTTPS",
        "queries",
        "",
        "texts of programs and tools, pages, refusals",
    ),
    (
        "Azure IoT device and service SDKs for Node.js, twins",
        npm("azure-iot-device"),
        "MQTT, AMQP, WebSockets, HTTPS",
        "twins",
        "",
        "reported, desired, tags, ETags, models, components, bulk, writers at once, opened again, after a kill",
    ),
    (
        "Azure IoT device and service SDKs for Node.js, modules",
        npm("azure-iot-device"),
        "MQTT, AMQP, WebSockets, HTTPS",
        "modules",
        "",
        "registry, events, twins, methods, certificates, edge devices, disabling",
    ),
    (
        "Azure IoT device and service SDKs for Node.js, methods",
        npm("azure-iot-device"),
        "MQTT, AMQP, WebSockets, HTTPS",
        "methods",
        "",
        "calls and answers, devices that are away, late, silent or opened again, renewal of tokens, refusals",
    ),
    (
        "Azure IoT device SDK for Node.js, faults on request",
        npm("azure-iot-device"),
        "MQTT, AMQP, WebSockets",
        "faults",
        "",
        "reconnecting after each kind of fault",
    ),
    (
        "Azure IoT service SDK for Node.js, configurations",
        npm("azure-iothub"),
        "HTTPS",
        "configurations",
        "",
        "targets, priorities, edge manifests",
    ),
    (
        "Azure IoT service SDK for Node.js, digital twins",
        npm("azure-iothub"),
        "HTTPS",
        "digital-twins",
        "",
        "properties, components, patches, commands",
    ),
    (
        "Azure IoT service and Event Hubs SDKs for Node.js",
        npm("azure-iothub"),
        "HTTPS, AMQP",
        "life",
        "",
        "events of created, deleted, connected and changed devices and modules, and of jobs",
    ),
    (
        "Azure IoT device SDK for Node.js, X.509",
        npm("azure-iot-security-x509"),
        "MQTT, AMQP, HTTPS",
        "x509",
        "",
        "thumbprints, certificate authorities, models, refusals",
    ),
    (
        "Azure IoT provisioning SDKs for Node.js",
        npm("azure-iot-provisioning-device"),
        "MQTT, AMQP, HTTPS, WebSockets",
        "provisioning",
        "",
        "keys, groups, certificates, initial twins, allocation, enrollments",
    ),
    (
        "Azure IoT provisioning SDKs for Node.js, TPM",
        npm("azure-iot-security-tpm"),
        "AMQP, HTTPS",
        "tpm",
        "",
        "attestation, keys in the chip",
    ),
    (
        "Azure Event Hubs for Node.js",
        npm("@azure/event-hubs"),
        "AMQP, AMQP in WebSockets",
        "event-hubs",
        "",
        "positions, groups, owner levels, many receivers, runtime information, refusals",
    ),
    (
        "Azure Event Hubs for Node.js, the old one",
        npm("azure-event-hubs"),
        "AMQP",
        "event-hubs-02",
        "",
        "positions, with and without SASL",
    ),
    (
        "AMQPNetLite for .NET",
        nuget("AMQPNetLite"),
        "AMQP in WebSockets",
        "dotnet",
        "AMQPNetLite, AMQP in WebSockets",
        "the classic arrangement",
    ),
    (
        "AMQPNetLite for .NET",
        nuget("AMQPNetLite"),
        "AMQP",
        "dotnet",
        "AMQPNetLite",
        "the classic arrangement: put-token, D2C, selector, C2D, feedback; refusals",
    ),
    (
        "Azure.Messaging.EventHubs for .NET",
        nuget("Azure.Messaging.EventHubs"),
        "AMQP in WebSockets",
        "dotnet",
        "Azure.Messaging.EventHubs, AMQP in WebSockets",
        "consumer, runtime information",
    ),
    (
        "Azure.Messaging.EventHubs for .NET",
        nuget("Azure.Messaging.EventHubs"),
        "AMQP",
        "dotnet",
        "Azure.Messaging.EventHubs",
        "consumer, runtime information, owner levels, refusals",
    ),
    (
        "rhea",
        npm("rhea"),
        "AMQP",
        "classic",
        "the (original receiver|hub filters)|an unknown selector",
        "SASL PLAIN, selectors, refusals",
    ),
    ("Proton for Python", DEBIAN, "AMQP", "classic", "Proton's Python", "SASL PLAIN, a selector"),
    ("mosquitto_pub", DEBIAN, "MQTT", "classic", "mosquitto_pub", "send, refusals"),
    ("mosquitto as a bridge", DEBIAN, "MQTT", "mosquitto-bridge", "", "out and in, pings, the private level"),
    ("mqtt.js", npm("mqtt"), "MQTT in WebSockets", "mqtt-js", "mqtt.js, MQTT in WebSockets", "send, receive"),
    ("mqtt.js", npm("mqtt"), "MQTT", "mqtt-js", "", "send, receive, sessions, refusals"),
    (
        "Node-RED: node-red-contrib-azure-iot-hub",
        npm("node-red-contrib-azure-iot-hub"),
        "MQTT, AMQP, AMQP in WebSockets, HTTPS",
        "node-red",
        "",
        "all its nodes, with the SDKs of 2016",
    ),
    (
        "OpenSSL, as small boards",
        DEBIAN,
        "TLS 1.2",
        "small-tls",
        "openssl",
        "only RSA, old suites, small fragments, no name or a wrong one",
    ),
    ("BearSSL", DEBIAN, "MQTT", "small-tls", "bearssl", "TLS 1.2 with only RSA and small records; send"),
    ("mbed TLS", DEBIAN, "MQTT", "small-tls", "mbedtls", "TLS 1.2 with only RSA and small records; send"),
    ("programs by hand", BY_HAND, "MQTT", "small-tls", "", "TLS without a name, in pieces"),
    ("programs by hand", BY_HAND, "MQTT", "topics", "", "topics and property bags"),
    ("programs by hand", BY_HAND, "MQTT", "user-names", "", "user names since 2016"),
    ("programs by hand", BY_HAND, "MQTT", "token-spellings", "", "spellings of tokens and user names"),
    ("programs by hand", BY_HAND, "MQTT, AMQP, HTTPS", "scopes", "", "scopes of tokens"),
    ("programs by hand", BY_HAND, "MQTT", "registering-by-hand", "", "provisioning"),
    (
        "programs by hand",
        BY_HAND,
        "MQTT, AMQP, HTTPS",
        "ids",
        "",
        "each character that an id may have: send, receive, settle, register",
    ),
    ("programs by hand", BY_HAND, "AMQP", "put-token", "", "types and names of put-token"),
    ("programs by hand", BY_HAND, "AMQP", "positions", "", "positions, also after the end"),
    (
        "programs by hand",
        BY_HAND,
        "HTTPS",
        "http-by-hand",
        "",
        "events, mailbox, batches; HTTP/1.0, absolute targets, 100-continue",
    ),
    ("explorers", BY_HAND, "HTTPS", "explorer", "", "the calls of 2019 to now"),
    ("the cloud's command line", BY_HAND, "HTTPS", "cli", "",
     "its calls, with the exact codes that it takes for success"),
    ("d2d", "of this version", "MQTT, HTTPS", "connection-strings", "", "connection strings as files contain them"),
]

HEAD = """# Clients

The end-to-end tests (`test/e2e`) run each client unchanged, with every check switched on, against a new hub. \
This page is made from
their results: `test/e2e/clients.py build/e2e-results` writes it, and the tests fail when it is not current.

| Client | Version | Protocol | What is tested | Result |
|---|---|---|---|---|
"""


def tests_of(path):
    """Names and whether they passed, of those that are not indented and not skipped."""
    found = []
    with open(path) as f:
        for line in f:
            if m := re.match(r"(not )?ok \d+ - (.*?)( # (SKIP|TODO).*)?\n", line):
                if not m[3]:
                    found.append((m[2], not m[1]))
    return found


def files():
    return sorted({row[3] for row in ROWS})


def result_path(folder, name):
    for end in (".test.js.tap", ".test.py.tap", ".tap"):
        if os.path.exists(path := os.path.join(folder, name + end)):
            return path
    return None


def lines_of(folder):
    """A line of the table for each row; None where its file was not run."""
    left = {name: tests_of(path) for name in files() if (path := result_path(folder, name))}
    lines = {}
    for row in ROWS:
        client, version, protocol, name, which, about = row
        if name not in left:
            lines[row] = None
            continue
        mine = [test for test in left[name] if re.match(which, test[0])]
        left[name] = [test for test in left[name] if test not in mine]
        passed = sum(good for _, good in mine)
        said = f"{passed} of {len(mine)} pass" if mine else None
        lines[row] = f"| {client} | {version} | {protocol} | {about} | {said} |\n" if said else None
        if not mine and version != DEBIAN:
            raise SystemExit(f"clients.py: no test of {name} belongs to the row of {client}, {protocol}")
    over = [f"{name}: {test}" for name, tests in left.items() for test, _ in tests]
    if over:
        raise SystemExit("clients.py: these tests belong to no row:\n  " + "\n  ".join(over))
    return lines


def main():
    check = sys.argv[1] == "--check"
    lines = lines_of(sys.argv[-1])
    if not check:
        missing = [f"{row[0]}, {row[2]}" for row, line in lines.items() if line is None]
        if missing:
            raise SystemExit("clients.py: no results of " + "; ".join(missing))
        with open(PAGE, "w") as f:
            f.write(HEAD + "".join(lines.values()))
        return
    with open(PAGE) as f:
        page = f.read()
    wrong = [line for line in lines.values() if line is not None and line not in page]
    if wrong or not page.startswith(HEAD) or page[len(HEAD) :].count("\n") != len(ROWS):
        raise SystemExit(
            "clients.py: doc/clients.md is not current; test/e2e/clients.py build/e2e-results writes it\n"
            + "".join(wrong)
        )


main()

#!/usr/bin/env python3
"""truth_jobs.py BUILD: of jobs, imports and exports, too, nothing is said that was not done, and what was done is said:
with a reader that goes, a disk that is full, and Ctrl-C in the middle."""
import json
import os
import signal
import subprocess
import sys
import tempfile

import programs
from programs import Hub, Pipe, Running, check, into_full_disk, poll_until, to_closed_pipe


def job(hub, name):
    return json.loads(hub.d2d("job", "show", name).stdout)


def jobs(hub):
    return [json.loads(line) for line in hub.d2d("job", "list").stdout.splitlines()]


def blob(hub, name):
    return os.path.join(hub.data, "blobs", "box", name)


# ---- jobs over devices ----------------------------------------------------------------------------------------------


def job_start_output(hub):
    """A job that cannot be shown is there, once, and the status says that it was not shown."""
    start = ("job", "start", "later", "--where", "*", "--method", "open", "--in", "1h")
    into_full_disk(hub, *start)
    check("it is there", job(hub, "later")["status"] in ("queued", "scheduled"))
    said = hub.d2d(*start, status=7).stderr
    check("it is not made again", "already exists" in said, said)
    to_closed_pipe(hub, "job", "start", "last", "--where", "*", "--tags", '{"n":1}')
    poll_until("its end", lambda: job(hub, "last")["status"] == "completed")
    twin = json.loads(hub.d2d("twin", "get", "door").stdout)
    check("its change was made once", twin["tags"] == {"n": 1} and twin["version"] == 3, twin)


def job_cancel_output(hub):
    """What was cancelled and could not be told is cancelled."""
    into_full_disk(hub, "job", "cancel", "later")
    check("it is cancelled", job(hub, "later")["status"] == "cancelled")
    hub.d2d("job", "start", "other", "--where", "*", "--method", "open", "--in", "1h")
    to_closed_pipe(hub, "job", "cancel", "other")
    check("so is the other", job(hub, "other")["status"] == "cancelled")


def job_printing(hub):
    for args in (["job", "list"], ["job", "show", "last"], ["job", "show", "last", "--devices"]):
        into_full_disk(hub, *args)
        to_closed_pipe(hub, *args)


# ---- import and export ----------------------------------------------------------------------------------------------


def export_output(hub):
    """The file is whole, whether its end could be told or not."""
    for say in (into_full_disk, to_closed_pipe):
        say(hub, "device", "export", "box")
        with open(blob(hub, "devices.txt"), encoding="utf-8") as f:
            check("a device a line", [json.loads(line)["id"] for line in f] == ["door"])
        os.unlink(blob(hub, "devices.txt"))
    got = json.loads(hub.d2d("device", "export", "box", "--file", "all.txt").stdout)
    check("it has completed", got["status"] == "completed" and got["progress"] == 100, got)


def import_output(hub):
    with open(blob(hub, "devices.txt"), "w", encoding="utf-8") as f:
        f.write('{"id":"one","importMode":"create"}\nno JSON\n')
    into_full_disk(hub, "device", "import", "box", status=11)
    with open(blob(hub, "importErrors.log"), encoding="utf-8") as f:
        check("its fault is told", [json.loads(line)["line"] for line in f] == [2])
    hub.d2d("device", "show", "one")
    to_closed_pipe(hub, "device", "import", "box", status=11)
    with open(blob(hub, "importErrors.log"), encoding="utf-8") as f:
        check("it is there already", [json.loads(line)["line"] for line in f] == [1, 2])


def import_with_failed_lines(hub):
    """The status says that not all of it was done, and a sentence how much, and where the reasons are."""
    done = hub.d2d("device", "import", "box", "-q", status=11)
    check("how many, and where",
          "device import: 2 lines failed; the reasons are in blobs/box/importErrors.log in" in done.stderr, done.stderr)
    check("machines, too", json.loads(done.stdout)["failedLines"] == 2, done.stdout)
    with open(blob(hub, "configurations.txt"), "w", encoding="utf-8") as f:
        f.write("no JSON\n")
    with open(blob(hub, "devices.txt"), "w", encoding="utf-8") as f:
        f.write('{"id":"one"}\n')
    said = hub.d2d("device", "import", "box", "--configurations", status=11).stderr
    check("configurations count", "1 line failed; the reasons are in blobs/box/importErrors.log and "
          "blobs/box/importConfigErrors.log in the hub's data folder" in said, said)
    said = hub.d2d("device", "import", "box").stderr
    check("none failed", "failed;" not in said, said)


def configuration_changed(hub):
    """What the command line does not tell of stays as it is, also what it cannot."""
    content = '{"deviceContent":{"properties.desired.n":1}}'
    whole = {"id": "doors", "content": json.loads(content), "targetCondition": "tags.floor = 3", "priority": 7,
             "labels": {"kind": "door", "by": "us"}, "metrics": {"queries": {"all": "SELECT * FROM devices"}}}
    with open(blob(hub, "configurations.txt"), "w", encoding="utf-8") as f:
        f.write(json.dumps(whole) + "\n")
    hub.d2d("device", "import", "box", "--configurations")
    before = json.loads(hub.d2d("configuration", "show", "doors").stdout)
    check("it is whole", before["metrics"]["queries"] == whole["metrics"]["queries"] and
          before["labels"] == whole["labels"], before)
    parts = ("targetCondition", "priority", "labels", "content")
    for options, changed in (((), {}), (("--where", "tags.floor = 4"), {"targetCondition": "tags.floor = 4"}),
                             (("--priority", "0"), {"priority": 0}),
                             (("--label", "kind=gate"), {"labels": {"kind": "gate"}})):
        before = {**before, **changed}
        hub.d2d("configuration", "add", "doors", content, "--replace", *options)
        now = json.loads(hub.d2d("configuration", "show", "doors").stdout)
        check(f"{options}: nothing else is changed", [now[k] for k in parts] == [before[k] for k in parts] and
              now["metrics"]["queries"] == whole["metrics"]["queries"], now)
    said = hub.d2d("configuration", "add", "none", content, "--replace", status=4).stderr
    check("it is not made", 'configuration "none" does not exist' in said, said)
    hub.d2d("configuration", "rm", "doors")


def import_interrupted(hub):
    """Ctrl-C ends the waiting, not the job; its id is told. An import that has ended meanwhile is shown."""
    with open(blob(hub, "many.txt"), "w", encoding="utf-8") as f:
        for i in range(5000):
            f.write(f'{{"id":"many-{i}"}}\n')
    running = Running(hub, ["device", "import", "box", "--file", "many.txt"], subprocess.DEVNULL)
    poll_until("the import", lambda: any(j.get("inputBlobName") == "many.txt" for j in jobs(hub)))
    name = next(j["jobId"] for j in jobs(hub) if j.get("inputBlobName") == "many.txt")
    running.process.send_signal(signal.SIGINT)
    had_ended = running.process.wait(programs.LIMIT_S) == 0
    said = running.ended(0 if had_ended else 130, "Ctrl-C in an import")
    check("it says what goes on", had_ended or f"d2d job show {name}" in said, said)
    poll_until("its end", lambda: job(hub, name)["status"] == "completed")
    hub.d2d("device", "show", "many-4999")


def import_is_cancelled(hub):
    pipe = Pipe()
    running = pipe.start(hub, "device", "import", "box", "--file", "many.txt", "--no-wait")
    name = json.loads(pipe.line())["jobId"]
    running.ended(0, "an import that is not waited for")
    pipe.close()
    done = hub.d2d("job", "cancel", name, status=None)
    ended = job(hub, name)["status"]
    check("it is cancelled, unless it had ended", (done.returncode, ended) in ((0, "cancelled"), (7, "completed")),
          done)
    said = hub.d2d("job", "cancel", name, status=7).stderr
    check("once", "has ended" in said, said)


def transfer_failed(hub):
    said = hub.d2d("device", "import", "nothing", status=1).stderr
    check("it says why", "blobs/nothing/devices.txt" in said and "no such file" in said, said)
    for path in ("../box", "box/..", "Box", "/etc"):
        said = hub.d2d("device", "export", path, status=2).stderr
        check("no path", "3 to 63" in said, said)
    said = hub.d2d("device", "export", "box", "--file", "../x", status=2).stderr
    check("no path", "outputBlobName" in said, said)
    check("nothing beside it", os.listdir(os.path.join(hub.data, "blobs")) == ["box"])
    said = hub.d2d("device", "export", "https://store.test/box?sig=x", status=2).stderr
    check("no secret", "secret" in said, said)


def links_lead_nowhere(hub):
    """A link in the folder is neither read nor written through."""
    secret = os.path.join(hub.folder, "secret")
    with open(secret, "w", encoding="utf-8") as f:
        f.write('{"id":"leaked"}\n')
    os.symlink(secret, blob(hub, "link.txt"))
    said = hub.d2d("device", "import", "box", "--file", "link.txt", status=1).stderr
    check("it is not read", "cannot read blobs/box/link.txt" in said, said)
    hub.d2d("device", "show", "leaked", status=4)
    hub.d2d("device", "export", "box", "--file", "link.txt")
    with open(secret, encoding="utf-8") as f:
        check("it is not written", f.read() == '{"id":"leaked"}\n')
    check("the link has become a file", not os.path.islink(blob(hub, "link.txt")))


def main():
    if not os.path.exists("/dev/full"):
        raise SystemExit("truth_jobs.py: there is no /dev/full")
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub(os.path.realpath(sys.argv[1]), folder)
        try:
            hub.d2d("device", "add", "door")
            for part in (job_start_output, job_cancel_output, job_printing, export_output, import_output,
                         import_with_failed_lines, configuration_changed, import_interrupted, import_is_cancelled,
                         transfer_failed, links_lead_nowhere):
                part(hub)
        finally:
            hub.stop()
    print(f"{programs.passed} passed, 0 failed")


main()

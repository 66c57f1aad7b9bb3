"""A hub that was just made and runs, with a context for d2d, in a folder of its own."""
import json
import os
import resource
import signal
import subprocess
import time


class Hub:
    def __init__(self, build, folder, *init, stderr=None, limits=None):
        self.build, self.folder = build, folder
        self.data = os.path.join(folder, "hub")
        self.env = {**os.environ, "HOME": folder, "XDG_CONFIG_HOME": os.path.join(folder, "config")}
        self.run("d2dhub", "init", "--data", self.data, "--name", "localhost", "--no-context", "-o", "json", *init)
        with open(os.path.join(folder, "owner.cs"), "w") as f:
            with open(os.path.join(self.data, "hub.json")) as facts:
                f.write(json.load(facts)["connection_strings"]["iothubowner"])
        self.log = open(os.path.join(folder, "log"), "w+")
        self.process = subprocess.Popen(
            [os.path.join(self.build, "d2dhub"), "run", "--data", self.data, "--listen", "127.0.0.1", "--mqtts-port",
             "0", "--amqps-port", "0", "--https-port", "0", "-o", "json"],
            stdout=subprocess.PIPE, stderr=self.log if stderr is None else stderr, text=True, env=self.env,
            preexec_fn=lambda: [resource.setrlimit(what, (most, most)) for what, most in (limits or {}).items()])
        self.ports = {}
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == "ready":
                break
            self.ports[event["protocol"]] = event["port"]
        self.d2d("context", "add", "test", "--connection-string-file", os.path.join(folder, "owner.cs"), "--ca-file",
                 os.path.join(self.data, "tls", "ca.pem"),
                 *(x for p in self.ports for x in (f"--{p}-port", str(self.ports[p]))))

    def run(self, program, *args, status=0):
        done = subprocess.run([os.path.join(self.build, program), *args], capture_output=True, text=True, timeout=120,
                              env=self.env, check=False)
        if status is not None and done.returncode != status:
            raise AssertionError(f"{program} {args}: {done.returncode}, {done.stdout} {done.stderr}")
        return done

    def d2d(self, *args, status=0):
        return self.run("d2d", *args, status=status)

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1])

    def logged(self):
        with open(self.log.name) as f:
            return f.read()

    def wait_for_log(self, text, times=1):
        """Lines are written a little after what they tell."""
        until = time.monotonic() + 60
        while self.logged().count(text) < times:
            if time.monotonic() > until:
                raise AssertionError(f"no {text} in {self.logged()}")
            time.sleep(0.02)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(30)
        self.process.stdout.close()
        self.log.close()
        return status

"""A hub that is started, stopped and started again on one data folder."""
import json
import os
import signal
import subprocess

PORTS = ("--listen", "127.0.0.1", "--mqtts-port", "0", "--amqps-port", "0", "--https-port", "0")


class Restarted:
    def __init__(self, program, folder, *init):
        self.program, self.data, self.process = program, os.path.join(folder, "hub"), None
        self.said = os.path.join(folder, "said")
        self.env = dict(os.environ)  # of the hub that runs
        self.run("init", "--name", "localhost", "--no-context", *init)

    def run(self, command, *args, status=0):
        done = subprocess.run([self.program, command, "--data", self.data, *args], capture_output=True, text=True,
                              timeout=120, check=False)
        if done.returncode != status:
            raise AssertionError(f"{command} {args}: {done.returncode}, {done.stdout} {done.stderr}")
        return done

    def start(self, *args):
        with open(self.said, "w") as said:
            self.process = subprocess.Popen([self.program, "run", "--data", self.data, "-o", "json", *PORTS, *args],
                                            stdout=subprocess.PIPE, stderr=said, text=True, env=self.env)
        self.ports = {}
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == "ready":
                return
            self.ports[event["protocol"]] = event["port"]
        raise AssertionError(f"ended with {self.process.wait()} before it was ready: {self.logged()}")

    def logged(self):
        with open(self.said) as said:
            return said.read()

    def fails_to_start(self):
        """The exit status and what it said."""
        done = subprocess.run([self.program, "run", "--data", self.data, *PORTS], capture_output=True, text=True,
                              timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    def end(self, how):
        self.process.send_signal(how)
        status = self.process.wait(60)
        self.process.stdout.close()
        self.process = None
        return status

    def stop(self):
        status = self.end(signal.SIGTERM)
        if status:
            raise AssertionError(f"stopping ended with {status}: {self.logged()}")

    def kill(self):
        if self.process:
            self.end(signal.SIGKILL)

"""A software TPM, and a door to it that counts the commands which pass, so that something can happen before any of
them."""
import os
import socket
import subprocess
import threading
import time


def start_chip(folder):
    """swtpm, and the TCTI that leads to it."""
    os.mkdir(folder)
    path = os.path.join(folder, "s")
    process = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder},mode=0600", "--flags",
                                "not-need-init,startup-clear", "--server", f"type=unixio,path={path},disconnect=no",
                                "--ctrl", f"type=unixio,path={path}.ctrl"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    for _ in range(1000):
        if os.path.exists(path):
            return process, path
        time.sleep(0.01)
    raise AssertionError("swtpm does not start")


def take(s, n):
    have = b""
    while len(have) < n:
        more = s.recv(n - len(have))
        if not more:
            raise OSError("closed")
        have += more
    return have


class Door:
    """Listens at `path` for the chip at `chip`. Before the command number `at` passes, `then` is called."""

    def __init__(self, path, chip):
        self.path, self.chip, self.count, self.at, self.then = path, chip, 0, None, None
        self.sockets = []
        for suffix, serve in (("", self.commands), (".ctrl", self.control)):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path + suffix)
            listener.listen()
            self.sockets.append(listener)
            threading.Thread(target=self.accept, args=(listener, serve, suffix), daemon=True).start()

    def arm(self, at, then):
        self.count, self.at, self.then = 0, at, then

    def accept(self, listener, serve, suffix):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer, serve, suffix), daemon=True).start()

    def serve(self, peer, serve, suffix):
        with peer, socket.socket(socket.AF_UNIX) as chip:
            try:
                chip.connect(self.chip + suffix)
                serve(peer, chip)
            except OSError:
                pass
            finally:
                try:
                    chip.shutdown(socket.SHUT_RDWR)  # closing alone does not, while somebody reads from it
                except OSError:
                    pass

    def commands(self, peer, chip):
        while True:
            head = take(peer, 10)
            rest = take(peer, int.from_bytes(head[2:6], "big") - 10)
            self.count += 1
            if self.count == self.at:
                self.then()
            chip.sendall(head + rest)
            head = take(chip, 10)
            peer.sendall(head + take(chip, int.from_bytes(head[2:6], "big") - 10))

    @staticmethod
    def control(peer, chip):
        def back():
            try:
                while more := chip.recv(4096):
                    peer.sendall(more)
            except OSError:
                pass

        threading.Thread(target=back, daemon=True).start()
        while more := peer.recv(4096):
            chip.sendall(more)

    def close(self):
        for listener in self.sockets:
            listener.close()

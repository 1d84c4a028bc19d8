"""A plain IP forward: takes connections and carries their octets to another port, from one address of its
own, as a NAT gateway or a balancer without the PROXY protocol does."""

import socket
import threading

from talk import dial


class Forward:
    def __init__(self, port, source):
        self.to, self.source = port, source
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = dial(self.to, self.source)
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self.carry, args=pair, daemon=True).start()

    @staticmethod
    def carry(here, there):
        try:
            while octets := here.recv(65536):
                there.sendall(octets)
            there.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.close()

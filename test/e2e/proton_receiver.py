"""Proton's Python client as the classic receiver: SASL PLAIN, all partitions, one sender, COUNT messages as JSON."""
import json
import sys

from proton import SSLDomain, symbol
from proton.handlers import MessagingHandler
from proton.reactor import Container, Selector

host, port, ca_file, policy, key, entity, sender, count = sys.argv[1:9]


class Receiver(MessagingHandler):
    def __init__(self):
        super().__init__(prefetch=10)
        self.bodies = []

    def on_start(self, event):
        domain = SSLDomain(SSLDomain.MODE_CLIENT)
        domain.set_trusted_ca_db(ca_file)
        domain.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME)
        connection = event.container.connect(
            f"amqps://{host}:{port}", user=policy, password=key, allowed_mechs="PLAIN", ssl_domain=domain,
            reconnect=False)
        for partition in range(4):
            event.container.create_receiver(
                connection, f"{entity}/ConsumerGroups/$Default/Partitions/{partition}",
                options=Selector("amqp.annotation.x-opt-offset > '-1'"))

    def on_message(self, event):
        if event.message.annotations[symbol("iothub-connection-device-id")] != sender:
            return
        self.bodies.append(bytes(event.message.body).decode())
        if len(self.bodies) == int(count):
            event.connection.close()

    def on_transport_error(self, event):
        sys.exit(f"transport: {event.transport.condition}")

    def on_link_error(self, event):
        sys.exit(f"link: {event.link.remote_condition}")


receiver = Receiver()
Container(receiver).run()
json.dump(receiver.bodies, sys.stdout)

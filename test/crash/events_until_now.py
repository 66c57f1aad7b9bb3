"""All events of a hub that are there now, over AMQP, with Proton's client."""
from proton import SSLDomain, symbol
from proton.handlers import MessagingHandler
from proton.reactor import Container, Selector


class Reader(MessagingHandler):
    """One partition from its beginning: credit for more than there is, and the wish to hear when that is all."""

    def __init__(self, site, partition, seconds):
        super().__init__(prefetch=0, auto_accept=False)
        self.site, self.partition, self.seconds, self.events, self.problem = site, partition, seconds, [], None
        self.done = False

    def on_start(self, event):
        domain = SSLDomain(SSLDomain.MODE_CLIENT)
        domain.set_trusted_ca_db(self.site.ca)
        domain.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME)
        owner = self.site.facts["connection_strings"]["iothubowner"]
        self.timer = event.container.schedule(self.seconds, self)
        self.connection = event.container.connect(
            f"amqps://localhost:{self.site.ports['amqps']}", user="iothubowner",
            password=owner.split("SharedAccessKey=")[1],
            allowed_mechs="PLAIN", ssl_domain=domain, reconnect=False)
        address = f"{self.site.facts['entity_path']}/ConsumerGroups/$Default/Partitions/{self.partition}"
        receiver = event.container.create_receiver(self.connection, address,
                                                   options=Selector("amqp.annotation.x-opt-offset > '-1'"))
        receiver.drain(100_000)

    def end(self, problem):
        self.problem = self.problem or problem
        self.timer.cancel()
        self.connection.close()

    def on_message(self, event):
        annotations = event.message.annotations
        self.events.append((annotations[symbol("x-opt-sequence-number")], int(annotations[symbol("x-opt-offset")]),
                            str(annotations[symbol("iothub-connection-device-id")]), bytes(event.message.body)))

    def on_link_flow(self, event):
        if event.receiver and event.receiver.credit == 0 and not self.done:
            self.done = True
            self.end(None)

    def on_timer_task(self, event):
        self.end("no end of the events within the time")

    def on_transport_error(self, event):
        self.end(f"transport: {event.transport.condition}")

    def on_link_error(self, event):
        self.end(f"link: {event.link.remote_condition}")


def events_until_now(site, partition=0, seconds=15):
    """[(sequence number, offset, device, body)]; an OSError when the hub does not give an end to them."""
    reader = Reader(site, partition, seconds)
    Container(reader).run()
    if reader.problem:
        raise OSError(reader.problem)
    return reader.events

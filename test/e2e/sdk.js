// What the tests of several transports share: the official device and service clients, each over every protocol it has.
'use strict';
const { Client: Device, Message, SharedAccessKeyAuthenticationProvider } = require('azure-iot-device');
const { Client: Service } = require('azure-iothub');
const { Amqp: ServiceAmqp } = require('azure-iothub/dist/amqp.js');
const { AmqpWs: ServiceAmqpWs } = require('azure-iothub/dist/amqp_ws.js');
const { EventHubConsumerClient, earliestEventPosition } = require('@azure/event-hubs');
const hub = require('./hub');

const TRANSPORTS = {
  'mqtt': require('azure-iot-device-mqtt').Mqtt,
  'mqtt-ws': require('azure-iot-device-mqtt').MqttWs,
  'amqp': require('azure-iot-device-amqp').Amqp,
  'amqp-ws': require('azure-iot-device-amqp').AmqpWs,
  'https': require('azure-iot-device-http').Http,
};

// Over HTTPS properties are headers, and those are ASCII.
const PLAIN = {
  plain: 'value', percent: '100%25', reserved: 'a/b?c#d&e=f;g,h+i', amp: '&', empty: '', 'a.b-c_d': "!#$%&'*+-.^_`|~", spaced: 'a b',
};
const FANCY = { ...PLAIN, unicode: 'Grüße, 世界 🚪', 'näme': 'x' };
const propertiesFor = (...transports) => transports.includes('https') ? PLAIN : FANCY;

function message(body, properties = {}, system = {}) {
  const made = new Message(body);
  for (const [name, value] of Object.entries(properties)) made.properties.add(name, value);
  return Object.assign(made, system);
}

// The client for HTTPS leaves the prefix of the header before the name.
function propertiesOf(received) {
  return Object.fromEntries(received.properties.propertyList.map(({ key, value }) => [key.replace(/^iothub-app-/, ''), value]));
}

// A device that does not try again by itself.
function device(connectionString, transport, lifetime) {
  const client = lifetime
    ? Device.fromAuthenticationProvider(
      SharedAccessKeyAuthenticationProvider.fromConnectionString(connectionString, ...lifetime), TRANSPORTS[transport])
    : Device.fromConnectionString(connectionString, TRANSPORTS[transport]);
  client.setRetryPolicy({ shouldRetry: () => false, nextRetryTimeout: () => 0 });
  return client;
}

const service = (kind = ServiceAmqp) => Service.fromConnectionString(hub.info.connection_strings.service, kind);

// All events of the hub, from the beginning.
function events() {
  const all = [];
  const consumer = new EventHubConsumerClient('$Default', hub.info.event_hub_connection_string);
  const subscription = consumer.subscribe({
    processEvents: async (batch) => { all.push(...batch); },
    processError: async (error) => { throw error; },
  }, { startPosition: earliestEventPosition, skipParsingBodyAsJson: true });
  return {
    from: (id) => all.filter((e) => e.systemProperties['iothub-connection-device-id'] === id),
    close: async () => { await subscription.close(); await consumer.close(); },
  };
}

// What became of messages, by their id.
async function feedback(client) {
  const fates = {};
  const { result: receiver } = await client.getFeedbackReceiver();
  receiver.on('message', (batch) => {
    for (const record of JSON.parse(batch.getData().toString())) fates[record.originalMessageId] = record.statusCode;
    receiver.complete(batch).catch(() => {});
  });
  return fates;
}

module.exports = { TRANSPORTS, FANCY, PLAIN, propertiesFor, message, propertiesOf, device, service, events, feedback, Message,
  ServiceAmqp, ServiceAmqpWs };

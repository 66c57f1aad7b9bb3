// azure-iot-device over azure-iot-device-mqtt: what it sends arrives as it was meant.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { EventHubConsumerClient, earliestEventPosition } = require('@azure/event-hubs');
const hub = require('./hub');

let strings;
const events = [];
let consumer, subscription;

before(async () => {
  await hub.start();
  strings = await hub.devices('dev-1', 'dev-2', "odd(id)*'!");
  consumer = new EventHubConsumerClient('$Default', hub.info.event_hub_connection_string);
  subscription = consumer.subscribe({
    processEvents: async (batch) => { events.push(...batch); },
    processError: async (error) => { throw error; },
  }, { startPosition: earliestEventPosition, skipParsingBodyAsJson: true });
});

after(async () => {
  await subscription.close();
  await consumer.close();
  assert.strictEqual(await hub.stop(), 0);
});

const from = (id) => events.filter((e) => e.systemProperties['iothub-connection-device-id'] === id);

test('every kind of property survives', async () => {
  const message = new Message(Buffer.from([0, 1, 2, 255]));
  const properties = {
    plain: 'value', unicode: 'Grüße, 世界 🚪', percent: '100%25', reserved: 'a/b?c#d&e=f;g,h+i j', empty: '', 'näme': 'x',
  };
  for (const [name, value] of Object.entries(properties)) message.properties.add(name, value);
  message.messageId = 'm-1';
  message.correlationId = 'c-1';
  message.userId = 'user';
  message.contentType = 'application/octet-stream';
  message.contentEncoding = 'utf-8';
  await hub.send(strings['dev-1'], message);
  await hub.until(() => from('dev-1').length === 1, 'the message');

  const [event] = from('dev-1');
  assert.deepStrictEqual(event.body, Buffer.from([0, 1, 2, 255]));
  assert.deepStrictEqual({ ...event.properties }, properties);
  assert.strictEqual(event.messageId, 'm-1');
  assert.strictEqual(event.correlationId, 'c-1');
  assert.strictEqual(event.contentType, 'application/octet-stream');
  assert.strictEqual(event.systemProperties['iothub-connection-auth-method'],
    '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}');
  assert.strictEqual(event.systemProperties['iothub-message-source'], 'Telemetry');
  assert.match(event.systemProperties['iothub-connection-auth-generation-id'], /^\d+$/);
  assert.ok(Math.abs(event.enqueuedTimeUtc - Date.now()) < 60000);
  assert.strictEqual(event.partitionKey, 'dev-1');
});

test('the largest message passes, a larger one ends the connection', async () => {
  await hub.send(strings['dev-2'], Buffer.alloc(255 * 1024, 'x'));
  await hub.until(() => from('dev-2').length === 1, 'the large message');
  assert.strictEqual(from('dev-2')[0].body.length, 255 * 1024);

  const client = Client.fromConnectionString(strings['dev-2'], Mqtt);
  client.setRetryPolicy({ shouldRetry: () => false, nextRetryTimeout: () => 0 });
  await client.open();
  await assert.rejects(client.sendEvent(new Message(Buffer.alloc(257 * 1024, 'x'))));
  await client.close().catch(() => {});
  assert.strictEqual(from('dev-2').length, 1);
});

test('a device id of odd characters connects and sends', async () => {
  await hub.send(strings["odd(id)*'!"], 'hello');
  await hub.until(() => from("odd(id)*'!").length === 1, 'its message');
});

test('a thousand messages of one device arrive once and in order', async () => {
  const [id, string] = ['dev-3', (await hub.devices('dev-3'))['dev-3']];
  const client = Client.fromConnectionString(string, Mqtt);
  await client.open();
  await Promise.all(Array.from({ length: 1000 }, (_, n) => client.sendEvent(new Message(String(n)))));
  await client.close();
  await hub.until(() => from(id).length >= 1000, 'a thousand messages');
  assert.deepStrictEqual(from(id).map((e) => Number(e.body.toString())), Array.from({ length: 1000 }, (_, n) => n));
});

async function refused(string) {
  const client = Client.fromConnectionString(string, Mqtt);
  client.setRetryPolicy({ shouldRetry: () => false, nextRetryTimeout: () => 0 });
  await assert.rejects(client.open(), { name: 'UnauthorizedError' });
  await client.close().catch(() => {});
}

test('a wrong key, an unknown device and a disabled one are refused', async () => {
  const wrong = Buffer.alloc(32, 1).toString('base64');
  await refused(`HostName=localhost;DeviceId=dev-1;SharedAccessKey=${wrong}`);
  await refused(`HostName=localhost;DeviceId=nobody;SharedAccessKey=${wrong}`);

  const { Registry } = require('azure-iothub');
  const registry = Registry.fromConnectionString(hub.info.connection_strings.iothubowner);
  const { responseBody } = await registry.get('dev-2');
  await registry.update({ ...responseBody, status: 'disabled' });
  await refused(strings['dev-2']);
});

test('the secondary key is as good as the primary', async () => {
  const { Registry } = require('azure-iothub');
  const registry = Registry.fromConnectionString(hub.info.connection_strings.registryReadWrite);
  const { responseBody } = await registry.get('dev-1');
  const key = responseBody.authentication.symmetricKey.secondaryKey;
  await hub.send(`HostName=localhost;DeviceId=dev-1;SharedAccessKey=${key}`, 'with the second key');
  await hub.until(() => from('dev-1').length === 2, 'the message');
});

// Events of life, as an official consumer reads them, and presence, as the official registry client sees it.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { Registry } = require('azure-iothub');
const hub = require('./hub');
const sdk = require('./sdk');

const TRANSPORTS = ['mqtt', 'mqtt-ws', 'amqp', 'amqp-ws'];
let events, registry, strings;

before(async () => {
  await hub.start('--lifecycle-events', 'on', '--connection-events', 'on');
  registry = Registry.fromConnectionString(hub.info.connection_strings.iothubowner);
  strings = await hub.devices(...TRANSPORTS, 'short-lived', 'https');
  events = sdk.events();
});

after(async () => {
  await events.close();
  assert.strictEqual(await hub.stop(), 0);
});

const typesOf = (id) => events.from(id).map((e) => (e.properties || {}).opType);
const happened = (id, ...types) => hub.until(() => typesOf(id).length >= types.length, `${types} of ${id}`)
  .then(() => assert.deepStrictEqual(typesOf(id), types));
const connectionState = async (id) => (await registry.get(id)).responseBody.connectionState;

test('a device that is created and deleted', async () => {
  await registry.delete('short-lived');
  await happened('short-lived', 'createDeviceIdentity', 'deleteDeviceIdentity');
  const [created] = events.from('short-lived');
  const { systemProperties, properties, contentType, body } = created;
  assert.strictEqual(systemProperties['iothub-message-source'], 'deviceLifecycleEvents');
  assert.strictEqual(contentType, 'application/json');
  assert.strictEqual(properties['iothub-message-schema'], 'deviceLifecycleNotification');
  assert.strictEqual(properties.deviceId, 'short-lived');
  assert.strictEqual(properties.hubName, 'localhost');
  assert.ok(Math.abs(new Date(properties.operationTimestamp) - Date.now()) < 600000);
  const twin = JSON.parse(body.toString());
  assert.strictEqual(twin.deviceId, 'short-lived');
  assert.strictEqual(twin.version, 2);
  assert.strictEqual(twin.properties.desired.$version, 1);
  assert.strictEqual(twin.properties.reported.$version, 1);
});

for (const transport of TRANSPORTS) {
  test(`${transport}: a device that connects and disconnects, and what the registry says of it`, async () => {
    const client = sdk.device(strings[transport], transport);
    await client.open();
    await client.sendEvent(sdk.message('here'));
    await happened(transport, 'createDeviceIdentity', 'deviceConnected', undefined);
    assert.strictEqual(await connectionState(transport), 'Connected');
    await client.close();
    await happened(transport, 'createDeviceIdentity', 'deviceConnected', undefined, 'deviceDisconnected');
    assert.strictEqual(await connectionState(transport), 'Disconnected');
    const [on, off] = [1, 3].map((n) => JSON.parse(events.from(transport)[n].body.toString()).sequenceNumber);
    assert.match(on, /^[0-9A-F]{64}$/);
    assert.ok(on < off);
    assert.strictEqual(events.from(transport)[1].systemProperties['iothub-message-source'], 'deviceConnectionStateEvents');
  });
}

test('over HTTPS nobody connects', async () => {
  const client = sdk.device(strings.https, 'https');
  await client.open();
  await client.sendEvent(sdk.message('here'));
  await client.close();
  await happened('https', 'createDeviceIdentity', undefined);
  assert.strictEqual(await connectionState('https'), 'Disconnected');
});

// The classic receiver: rhea, mosquitto and Proton's Python, with a policy name and key and nothing else.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { execFile } = require('node:child_process');
const { promisify } = require('node:util');
const fs = require('node:fs');
const path = require('node:path');
const rhea = require('rhea');
const { SharedAccessSignature } = require('azure-iot-common');
const hub = require('./hub');

const run = promisify(execFile);
const SELECTOR = 'apache.org:selector-filter:string';
let strings, key;

before(async () => {
  await hub.start();
  strings = await hub.devices('phone', 'stranger', 'mosquitto');
  key = /SharedAccessKey=([^;]+)/.exec(hub.info.connection_strings.service)[1];
});
after(async () => assert.strictEqual(await hub.stop(), 0));

function connect(overrides = {}) {
  return rhea.create_container().connect({
    host: 'localhost', hostname: 'localhost', port: 5671, transport: 'tls', servername: 'localhost',
    ca: fs.readFileSync(hub.info.ca_file), username: 'service', password: key, reconnect: false, ...overrides,
  });
}

// One link a partition, all of the same name, the selector in the form of the oldest receivers.
function receive(connection, selector, events) {
  for (const partition of ['0', '1', '2', '3']) {
    connection.open_receiver({
      name: 'my-receiver-' + partition, credit_window: 200,
      source: {
        address: `${hub.info.entity_path}/ConsumerGroups/$Default/Partitions/${partition}`,
        filter: { [SELECTOR]: rhea.types.wrap_described(selector, SELECTOR) },
      },
    });
  }
  connection.on('message', ({ message }) => events.push(message));
}

const sender = (message) => message.message_annotations['iothub-connection-device-id'];

test('the original receiver: PLAIN, a time, the sender picked by its annotation', async () => {
  const since = Date.now() - 1000;
  const events = [];
  const connection = connect();
  receive(connection, `amqp.annotation.x-opt-enqueuedtimeutc > ${since}`, events);
  await hub.send(strings.phone, 'open');
  await hub.send(strings.stranger, 'open');
  await hub.send(strings.phone, 'close');
  await hub.until(() => events.length === 3, 'three events');
  const mine = events.filter((m) => sender(m) === 'phone').map((m) => m.body.content.toString());
  assert.deepStrictEqual(mine, ['open', 'close']);
  connection.close();
});

test('the hub filters by sender when the selector says so', async () => {
  const events = [];
  const connection = connect();
  receive(connection,
    "amqp.annotation.x-opt-offset > '-1' AND amqp.annotation.iothub-connection-device-id = 'phone'", events);
  await hub.until(() => events.length === 2, 'two events');
  await hub.send(strings.stranger, 'ignored');
  await hub.send(strings.phone, 'seen');
  await hub.until(() => events.length === 3, 'the third event');
  assert.deepStrictEqual(events.map(sender), ['phone', 'phone', 'phone']);
  connection.close();
});

test('an unknown selector and a wrong key are refused with their conditions', async () => {
  const connection = connect();
  const refused = new Promise((resolve) => connection.on('receiver_error', ({ receiver }) => resolve(receiver.error)));
  connection.open_receiver({
    source: {
      address: `${hub.info.entity_path}/ConsumerGroups/$Default/Partitions/0`,
      filter: { [SELECTOR]: rhea.types.wrap_described("colour = 'red'", SELECTOR) },
    },
  });
  assert.match((await refused).condition, /invalid-field|argument-error/);
  connection.close();

  const stranger = connect({ password: Buffer.alloc(32, 1).toString('base64') });
  const failure = await new Promise((resolve) => stranger.on('connection_error', ({ error }) => resolve(error)));
  assert.strictEqual(failure.condition, 'amqp:unauthorized-access');
});

function token(deviceId) {
  const deviceKey = /SharedAccessKey=(.+)$/.exec(strings[deviceId])[1];
  return SharedAccessSignature.create(`localhost/devices/${deviceId}`, undefined, deviceKey,
    Math.floor(Date.now() / 1000) + 3600).toString();
}

function publish(deviceId, topic, message, ...more) {
  return run('mosquitto_pub', ['-h', 'localhost', '-p', '8883', '--cafile', hub.info.ca_file, '-i', deviceId,
    '-u', `localhost/${deviceId}/?api-version=2021-04-12`, '-P', token(deviceId), '-t', topic, '-m', message, '-q', '1',
    ...more]);
}

test('mosquitto_pub is a device', async () => {
  const events = [];
  const connection = connect();
  receive(connection, "amqp.annotation.iothub-connection-device-id IN ('mosquitto')", events);
  await publish('mosquitto', 'devices/mosquitto/messages/events/%24.ct=text%2Fplain&k=v', 'from mosquitto');
  await hub.until(() => events.length === 1, 'the event');
  assert.strictEqual(events[0].body.content.toString(), 'from mosquitto');
  assert.strictEqual(events[0].content_type, 'text/plain');
  assert.deepStrictEqual(events[0].application_properties, { k: 'v' });
  connection.close();
});

test('mosquitto_pub with QoS 2, to a foreign topic, or with another name is thrown out', async () => {
  const topic = 'devices/mosquitto/messages/events/';
  await assert.rejects(publish('mosquitto', topic, 'x', '-q', '2'));
  await assert.rejects(publish('mosquitto', 'devices/phone/messages/events/', 'x'));
  await assert.rejects(publish('mosquitto', topic, 'x', '-i', 'phone'));
});

test("Proton's Python reads what the others read", async () => {
  const { stdout } = await run('/usr/bin/python3', [path.join(__dirname, 'proton_receiver.py'), 'localhost', '5671',
    hub.info.ca_file, 'service', key, hub.info.entity_path, 'phone', '3']);
  assert.deepStrictEqual(JSON.parse(stdout), ['open', 'close', 'seen']);
});

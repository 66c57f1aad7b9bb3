// mqtt.js 5 without any SDK: a device as its own program connects it, over TCP and in WebSockets.
'use strict';
const crypto = require('node:crypto');
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const mqtt = require('mqtt');
const hub = require('./hub');
const { service, events } = require('./sdk');

let keys, heard;

before(async () => {
  await hub.start();
  const made = await hub.devices('js-mqtts', 'js-wss', 'js-stays');
  keys = Object.fromEntries(Object.entries(made).map(([id, text]) => [id, /SharedAccessKey=(.*)$/.exec(text)[1]]));
  heard = events();
});

after(async () => {
  await heard.close();
  assert.strictEqual(await hub.stop(), 0);
});

function token(id, key, seconds = 3600) {
  const scope = encodeURIComponent(`localhost/devices/${id}`);
  const expiry = Math.floor(Date.now() / 1000) + seconds;
  const signature = crypto.createHmac('sha256', Buffer.from(key, 'base64')).update(`${scope}\n${expiry}`).digest('base64');
  return `SharedAccessSignature sr=${scope}&sig=${encodeURIComponent(signature)}&se=${expiry}`;
}

function options(id, more = {}) {
  return {
    clientId: id, username: `localhost/${id}/?api-version=2021-04-12`, password: token(id, keys[id]), protocolVersion: 4,
    reconnectPeriod: 0, ...more,
  };
}

const WAYS = { mqtts: 'mqtts://localhost:8883', wss: 'wss://localhost/$iothub/websocket' };

for (const [way, url] of Object.entries(WAYS)) {
  test(`mqtt.js, ${way === 'mqtts' ? 'MQTT' : 'MQTT in WebSockets'}: a device sends and gets messages`, async () => {
    const id = `js-${way}`;
    const client = await mqtt.connectAsync(url, options(id));
    const got = [];
    client.on('message', (topic, body) => got.push({ topic, body: body.toString() }));
    const [granted] = await client.subscribeAsync(`devices/${id}/messages/devicebound/#`, { qos: 1 });
    assert.strictEqual(granted.qos, 1);
    await client.publishAsync(`devices/${id}/messages/events/door=garage&%24.ct=application%2Fjson`, '{"open":true}', { qos: 1 });
    await client.publishAsync(`devices/${id}/messages/events/`, 'at most once', { qos: 0 });
    await hub.until(() => heard.from(id).length === 2, 'the events');
    const [event] = heard.from(id);
    assert.strictEqual(event.properties.door, 'garage');
    assert.strictEqual(event.contentType, 'application/json');

    const operator = service();
    await operator.open();
    await operator.send(id, 'open the door');
    await operator.close();
    await hub.until(() => got.length === 1, 'the command');
    assert.strictEqual(got[0].body, 'open the door');
    assert.ok(got[0].topic.startsWith(`devices/${id}/messages/devicebound/`), got[0].topic);
    await client.endAsync();
  });
}

test('mqtt.js, MQTT: what came while a session without clean start was away is there when it comes back', async () => {
  const id = 'js-stays';
  const first = await mqtt.connectAsync(WAYS.mqtts, options(id, { clean: false }));
  await first.subscribeAsync(`devices/${id}/messages/devicebound/#`, { qos: 1 });
  await first.endAsync();
  const operator = service();
  await operator.open();
  await operator.send(id, 'while away');
  await operator.close();
  const later = mqtt.connect(WAYS.mqtts, options(id, { clean: false }));
  const got = [];
  later.on('message', (topic, body) => got.push(body.toString()));
  const connack = await new Promise((resolve, reject) => { later.once('connect', resolve); later.once('error', reject); });
  assert.strictEqual(connack.sessionPresent, true);
  await hub.until(() => got.length === 1, 'the message');
  assert.deepStrictEqual(got, ['while away']);
  await later.endAsync();
});

test('mqtt.js, MQTT: a wrong key and an expired token are refused with code 5', async () => {
  const wrong = crypto.randomBytes(32).toString('base64');
  for (const password of [token('js-mqtts', wrong), token('js-mqtts', keys['js-mqtts'], -3600)])
    await assert.rejects(mqtt.connectAsync(WAYS.mqtts, options('js-mqtts', { password })), (e) => e.code === 5);
});

test('mqtt.js, MQTT: version 5 is refused, and version 4 comes in after it', async () => {
  await assert.rejects(mqtt.connectAsync(WAYS.mqtts, options('js-mqtts', { protocolVersion: 5 })));
  const client = await mqtt.connectAsync(WAYS.mqtts, options('js-mqtts'));
  await client.endAsync();
});

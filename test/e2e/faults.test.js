// Faults that a device asks for: the official device client loses what it asked to lose, and comes back.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { Client } = require('azure-iot-device');
const { Registry } = require('azure-iothub');
const { ExponentialBackOffWithJitter } = require('azure-iot-common');
const hub = require('./hub');
const sdk = require('./sdk');

const OVER_AMQP = ['KillTcp', 'KillAmqpConnection', 'KillAmqpSession', 'KillAmqpCBSLinkReq', 'KillAmqpCBSLinkResp', 'KillAmqpD2CLink',
  'KillAmqpC2DLink', 'KillAmqpMethodReqLink', 'KillAmqpMethodRespLink', 'KillAmqpTwinLinkReq', 'KillAmqpTwinLinkResp', 'ShutDownAmqp'];
const BREAKS = {
  'mqtt': ['KillTcp', 'ShutDownMqtt'],
  'mqtt-ws': ['KillTcp', 'ShutDownMqtt'],
  'amqp': OVER_AMQP,
  'amqp-ws': OVER_AMQP,
};
const REFUSES = { InvokeThrottling: 'ThrottlingError', InvokeMaxMessageQuota: 'IotHubQuotaExceededError', InvokeAuthError: 'UnauthorizedError' };
const CASES = Object.entries(BREAKS).flatMap(([transport, types]) => types.map((type) => [transport, type]));
const COMES_BACK = [...Object.keys(BREAKS).map((transport) => [transport, 'KillTcp']),
  ...['amqp', 'amqp-ws'].flatMap((transport) => [[transport, 'KillAmqpConnection'], [transport, 'ShutDownAmqp']])];
const idOf = (transport, type) => `${transport}-${type}`;
let strings, service, events, registry;

before(async () => {
  await hub.start('--fault-injection', 'on');
  strings = await hub.devices(...CASES.map(([transport, type]) => idOf(transport, type)),
    ...COMES_BACK.map(([transport, type]) => `again-${idOf(transport, type)}`), ...Object.keys(REFUSES), 'polite');
  registry = Registry.fromConnectionString(hub.info.connection_strings.iothubowner);
  service = sdk.service();
  await service.open();
  events = sdk.events();
});

after(async () => {
  await events.close();
  await service.close();
  assert.strictEqual(await hub.stop(), 0);
});

const fault = (type, delay = 1, duration = 5) => sdk.message('break', {
  AzIoTHub_FaultOperationType: type, AzIoTHub_FaultOperationCloseReason: 'boom', AzIoTHub_FaultOperationDelayInSecs: delay,
  AzIoTHub_FaultOperationDurationInSecs: duration,
});

const came = (id, body) => hub.until(() => events.from(id).some((e) => e.body.toString() === body), `"${body}" of ${id}`);

// A device that sends, receives and is called.
async function busy(client, got) {
  await client.open();
  client.on('message', (m) => { got.push(m.getData().toString()); client.complete(m).catch(() => {}); });
  client.onDeviceMethod('open', (request, response) => { response.send(200, request.payload, () => {}); });
  return client.getTwin();
}

async function works(id, client, got, word) {
  const { result } = await service.invokeDeviceMethod(id,
    { methodName: 'open', payload: word, responseTimeoutInSeconds: 15, connectTimeoutInSeconds: 15 });
  assert.strictEqual(result.payload, word);
  await service.send(id, word);
  await hub.until(() => got.includes(word), `the message "${word}"`);
  await client.sendEvent(sdk.message(word));
  await came(id, word);
}

// Changes what is desired until the device has heard of it: the client does not tell when the hub knows that it listens.
async function desire(id, seen) {
  for (let heard = false; !heard;) {
    const level = Math.random();
    await registry.updateTwin(id, { properties: { desired: { level } } }, '*');
    for (let i = 0; i < 50 && !heard; i++) await new Promise((resolve) => setTimeout(resolve, 10)).then(() => { heard = seen.includes(level); });
  }
}

for (const [transport, type] of CASES) {
  test(`${transport}: ${type} comes when it was asked for, and the device may come back at once`, { timeout: 20000 }, async () => {
    const id = idOf(transport, type), got = [];
    const first = sdk.device(strings[id], transport);
    for (const event of ['disconnect', 'error']) first.on(event, () => {});
    await busy(first, got);
    await works(id, first, got, 'before');
    const left = hub.log().length;
    await first.sendEvent(fault(type));
    await came(id, 'break');
    // This client closes its connection when it loses a link.
    await hub.until(() => hub.log().slice(left).includes(`left device=${id} `), `${type} to come`);
    const second = sdk.device(strings[id], transport);
    await busy(second, got);
    await works(id, second, got, 'after');
    await second.close();
    first.close().catch(() => {}); // this client does not always answer once its connection was closed
  });
}

for (const [transport, type] of COMES_BACK) {
  test(`${transport}: a client that tries again after ${type} is back by itself`, { timeout: 20000 }, async () => {
    const id = `again-${idOf(transport, type)}`, got = [];
    const client = Client.fromConnectionString(strings[id], sdk.TRANSPORTS[transport]);
    client.setRetryPolicy(new ExponentialBackOffWithJitter(true));
    client.on('error', () => {});
    const twin = await busy(client, got), seen = [];
    twin.on('properties.desired', (delta) => seen.push(delta.level));
    await works(id, client, got, 'before');
    await desire(id, seen);
    const left = hub.log().length;
    await client.sendEvent(fault(type));
    await hub.until(() => hub.log().slice(left).includes(`left device=${id} `), 'the end of the connection');
    await hub.until(() => hub.log().slice(left).includes(`connected device=${id} `), 'the next one');
    await works(id, client, got, 'after');
    await desire(id, seen);
    await new Promise((resolve, reject) => twin.properties.reported.update({ back: true }, (e) => (e ? reject(e) : resolve())));
    assert.strictEqual((await registry.getTwin(id)).responseBody.properties.reported.back, true);
    await client.close();
  });
}

for (const [type, name] of Object.entries(REFUSES)) {
  test(`amqp: ${type} refuses what is sent, for as long as it was asked to`, async () => {
    const client = sdk.device(strings[type], 'amqp');
    await client.open();
    await client.sendEvent(fault(type, 0, 3));
    await assert.rejects(client.sendEvent(sdk.message('refused')), (e) => e.name === name);
    await came(type, 'break');
    for (let over = false; !over;) over = await client.sendEvent(sdk.message('over')).then(() => true, () => false);
    await came(type, 'over');
    await client.close();
  });

  test(`https: ${type} refuses the request that asks for it`, async () => {
    const client = sdk.device(strings.polite, 'https');
    await client.open();
    // The client has no name for 429.
    await assert.rejects(client.sendEvent(fault(type)), (e) => e.name === name || /Too Many Requests/.test(e.message));
    await client.sendEvent(sdk.message('polite'));
    await client.close();
  });
}

test('the log of the hub says at its start that faults may be asked for', () => {
  assert.match(hub.log(), /fault-injection/);
});

// Direct methods: the official service client calls devices that the official device client runs, over each transport.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const hub = require('./hub');
const sdk = require('./sdk');

const TRANSPORTS = ['mqtt', 'mqtt-ws', 'amqp', 'amqp-ws'];
let strings, service;

before(async () => {
  await hub.start();
  strings = await hub.devices(...TRANSPORTS, ...TRANSPORTS.flatMap((t) => [`${t}-again`, `${t}-renews`]), 'signed', 'away', 'late', 'silent', 'many');
  service = sdk.service();
});

after(async () => { assert.strictEqual(await hub.stop(), 0); });

async function call(device, methodName, payload, times = {}) {
  const { result } = await service.invokeDeviceMethod(device, { methodName, payload, responseTimeoutInSeconds: 15, ...times });
  return result;
}

// How the hub refused it: the status of HTTP and the number in the body.
async function refusal(promise) {
  const error = await promise.then(() => assert.fail('it was answered'), (e) => e);
  const status = error.response ? error.response.statusCode : 0;
  const number = JSON.parse(JSON.parse(error.responseBody).Message).errorCode;
  return [status, number];
}

async function listening(name, transport, handlers) {
  const client = sdk.device(strings[name], transport);
  await client.open();
  for (const [method, handler] of Object.entries(handlers)) client.onDeviceMethod(method, handler);
  return client;
}

// The client does not tell when the hub knows that it listens.
const answered = (device, method, payload) => call(device, method, payload, { connectTimeoutInSeconds: 15 });

for (const transport of TRANSPORTS) {
  test(`${transport}: every kind of payload comes and goes as it is, with the status of the device`, async () => {
    const seen = [];
    const client = await listening(transport, transport, {
      echo: (request, response) => { seen.push(request.payload); response.send(222, request.payload); },
      'a.b_c-d*e': (request, response) => response.send(-7),
    });
    const payloads = [null, '', 'text "quoted" ü', true, 4.5, { k: { deep: [1, 2, { x: null }] } }, [1, 'two', null], {}];
    for (const payload of payloads)
      assert.deepStrictEqual(await answered(transport, 'echo', payload), { status: 222, payload });
    assert.deepStrictEqual(seen, payloads);
    assert.deepStrictEqual(await answered(transport, 'a.b_c-d*e', {}), { status: -7, payload: null });
    const large = 'x'.repeat(100 * 1024);
    assert.strictEqual((await answered(transport, 'echo', large)).payload, large);
    await client.close();
    assert.deepStrictEqual(await refusal(call(transport, 'echo', 1)), [404, 404103]);
  });

  test(`${transport}: a device that goes while it is asked ends the call at once`, async () => {
    let asked;
    const there = new Promise((resolve) => { asked = resolve; });
    const client = await listening(transport, transport, { never: () => asked() });
    const refused = refusal(call(transport, 'never', 1, { connectTimeoutInSeconds: 15, responseTimeoutInSeconds: 300 }));
    await there;
    await client.close();
    assert.deepStrictEqual(await refused, [404, 404104]);
  });
}

for (const transport of TRANSPORTS) {
  test(`${transport}: opened, closed and opened again, a device is called`, async () => {
    const id = `${transport}-again`;
    const client = sdk.device(strings[id], transport);
    for (const time of ['first', 'second']) {
      await client.open();
      client.onDeviceMethod(time, (request, response) => response.send(200, request.payload)); // the client listens anew with it
      assert.strictEqual((await answered(id, time, time)).payload, time);
      await client.close();
      assert.deepStrictEqual(await refusal(call(id, time)), [404, 404103]);
    }
  });

  test(`${transport}: a call goes on while the token of the device is renewed`, { timeout: 60000 }, async () => {
    const id = `${transport}-renews`;
    const client = sdk.device(strings[id], transport, [3, 2]); // lives three seconds, is renewed after one
    let renewed = 0, held;
    client._transport._authenticationProvider.on('newTokenAvailable', () => { renewed++; });
    await client.open();
    client.onDeviceMethod('hold', (request, response) => { held = response; });
    client.onDeviceMethod('open', (request, response) => response.send(200, request.payload));
    assert.strictEqual((await answered(id, 'open', 'before')).payload, 'before');
    const holding = call(id, 'hold', null, { responseTimeoutInSeconds: 30 }).catch((error) => error);
    await hub.until(() => held, 'the call');
    const start = renewed;
    await hub.until(() => renewed >= start + 2, 'two renewals');
    await held.send(200, 'at last').catch(() => {});
    // Over MQTT this client connects again to renew its token, and a call does not outlive its connection.
    if (transport.startsWith('amqp'))
      assert.deepStrictEqual(await holding, { status: 200, payload: 'at last' });
    else
      assert.ok(['at last', undefined].includes((await holding).payload));
    assert.strictEqual((await answered(id, 'open', 'after')).payload, 'after');
    await client.close();
  });
}

test('a service client with a shared access signature calls', async () => {
  const { Client: Service } = require('azure-iothub');
  const { SharedAccessSignature } = require('azure-iot-common');
  const key = /SharedAccessKey=([^;]+)/.exec(hub.info.connection_strings.service)[1];
  const signature = (seconds) => SharedAccessSignature.create('localhost', 'service', key, Math.floor(Date.now() / 1000) + seconds).toString();
  const client = await listening('signed', 'amqp', { open: (request, response) => response.send(200, request.payload) });
  const ask = (seconds) => Service.fromSharedAccessSignature(signature(seconds)).invokeDeviceMethod('signed',
    { methodName: 'open', payload: 1, responseTimeoutInSeconds: 15, connectTimeoutInSeconds: 15 });
  assert.deepStrictEqual((await ask(60)).result, { status: 200, payload: 1 });
  await assert.rejects(ask(-3600), { name: 'UnauthorizedError' });
  assert.deepStrictEqual((await ask(60)).result, { status: 200, payload: 1 });
  await client.close();
});

test('a device that is not there, not known, or not listening', async () => {
  assert.deepStrictEqual(await refusal(call('away', 'open')), [404, 404103]);
  assert.deepStrictEqual(await refusal(call('nobody', 'open')), [404, 404001]);
  const client = await listening('away', 'mqtt', {});
  assert.deepStrictEqual(await refusal(call('away', 'open')), [404, 404103]);
  await client.close();
});

test('a call waits for a device that comes, and ends in time for one that does not', async () => {
  const waiting = call('late', 'open', { how: 'slowly' }, { connectTimeoutInSeconds: 15 });
  const client = await listening('late', 'amqp', { open: (request, response) => response.send(200, request.payload) });
  assert.deepStrictEqual(await waiting, { status: 200, payload: { how: 'slowly' } });
  await client.close();
  assert.deepStrictEqual(await refusal(call('late', 'open', null, { connectTimeoutInSeconds: 1 })), [404, 404103]);
});

test('no answer in time is 504, and a late one is dropped', async () => {
  let late;
  const client = await listening('silent', 'mqtt', {
    wait: (request, response) => { late = response; },
    open: (request, response) => response.send(200, 'open'),
  });
  assert.deepStrictEqual(await answered('silent', 'open'), { status: 200, payload: 'open' });
  assert.deepStrictEqual(await refusal(call('silent', 'wait', null, { responseTimeoutInSeconds: 5 })), [504, 504101]);
  await late.send(200, 'too late');
  assert.deepStrictEqual(await call('silent', 'open'), { status: 200, payload: 'open' });
  late = undefined;
  const broken = refusal(call('silent', 'wait'));
  await hub.until(() => late !== undefined, 'the call');
  await client.close();
  assert.deepStrictEqual(await broken, [404, 404104]);
});

test('fifty calls at once are answered each with its own', async () => {
  const client = await listening('many', 'mqtt', {
    echo: (request, response) => setTimeout(() => response.send(200, request.payload), Math.random() * 100),
  });
  await answered('many', 'echo', 0);
  const all = await Promise.all(Array.from({ length: 50 }, (_, n) => call('many', 'echo', n)));
  assert.deepStrictEqual(all.map((r) => r.payload), Array.from({ length: 50 }, (_, n) => n));
  await client.close();
});

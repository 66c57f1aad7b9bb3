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
  strings = await hub.devices(...TRANSPORTS, 'away', 'late', 'silent', 'many');
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
}

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

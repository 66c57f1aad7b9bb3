// azure-iot-device over each of its protocols, and azure-iothub over both of its: what one sends the other gets.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const hub = require('./hub');
const sdk = require('./sdk');

const names = process.env.D2D_TRANSPORTS ? process.env.D2D_TRANSPORTS.split(',') : Object.keys(sdk.TRANSPORTS);
const settling = names.filter((name) => !name.startsWith('mqtt')); // those that can abandon and reject
const streaming = names.filter((name) => name !== 'https'); // those that hold a seat
// Of the marks that an id may have, all that a connection string and an MQTT subscription can carry.
const ODD = "a%(e)*'!@$:,?f.-_";
let strings, events, service;

before(async () => {
  await hub.start();
  const ids = names.flatMap((name) => ['sends', 'gets', 'large', 'settles', 'seat'].map((what) => `${what}-${name}`));
  strings = await hub.devices(...ids, 'asleep', 'unprinted', ODD);
  events = sdk.events();
  service = sdk.service();
  await service.open();
});

after(async () => {
  await service.close();
  await events.close();
  assert.strictEqual(await hub.stop(), 0);
});

// Opens a device that keeps what it gets; nothing is settled by itself.
async function listener(id, transport) {
  const client = sdk.device(strings[id], transport);
  const got = [];
  client.on('message', (m) => got.push(m)); // first: over MQTT what waits comes at once, the hub remembers the subscription
  await client.open();
  return { client, got };
}

const system = { messageId: 'm-1', correlationId: 'c-1', contentType: 'application/x-odd', contentEncoding: 'utf-8' };

for (const transport of names) {
  test(`${transport}: what a device sends arrives as it was meant`, async () => {
    const id = `sends-${transport}`, properties = sdk.propertiesFor(transport);
    const client = sdk.device(strings[id], transport);
    await client.open();
    await client.sendEvent(sdk.message(Buffer.from([0, 1, 2, 255]), properties, system));
    await client.sendEvent(sdk.message(Buffer.alloc(0)));
    await hub.until(() => events.from(id).length === 2, 'both messages');
    await client.close();
    const [event, empty] = events.from(id);
    assert.deepStrictEqual(event.body, Buffer.from([0, 1, 2, 255]));
    assert.deepStrictEqual({ ...event.properties }, properties);
    assert.deepStrictEqual([event.messageId, event.correlationId, event.contentType], ['m-1', 'c-1', 'application/x-odd']);
    assert.strictEqual(event.systemProperties['iothub-connection-auth-method'],
      '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}');
    assert.strictEqual(event.systemProperties['iothub-message-source'], 'Telemetry');
    assert.strictEqual(empty.body.length, 0);
  });

  test(`${transport}: messages up to 256 KB pass, larger ones do not`, async () => {
    const id = `large-${transport}`;
    const client = sdk.device(strings[id], transport);
    await client.open();
    await client.sendEvent(sdk.message(Buffer.alloc(256 * 1024, 'x')));
    await hub.until(() => events.from(id).length === 1, 'the large message');
    assert.strictEqual(events.from(id)[0].body.length, 256 * 1024);
    await assert.rejects(client.sendEvent(sdk.message(Buffer.alloc(256 * 1024 + 1, 'x'))));
    await client.close().catch(() => {});
    assert.strictEqual(events.from(id).length, 1);
  });

  test(`${transport}: what a service sends arrives as it was meant, also when the device was away`, async () => {
    const id = `gets-${transport}`, properties = sdk.propertiesFor(transport);
    const bytes = Buffer.from(transport === 'https' ? [0, 1, 2, 127] : [0, 1, 2, 255]); // that client makes a text of all it gets
    await service.send(id, sdk.message(bytes, properties, { ...system, userId: 'me' }));
    await service.send(id, sdk.message(Buffer.alloc(63 * 1024, 'y')));
    const { client, got } = await listener(id, transport);
    await hub.until(() => got.length === 2, 'what waited');
    for (const m of got) await client.complete(m);
    await service.send(id, sdk.message(''));
    await hub.until(() => got.length === 3, 'what came meanwhile');
    await client.complete(got[2]);
    await client.close();
    assert.deepStrictEqual(Buffer.from(got[0].getData()), bytes);
    assert.deepStrictEqual(sdk.propertiesOf(got[0]), properties);
    assert.deepStrictEqual([got[0].messageId, got[0].correlationId], ['m-1', 'c-1']);
    assert.strictEqual(got[1].getData().length, 63 * 1024);
    assert.strictEqual(got[2].getData().length, 0);
    const again = await listener(id, transport);
    await service.send(id, sdk.message('the next'));
    await hub.until(() => again.got.length === 1, 'the next message');
    assert.strictEqual(again.got[0].getData().toString(), 'the next'); // nothing that was completed came again
    await again.client.complete(again.got[0]);
    await again.client.close();
  });
}

test('a device id of odd characters is one device over each', async () => {
  let count = 0;
  for (const transport of names) {
    await service.send(ODD, sdk.message(`to ${transport}`));
    const { client, got } = await listener(ODD, transport);
    await client.sendEvent(sdk.message(`over ${transport}`));
    await hub.until(() => got.length === 1 && events.from(ODD).length === count + 1, `both over ${transport}`);
    await client.complete(got[0]);
    await client.close();
    assert.strictEqual(got[0].getData().toString(), `to ${transport}`);
    assert.strictEqual(events.from(ODD)[count++].body.toString(), `over ${transport}`);
  }
});

for (const from of names) {
  test(`a property round trip from ${from} into each other protocol`, async () => {
    for (const to of names) {
      const properties = sdk.propertiesFor(from, to), body = `${from} to ${to}`;
      const source = sdk.device(strings[`sends-${from}`], from);
      await source.open();
      await source.sendEvent(sdk.message(body, properties, { messageId: body.replaceAll(' ', '-') }));
      await source.close();
      const seen = () => events.from(`sends-${from}`).find((e) => e.body.toString() === body);
      await hub.until(seen, body);
      await service.send(`gets-${to}`, sdk.message(seen().body, seen().properties, { messageId: seen().messageId }));
      const { client, got } = await listener(`gets-${to}`, to);
      await hub.until(() => got.length === 1, body);
      await client.complete(got[0]);
      await client.close();
      assert.strictEqual(got[0].getData().toString(), body);
      assert.deepStrictEqual(sdk.propertiesOf(got[0]), properties);
      assert.strictEqual(got[0].messageId, body.replaceAll(' ', '-'));
    }
  });
}

test('feedback tells how each message ended', async () => {
  const hears = sdk.service(), wanted = {}; // receivers of feedback compete: this one leaves when all is told
  await hears.open();
  const fates = await sdk.feedback(hears);
  for (const transport of names) {
    const id = `settles-${transport}`, { client, got } = await listener(id, transport);
    const send = (what) => service.send(id, sdk.message(what, {}, { messageId: `${what}-${transport}`, ack: 'full' }));
    await send('completed');
    await hub.until(() => got.length === 1, 'the message to complete');
    await client.complete(got.pop());
    wanted[`completed-${transport}`] = 'Success';
    if (settling.includes(transport)) {
      await send('rejected');
      await hub.until(() => got.length === 1, 'the message to reject');
      await client.reject(got.pop());
      wanted[`rejected-${transport}`] = 'Rejected';
      await send('abandoned');
      await hub.until(() => got.length === 1, 'the message to abandon');
      await client.abandon(got.pop());
      await hub.until(() => got.length === 1, 'the message to come again');
      for (let i = 1; i < 10; i++) {
        await client.abandon(got.pop());
        if (i < 9) await hub.until(() => got.length === 1, 'the message to come again');
      }
      wanted[`abandoned-${transport}`] = 'DeliveryCountExceeded';
    }
    await client.close();
  }
  const expiring = sdk.message('too late', {}, { messageId: 'expired', ack: 'negative' });
  expiring.expiryTimeUtc = Date.now() + 1500;
  await service.send('asleep', expiring);
  wanted.expired = 'Expired';
  const silent = sdk.message('quiet', {}, { messageId: 'silent', ack: 'none' });
  silent.expiryTimeUtc = Date.now() + 500;
  await service.send('asleep', silent);
  await hub.until(() => Object.keys(fates).length >= Object.keys(wanted).length, 'feedback of all', 60000);
  assert.deepStrictEqual(fates, wanted);
  await hears.close();
});

test('feedback that d2d could not print is still there for another receiver', async () => {
  const { client, got } = await listener('unprinted', names[0]);
  const full = fs.openSync('/dev/full', 'w');
  const d2d = spawn(path.join(process.env.D2D_BUILD, 'd2d'),
    ['send', '--to', 'unprinted', '--until-acked', '--message-id', 'unprinted', '--timeout', '60s', 'x'],
    { stdio: ['ignore', full, 'inherit'] });
  const ended = new Promise((resolve) => d2d.once('exit', resolve));
  await hub.until(() => got.length === 1, 'the message');
  await client.complete(got[0]);
  assert.strictEqual(await ended, 1);
  fs.closeSync(full);
  await client.close();
  const hears = sdk.service();
  await hears.open();
  const fates = await sdk.feedback(hears);
  await hub.until(() => fates.unprinted === 'Success', 'its feedback', 60000);
  await hears.close();
});

test('a service is told why it cannot send', async () => {
  await assert.rejects(service.send('nobody', sdk.message('x')), { name: 'DeviceNotFoundError' });
  for (let n = 0; n < 50; n++) await service.send('asleep', sdk.message(String(n)));
  await assert.rejects(service.send('asleep', sdk.message('one too many')), /DeviceMaximumQueueDepthExceeded|QuotaExceeded|resource/i);
  await assert.rejects(service.send(`sends-${names[0]}`, sdk.message(Buffer.alloc(64 * 1024 + 1))));
});

test('a service sends and hears of it in a WebSocket', async () => {
  const other = sdk.service(sdk.ServiceAmqpWs), id = `settles-${names[0]}`;
  await other.open();
  const fates = await sdk.feedback(other);
  await other.send(id, sdk.message('in a socket', {}, { messageId: 'in-a-socket', ack: 'full' }));
  const { client, got } = await listener(id, names[0]);
  await hub.until(() => got.length === 1, 'the message');
  await client.complete(got[0]);
  await client.close();
  await hub.until(() => fates['in-a-socket'] === 'Success', 'its feedback', 60000);
  await other.close();
});

test('file notifications are accepted, and there are none', async () => {
  const { result: receiver } = await service.getFileNotificationReceiver();
  receiver.on('message', () => assert.fail('nobody uploads files'));
  await receiver.detach?.();
});

for (const transport of streaming) {
  test(`${transport}: tokens are renewed in the middle of a connection`, async () => {
    const id = `sends-${transport}`;
    const client = sdk.device(strings[id], transport, [3, 2]); // lives three seconds, is renewed after one
    let renewed = 0;
    client._transport._authenticationProvider.on('newTokenAvailable', () => { renewed++; });
    await client.open();
    while (renewed < 3) {
      await client.sendEvent(sdk.message('meanwhile'));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await client.sendEvent(sdk.message('renewed'));
    await client.close();
    await hub.until(() => events.from(id).some((e) => e.body.toString() === 'renewed'), 'the last message');
  });

  for (const later of streaming) {
    test(`a device over ${transport} gives way to itself over ${later}`, async () => {
      const id = `seat-${transport}`, count = events.from(id).length;
      const first = sdk.device(strings[id], transport), second = sdk.device(strings[id], later);
      let gone = false;
      await first.open();
      first.on('disconnect', () => { gone = true; });
      first.on('error', () => {});
      first.on('message', () => {});
      await first.sendEvent(sdk.message('first'));
      await second.open();
      await second.sendEvent(sdk.message('second'));
      await hub.until(() => gone, 'the first to be told');
      await second.sendEvent(sdk.message('still here'));
      await hub.until(() => events.from(id).length === count + 3, 'all three');
      await second.close();
      await first.close().catch(() => {});
    });
  }

  test(`requests over HTTPS take no seat from ${transport}`, { skip: !names.includes('https') }, async () => {
    const id = `seat-${transport}`, count = events.from(id).length;
    const client = sdk.device(strings[id], transport), other = sdk.device(strings[id], 'https');
    await client.open();
    client.on('disconnect', () => assert.fail('it lost its seat'));
    await client.sendEvent(sdk.message('one'));
    await other.open();
    await other.sendEvent(sdk.message('two'));
    await client.sendEvent(sdk.message('three'));
    await hub.until(() => events.from(id).length === count + 3, 'all three');
    await other.close();
    client.removeAllListeners('disconnect');
    await client.close();
  });
}

// Twins: the official device client over each transport, the official registry client on the other side.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { Registry } = require('azure-iothub');
const hub = require('./hub');
const sdk = require('./sdk');

const TRANSPORTS = ['mqtt', 'mqtt-ws', 'amqp', 'amqp-ws'];
let strings, registry;

before(async () => {
  await hub.start();
  registry = Registry.fromConnectionString(hub.info.connection_strings.iothubowner);
  strings = await hub.devices(...TRANSPORTS.flatMap((t) => [t, `${t}-back`, `${t}-bad`, `${t}-quiet`, `${t}-pnp`]),
    'etags', 'whole', 'model', 'true', 'races', 'restart');
});

after(async () => { assert.strictEqual(await hub.stop(), 0); });

const service = async (id) => (await registry.getTwin(id)).responseBody;
const desire = async (id, desired) => (await registry.updateTwin(id, { properties: { desired } }, '*')).responseBody;
const report = (twin, patch) => new Promise((resolve, reject) =>
  twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve())));
const refused = (promise) => promise.then(() => assert.fail('it was taken'), (error) => error.response.statusCode);

// Without what only services see.
const plain = ({ $metadata, ...rest }) => rest;

for (const transport of TRANSPORTS) {
  test(`${transport}: reported properties are at the service as soon as the device knows that they were taken`, async () => {
    const client = sdk.device(strings[transport], transport);
    await client.open();
    const twin = await client.getTwin();
    assert.strictEqual(twin.properties.desired.$version, 1);
    const values = [1, 'text', false, 4.5, { k: { deep: [1, 2] } }, [1, 'two', false, { k: [[3]] }],
      '2023-01-31T10:37:08.4599400', 'ü"\\\n'];
    for (const [n, value] of values.entries()) {
      await report(twin, { value: null });
      await report(twin, { value });
      const { properties } = await service(transport);
      assert.deepStrictEqual(properties.reported.value, value);
      assert.strictEqual(properties.reported.$version, 2 * n + 3);
    }
    await report(twin, { value: null, p: { q: null } });
    assert.deepStrictEqual(plain((await service(transport)).properties.reported), { p: {}, $version: 2 * values.length + 2 });
    await client.close();
  });

  test(`${transport}: desired properties are told in order with their version, and are there after it came back`, async () => {
    const id = `${transport}-back`;
    let client = sdk.device(strings[id], transport);
    await client.open();
    let twin = await client.getTwin();
    let seen = [];
    twin.on('properties.desired', (delta) => seen.push(JSON.parse(JSON.stringify(delta))));
    await hub.until(() => seen.length === 1, 'what is desired already');
    assert.deepStrictEqual(seen, [{ $version: 1 }]);
    // The client does not tell when the hub knows that it listens.
    let version = 1;
    for (let probe = 0; seen.at(-1).$version !== version || version === 1; probe++) {
      ({ properties: { desired: { $version: version } } } = await desire(id, { probe }));
      for (let i = 0; i < 20 && seen.at(-1).$version !== version; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    seen = [];
    for (const desired of [{ a: 1, list: [1, 'two', { x: 3 }] }, { a: 1 }, { b: { c: { d: true } } }, { list: null }])
      assert.strictEqual((await desire(id, desired)).properties.desired.$version, ++version);
    await hub.until(() => seen.length === 4, 'four changes');
    assert.deepStrictEqual(seen, [
      { a: 1, list: [1, 'two', { x: 3 }], $version: version - 3 }, { a: 1, $version: version - 2 },
      { b: { c: { d: true } }, $version: version - 1 }, { list: null, $version: version }]);
    await client.close();
    await desire(id, { b: { e: 'while away' }, probe: null });
    client = sdk.device(strings[id], transport);
    await client.open();
    twin = await client.getTwin();
    assert.deepStrictEqual(twin.properties.desired.b, { c: { d: true }, e: 'while away' });
    assert.strictEqual(twin.properties.desired.$version, version + 1);
    assert.strictEqual(twin.properties.desired.list, undefined);
    await client.close();
  });

  test(`${transport}: a bad report is refused and stores nothing`, async () => {
    const id = `${transport}-bad`;
    const client = sdk.device(strings[id], transport);
    await client.open();
    const twin = await client.getTwin();
    for (const bad of [{ good: 1, $bad: 2 }, { good: 1, 'a.b': 2 }, { good: 1, n: 5283920058631410000 }, { good: 1, a: [null] }])
      await assert.rejects(report(twin, bad));
    await assert.rejects(report(twin, Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`k${n}`, 'x'.repeat(3700)]))));
    await report(twin, { good: 3 });
    assert.deepStrictEqual(plain((await service(id)).properties.reported), { good: 3, $version: 2 });
    await client.close();
  });
}

for (const transport of TRANSPORTS) {
  test(`${transport}: a device that listens to nothing reads its twin, and survives that it changes`, async () => {
    const id = `${transport}-quiet`;
    const client = sdk.device(strings[id], transport);
    let lost = false;
    for (const event of ['disconnect', 'error']) client.on(event, () => { lost = true; });
    await client.open();
    const twin = await client.getTwin();
    for (let n = 0; n < 3; n++) await desire(id, { n });
    await report(twin, { still: 'here' });
    assert.strictEqual((await client.getTwin()).properties.desired.$version, 4);
    assert.strictEqual(lost, false);
    await client.close();
  });

  test(`${transport}: opened, closed and opened again, properties go both ways`, async () => {
    const id = `${transport}-quiet`;
    const client = sdk.device(strings[id], transport);
    await client.open();
    await client.close();
    await client.open();
    const twin = await client.getTwin(), seen = [];
    twin.on('properties.desired', (delta) => seen.push(delta.again));
    for (let n = 0, heard = false; !heard; n++) { // the client does not tell when the hub knows that it listens
      await desire(id, { again: n });
      for (let i = 0; i < 20 && !heard; i++) await new Promise((resolve) => setTimeout(resolve, 10)).then(() => { heard = seen.includes(n); });
    }
    await report(twin, { again: true });
    assert.strictEqual((await service(id)).properties.reported.again, true);
    await client.close();
  });

  test(`${transport}: acknowledgements of properties and components come back as they were`, async () => {
    const id = `${transport}-pnp`;
    const client = sdk.device(strings[id], transport);
    await client.open();
    const twin = await client.getTwin();
    const patch = {
      heat: { value: 21.5, ac: 200, av: 3, ad: 'done' },
      thermostat1: { __t: 'c', max: { ac: 203, av: 1, ad: '', value: { deep: true } }, min: -4 },
    };
    await report(twin, patch);
    assert.deepStrictEqual(plain((await service(id)).properties.reported), { ...patch, $version: 2 });
    const { properties: { reported } } = await client.getTwin();
    assert.deepStrictEqual(JSON.parse(JSON.stringify(reported)), { ...patch, $version: 2 });
    await client.close();
  });
}

test('etags: an old one is refused, the current one and * are taken, each change has another', async () => {
  const { etag } = await service('etags');
  assert.strictEqual(await refused(registry.updateTwin('etags', { tags: { a: 1 } }, 'abc')), 412);
  const changed = (await registry.updateTwin('etags', { tags: { a: 1 } }, etag)).responseBody;
  assert.notStrictEqual(changed.etag, etag);
  assert.strictEqual(await refused(registry.updateTwin('etags', { tags: { a: 2 } }, etag)), 412);
  await registry.updateTwin('etags', { tags: { a: 2 } }, '*');
  await (await registry.getTwin('etags')).responseBody.update({ tags: { a: 3 } });
  assert.deepStrictEqual((await service('etags')).tags, { a: 3 });
});

test('a whole twin is sent back, and all of its tags are taken away', async () => {
  await registry.updateTwin('whole', { tags: { a: 1, b: { c: 2 } }, properties: { desired: { a: 1, b: 2 } } }, '*');
  const twin = JSON.parse(JSON.stringify(await service('whole')));
  twin.tags.b.c = 3;
  delete twin.properties.desired.a;
  const { responseBody: merged } = await registry.updateTwin('whole', twin, twin.etag);
  assert.deepStrictEqual(merged.tags, { a: 1, b: { c: 3 } });
  assert.strictEqual(merged.properties.desired.a, 1);
  await registry.updateTwin('whole', { tags: { a: null, b: null } }, '*');
  assert.deepStrictEqual((await service('whole')).tags, {}); // the client's own, for none
});

test('the model of a device is in its twin when it is open', async () => {
  for (const [n, transport] of ['mqtt', 'mqtt-ws'].entries()) { // over AMQP this client says none
    const client = sdk.device(strings.model, transport);
    await client.setOptions({ modelId: `dtmi:com:example:door;${n + 1}` });
    await client.open();
    await client.getTwin();
    assert.strictEqual((await service('model')).modelId, `dtmi:com:example:door;${n + 1}`);
    await client.close();
  }
});

test('what the twin says of the device is true', async () => {
  const client = sdk.device(strings.true, 'mqtt');
  assert.strictEqual((await service('true')).connectionState, 'Disconnected');
  await client.open();
  const there = await service('true');
  assert.deepStrictEqual([there.connectionState, there.authenticationType, there.status], ['Connected', 'sas', 'enabled']);
  assert.ok(Date.parse(there.lastActivityTime) > Date.parse('2020-01-01'));
  await client.close();
  const posts = sdk.service();
  await posts.open();
  await posts.send('true', sdk.message('hello'));
  await posts.close();
  assert.strictEqual((await service('true')).cloudToDeviceMessageCount, 1);
});

test('nothing is lost when all sides write at once', async () => {
  const client = sdk.device(strings.races, 'mqtt');
  await client.open();
  const twin = await client.getTwin();
  const n = 20;
  await Promise.all(Array.from({ length: n }, (_, i) => [
    report(twin, { [`r${i}`]: i }),
    registry.updateTwin('races', { tags: { [`t${i}`]: i } }, '*'),
    desire('races', { [`d${i}`]: i }),
  ]).flat());
  const { tags, properties } = await service('races');
  const all = (prefix) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`${prefix}${i}`, i]));
  assert.deepStrictEqual(tags, all('t'));
  assert.deepStrictEqual(plain(properties.desired), { ...all('d'), $version: n + 1 });
  assert.deepStrictEqual(plain(properties.reported), { ...all('r'), $version: n + 1 });
  await client.close();
});

test('devices are made in bulk with their twins', async () => {
  const { responseBody } = await registry.addDevices([
    { deviceId: 'bulk-1', tags: { floor: 1 }, properties: { desired: { open: true } } }, { deviceId: 'bulk-2' }]);
  assert.deepStrictEqual([responseBody.isSuccessful, responseBody.errors], [true, []]);
  const one = await service('bulk-1');
  assert.deepStrictEqual([one.tags, plain(one.properties.desired)], [{ floor: 1 }, { open: true, $version: 2 }]);
  assert.deepStrictEqual((await service('bulk-2')).tags, {});
});

test('twins are there after a kill, with the versions that were told', async () => {
  const client = sdk.device(strings.restart, 'amqp');
  await client.open();
  const twin = await client.getTwin();
  await report(twin, { a: 1 });
  const { properties: { desired: { $version } } } = await desire('restart', { b: 2 });
  client.on('error', () => {});
  await hub.stop('SIGKILL');
  await hub.start();
  const { properties } = await service('restart');
  assert.deepStrictEqual(plain(properties.desired), { b: 2, $version });
  assert.deepStrictEqual(plain(properties.reported), { a: 1, $version: 2 });
  await client.close().catch(() => {});
});

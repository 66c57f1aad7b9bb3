// azure-iothub Registry: devices over HTTPS.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { Registry } = require('azure-iothub');
const hub = require('./hub');

let registry;

before(async () => {
  await hub.start();
  registry = Registry.fromConnectionString(hub.info.connection_strings.iothubowner);
});
after(async () => assert.strictEqual(await hub.stop(), 0));

test('a device is created with generated keys, read, changed and deleted', async () => {
  const { responseBody: made } = await registry.create({ deviceId: 'dev-1' });
  assert.strictEqual(made.deviceId, 'dev-1');
  assert.strictEqual(made.status, 'enabled');
  assert.strictEqual(made.connectionState, 'Disconnected');
  assert.strictEqual(made.cloudToDeviceMessageCount, 0);
  assert.strictEqual(Buffer.from(made.authentication.symmetricKey.primaryKey, 'base64').length, 32);
  assert.notStrictEqual(made.authentication.symmetricKey.primaryKey, made.authentication.symmetricKey.secondaryKey);

  const { responseBody: read } = await registry.get('dev-1');
  assert.strictEqual(read.generationId, made.generationId);
  assert.strictEqual(read.etag, made.etag);

  const { responseBody: changed } = await registry.update({ ...read, status: 'disabled', statusReason: 'for a test' });
  assert.strictEqual(changed.status, 'disabled');
  assert.strictEqual(changed.statusReason, 'for a test');
  assert.notStrictEqual(changed.etag, made.etag);
  assert.deepStrictEqual(changed.authentication.symmetricKey, made.authentication.symmetricKey);

  await registry.delete('dev-1');
  await assert.rejects(registry.get('dev-1'), { name: 'DeviceNotFoundError' });
  await assert.rejects(registry.delete('dev-1'), { name: 'DeviceNotFoundError' });
});

test('keys that are given are kept', async () => {
  const primaryKey = Buffer.alloc(32, 7).toString('base64');
  const secondaryKey = Buffer.alloc(64, 8).toString('base64');
  const { responseBody } = await registry.create({
    deviceId: 'dev-2', authentication: { symmetricKey: { primaryKey, secondaryKey } },
  });
  assert.deepStrictEqual(responseBody.authentication.symmetricKey, { primaryKey, secondaryKey });
});

test('a second create is a conflict and changes nothing', async () => {
  const { responseBody: made } = await registry.create({ deviceId: 'dev-3' });
  await assert.rejects(registry.create({ deviceId: 'dev-3' }), { name: 'DeviceAlreadyExistsError' });
  const { responseBody: read } = await registry.get('dev-3');
  assert.deepStrictEqual(read.authentication, made.authentication);
});

test('bad ids and bad keys are refused', async () => {
  await assert.rejects(registry.create({ deviceId: 'a b' }), { name: 'ArgumentError' });
  await assert.rejects(registry.create({ deviceId: 'x'.repeat(129) }), { name: 'ArgumentError' });
  await assert.rejects(registry.create({
    deviceId: 'dev-4', authentication: { symmetricKey: { primaryKey: 'c2hvcnQ=', secondaryKey: 'c2hvcnQ=' } },
  }), { name: 'ArgumentError' });
});

test('devices are listed and counted', async () => {
  const { responseBody: list } = await registry.list();
  assert.deepStrictEqual(list.map((d) => d.deviceId).sort(), ['dev-2', 'dev-3']);
  const { responseBody: counts } = await registry.getRegistryStatistics();
  assert.deepStrictEqual({ ...counts }, { totalDeviceCount: 2, enabledDeviceCount: 2, disabledDeviceCount: 0 });
});

test('a policy without the right, and a wrong key, are refused', async () => {
  const reader = Registry.fromConnectionString(hub.info.connection_strings.registryRead);
  await reader.get('dev-2');
  await assert.rejects(reader.create({ deviceId: 'dev-5' }), { name: 'UnauthorizedError' });
  const device = Registry.fromConnectionString(hub.info.connection_strings.device);
  await assert.rejects(device.get('dev-2'), { name: 'UnauthorizedError' });
  const key = Buffer.alloc(32, 1).toString('base64');
  const stranger = Registry.fromConnectionString(
    `HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey=${key}`);
  await assert.rejects(stranger.get('dev-2'), { name: 'UnauthorizedError' });
});

test('an expired token is refused, and the next one works', async () => {
  const { SharedAccessSignature } = require('azure-iot-common');
  const [, name, key] = /SharedAccessKeyName=([^;]+);SharedAccessKey=([^;]+)/.exec(hub.info.connection_strings.iothubowner);
  const of = (seconds) => Registry.fromSharedAccessSignature(
    SharedAccessSignature.create('localhost', name, key, Math.floor(Date.now() / 1000) + seconds).toString());
  await of(600).get('dev-2');
  await assert.rejects(of(-3600).get('dev-2'), { name: 'UnauthorizedError' });
  await of(600).get('dev-2');
});

test('what was registered survives a restart', async () => {
  const { responseBody: before_ } = await registry.get('dev-2');
  assert.strictEqual(await hub.stop('SIGKILL'), null);
  await hub.start();
  const { responseBody: after_ } = await registry.get('dev-2');
  assert.deepStrictEqual(after_.authentication, before_.authentication);
  assert.strictEqual(after_.generationId, before_.generationId);
  assert.strictEqual(after_.etag, before_.etag);
});

test('many devices are made, changed and removed at once', async () => {
  const ids = Array.from({ length: 100 }, (_, n) => `bulk-${String(n).padStart(3, '0')}`);
  const { responseBody: made } = await registry.addDevices(ids.map((deviceId) => ({ deviceId, status: 'enabled' })));
  assert.deepStrictEqual(made, { isSuccessful: true, errors: [], warnings: [] });
  await registry.updateDevices(ids.map((deviceId) => ({ deviceId, status: 'disabled' })), true);
  assert.strictEqual((await registry.get(ids[99])).responseBody.status, 'disabled');
  const again = await registry.addDevices([{ deviceId: ids[0] }, { deviceId: 'bulk-new' }]).catch((error) => error);
  assert.match(JSON.stringify(again.responseBody ?? again), /409001/);
  await registry.get('bulk-new');
  await registry.removeDevices([...ids, 'bulk-new'].slice(0, 100).map((deviceId) => ({ deviceId })), true);
  await assert.rejects(registry.get(ids[0]), { name: 'DeviceNotFoundError' });
});

test('devices are queried in pages', async () => {
  await registry.addDevices(Array.from({ length: 25 }, (_, n) => ({ deviceId: `query-${n}`, status: n % 2 ? 'enabled' : 'disabled' })));
  const collect = async (text, size) => {
    const query = registry.createQuery(text, size), rows = [];
    let pages = 0;
    while (query.hasMoreResults) {
      const { result } = await query.nextAsTwin();
      rows.push(...result);
      pages++;
    }
    return { rows, pages };
  };
  const all = await collect("SELECT * FROM devices WHERE STARTSWITH(deviceId, 'query-')", 10);
  assert.strictEqual(all.rows.length, 25);
  assert.ok(all.pages >= 3);
  assert.deepStrictEqual(all.rows[0].tags, {});
  const enabled = await collect("SELECT * FROM devices WHERE STARTSWITH(deviceId, 'query-') AND status = 'enabled'", 100);
  assert.strictEqual(enabled.rows.length, 12);
  const raw = registry.createQuery("SELECT deviceId AS id FROM devices WHERE deviceId = 'query-7'", 10);
  assert.deepStrictEqual((await raw.next()).result, [{ id: 'query-7' }]);
  await assert.rejects(registry.createQuery('SELECT * FROM', 10).next(), { name: 'ArgumentError' });
});

test('statistics count', async () => {
  const { responseBody } = await registry.getRegistryStatistics();
  assert.strictEqual(responseBody.totalDeviceCount, responseBody.enabledDeviceCount + responseBody.disabledDeviceCount);
});

test('a mailbox is counted and purged', async () => {
  const { Client: Service } = require('azure-iothub');
  const { Message, SharedAccessSignature } = require('azure-iot-common');
  await registry.create({ deviceId: 'full' });
  const service = Service.fromConnectionString(hub.info.connection_strings.service);
  for (let n = 0; n < 3; n++) await service.send('full', new Message('x'));
  await service.close();
  assert.strictEqual((await registry.get('full')).responseBody.cloudToDeviceMessageCount, 3);
  const key = /SharedAccessKey=([^;]+)/.exec(hub.info.connection_strings.service)[1];
  const token = SharedAccessSignature.create('localhost', 'service', key, Math.floor(Date.now() / 1000) + 60).toString();
  const answer = await fetch('https://localhost/devices/full/commands?api-version=2021-04-12',
    { method: 'DELETE', headers: { Authorization: token } });
  assert.deepStrictEqual(await answer.json(), { totalMessagesPurged: 3, deviceId: 'full', moduleId: null });
  assert.strictEqual((await registry.get('full')).responseBody.cloudToDeviceMessageCount, 0);
});

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

test('what was registered survives a restart', async () => {
  const { responseBody: before_ } = await registry.get('dev-2');
  assert.strictEqual(await hub.stop('SIGKILL'), null);
  await hub.start();
  const { responseBody: after_ } = await registry.get('dev-2');
  assert.deepStrictEqual(after_.authentication, before_.authentication);
  assert.strictEqual(after_.generationId, before_.generationId);
  assert.strictEqual(after_.etag, before_.etag);
});

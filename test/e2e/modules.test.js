// Modules: the official registry client makes them, the official module client runs them over each transport, and the
// official service client calls them.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { ModuleClient, Message } = require('azure-iot-device');
const { Registry } = require('azure-iothub');
const hub = require('./hub');
const sdk = require('./sdk');

const TRANSPORTS = ['mqtt', 'mqtt-ws', 'amqp', 'amqp-ws'];
let registry, service;

before(async () => {
  await hub.start();
  registry = Registry.fromConnectionString(hub.info.connection_strings.iothubowner);
  service = sdk.service();
  await hub.devices('host', 'other', 'full');
});
after(async () => assert.strictEqual(await hub.stop(), 0));

const make = async (moduleId, more = {}) => (await registry.addModule({ deviceId: 'host', moduleId, ...more })).responseBody;

function client(module, transport) {
  const key = module.authentication.symmetricKey.primaryKey;
  const made = ModuleClient.fromConnectionString(
    `HostName=localhost;DeviceId=host;ModuleId=${module.moduleId};SharedAccessKey=${key}`, sdk.TRANSPORTS[transport]);
  made.setRetryPolicy({ shouldRetry: () => false, nextRetryTimeout: () => 0 });
  return made;
}

test('a module is created with generated keys, read, changed and removed', async () => {
  const made = await make('crud', { managedBy: 'me' });
  assert.strictEqual(made.managedBy, 'me');
  assert.strictEqual(made.connectionState, 'Disconnected');
  assert.strictEqual(Buffer.from(made.authentication.symmetricKey.primaryKey, 'base64').length, 32);
  const { responseBody: read } = await registry.getModule('host', 'crud');
  assert.deepStrictEqual(read, made);
  const { primaryKey, secondaryKey } = read.authentication.symmetricKey;
  read.authentication.symmetricKey = { primaryKey: secondaryKey, secondaryKey: primaryKey };
  const { responseBody: swapped } = await registry.updateModule(read);
  assert.deepStrictEqual(swapped.authentication.symmetricKey, read.authentication.symmetricKey);
  await assert.rejects(registry.updateModule(made), { name: 'InvalidEtagError' });
  await registry.updateModule(made, true);
  await assert.rejects(make('crud'), { name: 'DeviceAlreadyExistsError' });
  await registry.removeModule('host', 'crud');
  await assert.rejects(registry.getModule('host', 'crud'), { message: 'Not found' });
});

test('modules are listed with their device, end with it, and are counted by nobody', async () => {
  for (const moduleId of ['b', 'a']) await registry.addModule({ deviceId: 'other', moduleId });
  const { responseBody: list } = await registry.getModulesOnDevice('other');
  assert.deepStrictEqual(list.map((m) => m.moduleId), ['a', 'b']);
  const { responseBody: counts } = await registry.getRegistryStatistics();
  assert.strictEqual(counts.totalDeviceCount, 3);
  await registry.delete('other');
  await registry.create({ deviceId: 'other' });
  assert.deepStrictEqual((await registry.getModulesOnDevice('other')).responseBody, []);
});

test('an edge device has its two modules, and a leaf its scope', async () => {
  const { responseBody: edge } = await registry.create({ deviceId: 'edge', capabilities: { iotEdge: true } });
  assert.match(edge.deviceScope, /^ms-azure-iot-edge:\/\/edge-\d+$/);
  assert.deepStrictEqual(edge.parentScopes, []);
  const { responseBody: modules } = await registry.getModulesOnDevice('edge');
  assert.deepStrictEqual(modules.map((m) => [m.moduleId, m.managedBy]), [['$edgeAgent', 'iotEdge'], ['$edgeHub', 'iotEdge']]);
  await assert.rejects(registry.addModule({ deviceId: 'edge', moduleId: '$more' }), { name: 'ArgumentError' });
  const { responseBody: leaf } = await registry.create({ deviceId: 'leaf', deviceScope: edge.deviceScope });
  assert.strictEqual(leaf.deviceScope, edge.deviceScope);
  assert.deepStrictEqual(leaf.parentScopes, [edge.deviceScope]);
  await assert.rejects(registry.update({ ...leaf, deviceScope: 'ms-azure-iot-edge://none-1' }), { name: 'ArgumentError' });
});

test('fifty modules and no more', async () => {
  for (let n = 0; n < 50; n++) await registry.addModule({ deviceId: 'full', moduleId: `m${n}` });
  await assert.rejects(registry.addModule({ deviceId: 'full', moduleId: 'more' }), /50 modules/);
});

for (const transport of TRANSPORTS) {
  test(`${transport}: what a module sends says which module, and its methods are called`, async () => {
    const module = await make(transport);
    const runs = client(module, transport);
    const events = sdk.events();
    await runs.open();
    await runs.sendEvent(new Message(`plain ${transport}`));
    await runs.sendOutputEvent('out', new Message(`output ${transport}`));
    const own = () => events.from('host').filter((e) => e.systemProperties['iothub-connection-module-id'] === transport);
    await hub.until(() => own().length === 2, 'both events');
    assert.deepStrictEqual(own().map((e) => e.body.toString()).sort(), [`output ${transport}`, `plain ${transport}`]);
    const method = own()[0].systemProperties['iothub-connection-auth-method'];
    assert.deepStrictEqual(JSON.parse(method), { scope: 'module', type: 'sas', issuer: 'iothub', acceptingIpFilterRule: null });
    runs.onMethod('turn', (request, response) => response.send(207, request.payload));
    const { result } = await service.invokeDeviceMethod('host', transport,
      { methodName: 'turn', payload: { by: 90 }, responseTimeoutInSeconds: 15, connectTimeoutInSeconds: 15 });
    assert.deepStrictEqual(result, { status: 207, payload: { by: 90 } });
    assert.strictEqual((await registry.getModule('host', transport)).responseBody.connectionState, 'Connected');
    assert.strictEqual((await registry.get('host')).responseBody.connectionState, 'Disconnected');
    await events.close();
    await runs.close();
  });

  test(`${transport}: a module waits for inputs, and its device is disabled under it`, async () => {
    const module = await make(`in-${transport}`);
    const runs = client(module, transport);
    await runs.open();
    await new Promise((resolve, reject) => {
      runs.on('inputMessage', () => {});
      runs.sendEvent(new Message('still here'), (error) => (error ? reject(error) : resolve()));
    });
    const { responseBody: host } = await registry.get('host');
    const ended = new Promise((resolve) => { runs.on('disconnect', resolve); runs.on('error', resolve); });
    await registry.update({ ...host, status: 'disabled' });
    await ended;
    await runs.close().catch(() => {});
    await assert.rejects(client(module, transport).open());
    await registry.update({ ...(await registry.get('host')).responseBody, status: 'enabled' });
    const again = client(module, transport);
    await again.open();
    await again.close();
  });
}

test('a call of a module that is not there, or not listening', async () => {
  const refusal = async (device, module) => {
    const error = await service.invokeDeviceMethod(device, module, { methodName: 'turn', responseTimeoutInSeconds: 5 })
      .then(() => assert.fail('it was answered'), (e) => e);
    return JSON.parse(JSON.parse(error.responseBody).Message).errorCode;
  };
  await make('away');
  assert.strictEqual(await refusal('host', 'away'), 404103);
  assert.strictEqual(await refusal('host', 'none'), 404010);
  assert.strictEqual(await refusal('nobody', 'none'), 404001);
});

test('what was registered survives a kill', async () => {
  const made = await make('kept', { managedBy: 'me' });
  assert.strictEqual(await hub.stop('SIGKILL'), null);
  await hub.start();
  const { responseBody: kept } = await registry.getModule('host', 'kept');
  assert.deepStrictEqual([kept.etag, kept.authentication, kept.managedBy], [made.etag, made.authentication, 'me']);
});

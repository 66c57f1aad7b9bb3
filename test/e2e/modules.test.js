// Modules: the official registry client makes them, the official module client runs them over each transport, and the
// official service client calls them.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { ModuleClient, Message, X509AuthenticationProvider } = require('azure-iot-device');
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

function clientWith(deviceId, moduleId, key, transport) {
  const made = ModuleClient.fromConnectionString(
    `HostName=localhost;DeviceId=${deviceId};ModuleId=${moduleId};SharedAccessKey=${key}`, sdk.TRANSPORTS[transport]);
  made.setRetryPolicy({ shouldRetry: () => false, nextRetryTimeout: () => 0 });
  return made;
}

const client = (module, transport) =>
  clientWith('host', module.moduleId, module.authentication.symmetricKey.primaryKey, transport);

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

test('a device is each of its modules by its own keys', async () => {
  const { responseBody: edge } = await registry.get('edge');
  const { primaryKey, secondaryKey } = edge.authentication.symmetricKey;
  await registry.addModule({ deviceId: 'edge', moduleId: 'mine' });
  await registry.addModule({ deviceId: 'edge', moduleId: 'bare', authentication: { type: 'none' } });
  for (const moduleId of ['$edgeHub', 'mine', 'bare']) {
    for (const [key, transport] of [[primaryKey, 'mqtt'], [secondaryKey, 'amqp']]) {
      const runs = clientWith('edge', moduleId, key, transport);
      await runs.open();
      await runs.sendEvent(new Message('routed'));
      await runs.close();
    }
  }
  const { responseBody: other } = await registry.get('host');
  const stranger = clientWith('edge', 'mine', other.authentication.symmetricKey.primaryKey, 'mqtt');
  await assert.rejects(stranger.open(), { name: 'UnauthorizedError' });
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

for (const transport of TRANSPORTS) {
  test(`${transport}: the twin of a module`, async () => {
    const module = await make(`twin-${transport}`), at = ['host', module.moduleId];
    const runs = client(module, transport);
    await runs.open();
    const twin = await runs.getTwin(), seen = [];
    twin.on('properties.desired', (delta) => seen.push(JSON.parse(JSON.stringify(delta))));
    await new Promise((resolve, reject) => twin.properties.reported.update({ list: [1, 'two', { x: 3 }] },
      (error) => (error ? reject(error) : resolve())));
    const { responseBody: read } = await registry.getModuleTwin(...at);
    assert.deepStrictEqual([read.deviceId, read.moduleId], at);
    assert.deepStrictEqual(read.properties.reported.list, [1, 'two', { x: 3 }]);
    const patch = (n) => ({ tags: { n }, properties: { desired: { n } } });
    const { responseBody: changed } = await registry.updateModuleTwin(...at, patch(1), read.etag);
    assert.deepStrictEqual([changed.tags, changed.properties.desired.n, changed.properties.desired.$version], [{ n: 1 }, 1, 2]);
    await assert.rejects(registry.updateModuleTwin(...at, patch(9), read.etag), (e) => e.response.statusCode === 412);
    for (let n = 2; !seen.some((delta) => delta.n >= 2); n++) { // the client does not tell when the hub knows that it listens
      await registry.updateModuleTwin(...at, patch(n), '*');
      for (let i = 0; i < 20 && seen.at(-1).n !== n; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.strictEqual((await registry.getTwin('host')).responseBody.properties.desired.n, undefined);
    await runs.close();
  });

  test(`${transport}: a module with a certificate is opened, reports and is called`, async () => {
    const moduleId = `cert-${transport}`, file = path.join(process.env.D2D_DATA, moduleId);
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
      '-subj', `/CN=host\\/${moduleId}`, '-keyout', `${file}.key`, '-out', `${file}.pem`], { stdio: 'ignore' });
    const cert = fs.readFileSync(`${file}.pem`, 'utf8'), key = fs.readFileSync(`${file}.key`, 'utf8');
    const primaryThumbprint = new crypto.X509Certificate(cert).fingerprint.replaceAll(':', '');
    const made = await make(moduleId, { authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint } } });
    assert.strictEqual(made.authentication.x509Thumbprint.primaryThumbprint, primaryThumbprint);
    const proof = new X509AuthenticationProvider({ host: 'localhost', deviceId: 'host', moduleId, x509: { cert, key } });
    const runs = new ModuleClient(new sdk.TRANSPORTS[transport](proof)); // it takes no connection string without a key
    runs.setRetryPolicy({ shouldRetry: () => false, nextRetryTimeout: () => 0 });
    await runs.open();
    const twin = await runs.getTwin();
    await new Promise((resolve, reject) => twin.properties.reported.update({ by: 'certificate' },
      (error) => (error ? reject(error) : resolve())));
    assert.strictEqual((await registry.getModuleTwin('host', moduleId)).responseBody.properties.reported.by, 'certificate');
    runs.onMethod('turn', (request, response) => response.send(200, request.payload));
    const { result } = await service.invokeDeviceMethod('host', moduleId,
      { methodName: 'turn', payload: 'x', responseTimeoutInSeconds: 15, connectTimeoutInSeconds: 15 });
    assert.deepStrictEqual(result, { status: 200, payload: 'x' });
    await runs.close();
  });
}

test('a chain of edge devices, and a leaf below it', async () => {
  const create = async (more) => (await registry.create(more)).responseBody;
  const upper = await create({ deviceId: 'upper', capabilities: { iotEdge: true } });
  const lower = await create({ deviceId: 'lower', capabilities: { iotEdge: true }, parentScopes: [upper.deviceScope] });
  assert.deepStrictEqual(lower.parentScopes, [upper.deviceScope]);
  assert.notStrictEqual(lower.deviceScope, upper.deviceScope);
  const below = await create({ deviceId: 'below', deviceScope: lower.deviceScope });
  assert.deepStrictEqual([below.deviceScope, below.parentScopes], [lower.deviceScope, [lower.deviceScope]]);
  const moved = (await registry.update({ ...below, deviceScope: upper.deviceScope, parentScopes: undefined })).responseBody;
  assert.deepStrictEqual([moved.deviceScope, moved.parentScopes], [upper.deviceScope, [upper.deviceScope]]);
});

test('in bulk a scope that nobody has is kept, and an edge device comes with its twin', async () => {
  const deviceScope = 'ms-azure-iot-edge://nobody-1234567890';
  const { responseBody } = await registry.addDevices([
    { deviceId: 'loose-1', deviceScope }, { deviceId: 'loose-2', deviceScope },
    { deviceId: 'bulk-edge', capabilities: { iotEdge: true }, tags: { site: 'north' }, properties: { desired: { a: 1 } } }]);
  assert.deepStrictEqual([responseBody.isSuccessful, responseBody.errors], [true, []]);
  for (const id of ['loose-1', 'loose-2']) {
    const { responseBody: made } = await registry.get(id);
    assert.deepStrictEqual([made.deviceScope, made.parentScopes], [deviceScope, [deviceScope]]);
  }
  const { responseBody: edge } = await registry.getTwin('bulk-edge');
  assert.deepStrictEqual([edge.capabilities.iotEdge, edge.tags, edge.properties.desired.a], [true, { site: 'north' }, 1]);
});

test('a module may be managed by nobody', async () => {
  const made = await make('unmanaged', { managedBy: '' });
  assert.ok(!made.managedBy);
  assert.strictEqual((await registry.getModule('host', 'unmanaged')).responseBody.etag, made.etag);
});

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

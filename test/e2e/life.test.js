// Events of life, as an official consumer reads them, and presence, as the official registry client sees it.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { JobClient, Registry } = require('azure-iothub');
const hub = require('./hub');
const sdk = require('./sdk');

const TRANSPORTS = ['mqtt', 'mqtt-ws', 'amqp', 'amqp-ws'];
const OPTIONS = ['--lifecycle-events', 'on', '--connection-events', 'on', '--twin-events', 'on', '--job-events', 'on'];
let events, registry, strings;

before(async () => {
  await hub.start(...OPTIONS);
  registry = Registry.fromConnectionString(hub.info.connection_strings.iothubowner);
  strings = await hub.devices(...TRANSPORTS, 'short-lived', 'https', 'host', ...TRANSPORTS.map((t) => `lost-${t}`));
  await registry.addModule({ deviceId: 'host', moduleId: 'pump' });
  events = sdk.events();
});

after(async () => {
  await events.close();
  assert.strictEqual(await hub.stop(), 0);
});

const token = () => {
  const { SharedAccessSignature } = require('azure-iot-common');
  const [, name, key] = /SharedAccessKeyName=([^;]+);SharedAccessKey=([^;]+)/.exec(hub.info.connection_strings.iothubowner);
  return SharedAccessSignature.create('localhost', name, key, Math.floor(Date.now() / 1000) + 600).toString();
};
const typesOf = (id) => events.from(id).map((e) => (e.properties || {}).opType);
const happened = (id, ...types) => hub.until(() => typesOf(id).length >= types.length, `${types} of ${id}`)
  .then(() => assert.deepStrictEqual(typesOf(id), types));
const connectionState = async (id) => (await registry.get(id)).responseBody.connectionState;

test('a device that is created and deleted', async () => {
  await registry.delete('short-lived');
  await happened('short-lived', 'createDeviceIdentity', 'deleteDeviceIdentity');
  const [created] = events.from('short-lived');
  const { systemProperties, properties, contentType, body } = created;
  assert.strictEqual(systemProperties['iothub-message-source'], 'deviceLifecycleEvents');
  assert.strictEqual(contentType, 'application/json');
  assert.strictEqual(properties['iothub-message-schema'], 'deviceLifecycleNotification');
  assert.strictEqual(properties.deviceId, 'short-lived');
  assert.strictEqual(properties.hubName, 'localhost');
  assert.ok(Math.abs(new Date(properties.operationTimestamp) - Date.now()) < 600000);
  const twin = JSON.parse(body.toString());
  assert.strictEqual(twin.deviceId, 'short-lived');
  assert.strictEqual(twin.version, 2);
  assert.strictEqual(twin.properties.desired.$version, 1);
  assert.strictEqual(twin.properties.reported.$version, 1);
});

for (const transport of TRANSPORTS) {
  test(`${transport}: a device that connects and disconnects, and what the registry says of it`, async () => {
    const client = sdk.device(strings[transport], transport);
    await client.open();
    await client.sendEvent(sdk.message('here'));
    await happened(transport, 'createDeviceIdentity', 'deviceConnected', undefined);
    assert.strictEqual(await connectionState(transport), 'Connected');
    await client.close();
    await happened(transport, 'createDeviceIdentity', 'deviceConnected', undefined, 'deviceDisconnected');
    assert.strictEqual(await connectionState(transport), 'Disconnected');
    const [on, off] = [1, 3].map((n) => JSON.parse(events.from(transport)[n].body.toString()).sequenceNumber);
    assert.match(on, /^[0-9A-F]{64}$/);
    assert.ok(on < off);
    assert.strictEqual(events.from(transport)[1].systemProperties['iothub-message-source'], 'deviceConnectionStateEvents');
  });
}

// What the newest event of a changed twin says.
async function changed(id, count) {
  const all = () => events.from(id).filter((e) => e.systemProperties['iothub-message-source'] === 'twinChangeEvents');
  await hub.until(() => all().length >= count, `${count} changes of the twin of ${id}`);
  const { properties, body } = all()[count - 1];
  return { opType: properties.opType, moduleId: properties.moduleId, ...JSON.parse(body.toString()) };
}

test('a twin that changes: tags, desired, reported, removed and replaced', async () => {
  const id = 'mqtt', client = sdk.device(strings[id], 'mqtt');
  await registry.updateTwin(id, { tags: { room: 'cellar' } }, '*');
  let said = await changed(id, 1);
  assert.deepStrictEqual([said.opType, said.tags], ['updateTwin', { room: 'cellar' }]);
  await registry.updateTwin(id, { properties: { desired: { heat: 21, level: 1 } } }, '*');
  said = await changed(id, 2);
  assert.deepStrictEqual([said.properties.desired.heat, said.properties.desired.$version], [21, 2]);
  assert.ok(said.properties.desired.$metadata.heat.$lastUpdated);
  await client.open();
  const twin = await client.getTwin();
  const report = (patch) => new Promise((resolve, reject) => twin.properties.reported.update(patch, (e) => (e ? reject(e) : resolve())));
  await report({ heat: 20 });
  said = await changed(id, 3);
  assert.deepStrictEqual([said.properties.reported.heat, said.properties.reported.$version, said.version > 0], [20, 2, true]);
  await report({ heat: null });
  assert.strictEqual((await changed(id, 4)).properties.reported.heat, null);
  await client.close();
  const answer = await fetch(`https://localhost/twins/${id}?api-version=2021-04-12`, { method: 'PUT',
    headers: { Authorization: token(), 'Content-Type': 'application/json', 'If-Match': '"*"' },
    body: JSON.stringify({ tags: {}, properties: { desired: { level: 2 } } }) });
  assert.strictEqual(answer.status, 200);
  said = await changed(id, 5);
  assert.strictEqual(said.opType, 'replaceTwin');
  assert.deepStrictEqual([said.deviceId, said.properties.desired.level, said.properties.desired.heat], [id, 2, undefined]);
});

test('the twin of a module that changes', async () => {
  await registry.updateModuleTwin('host', 'pump', { properties: { desired: { rate: 1 } } }, '*');
  const said = await changed('host', 1);
  assert.deepStrictEqual([said.opType, said.moduleId, said.properties.desired.rate], ['updateTwin', 'pump', 1]);
});

test('over HTTPS nobody connects', async () => {
  const client = sdk.device(strings.https, 'https');
  await client.open();
  await client.sendEvent(sdk.message('here'));
  await client.close();
  await happened('https', 'createDeviceIdentity', undefined);
  assert.strictEqual(await connectionState('https'), 'Disconnected');
});

test('a job that is made, begins and ends, and modules that go with their device', async () => {
  const jobs = JobClient.fromConnectionString(hub.info.connection_strings.iothubowner);
  await jobs.scheduleTwinUpdate('told', "deviceId = 'https'", { etag: '*', tags: { floor: 1 } }, new Date(), 60);
  await happened('', 'createJob', 'startJob', 'completeJob');
  const { systemProperties, properties, body } = events.from('')[2];
  assert.strictEqual(systemProperties['iothub-message-source'], 'deviceJobLifecycleEvents');
  assert.strictEqual(properties.jobId, 'told');
  const job = JSON.parse(body.toString());
  assert.deepStrictEqual([job.jobId, job.type, job.status], ['told', 'scheduleUpdateTwin', 'completed']);
  assert.deepStrictEqual(job.deviceJobStatistics, { deviceCount: 1, failedCount: 0, succeededCount: 1 });
  await hub.devices('with-modules');
  for (const moduleId of ['a', 'b']) await registry.addModule({ deviceId: 'with-modules', moduleId });
  await registry.delete('with-modules');
  await happened('with-modules', ...Array(3).fill('createDeviceIdentity'), ...Array(3).fill('deleteDeviceIdentity'));
  assert.deepStrictEqual(events.from('with-modules').slice(3).map((e) => e.properties.moduleId).sort(), ['a', 'b', undefined]);
});

test('a hub that is killed tells when it is back whom it lost, once', async () => {
  const { NoRetry } = require('azure-iot-common');
  const clients = TRANSPORTS.map((transport) => sdk.device(strings[`lost-${transport}`], transport));
  for (const client of clients) {
    client.setRetryPolicy(new NoRetry());
    client.on('error', () => {});
    await client.open();
    await client.sendEvent(sdk.message('here'));
  }
  for (const transport of TRANSPORTS) await happened(`lost-${transport}`, 'createDeviceIdentity', 'deviceConnected', undefined);
  await events.close();
  await hub.stop('SIGKILL');
  await Promise.all(clients.map((client) => client.close().catch(() => {})));
  for (let time = 0; time < 2; time++) {
    await hub.start(...OPTIONS);
    events = sdk.events();
    for (const transport of TRANSPORTS) {
      await happened(`lost-${transport}`, 'createDeviceIdentity', 'deviceConnected', undefined, 'deviceDisconnected');
      assert.strictEqual(await connectionState(`lost-${transport}`), 'Disconnected');
    }
    if (!time) {
      await events.close();
      await hub.stop('SIGKILL');
    }
  }
});

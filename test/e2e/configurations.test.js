// Automatic configurations: the official registry client makes them, and a device hears what is desired of it.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { Registry } = require('azure-iothub');
const hub = require('./hub');
const sdk = require('./sdk');

let registry, strings;

before(async () => {
  await hub.start();
  registry = Registry.fromConnectionString(hub.info.connection_strings.iothubowner);
  strings = await hub.devices('cellar', 'attic');
});

after(async () => { assert.strictEqual(await hub.stop(), 0); });

const winter = (more = {}) => ({
  id: 'winter', schemaVersion: '1.0', labels: { season: 'winter' },
  content: { deviceContent: { 'properties.desired.heat': { on: true, degrees: 21.5 } } },
  targetCondition: "tags.room = 'cellar'", priority: 10, metrics: { queries: {} }, ...more,
});

test('create, get, list, update, remove', async () => {
  const { responseBody: made } = await registry.addConfiguration(winter());
  assert.deepStrictEqual(made.content, winter().content);
  assert.deepStrictEqual(made.labels, winter().labels);
  const { responseBody: got } = await registry.getConfiguration('winter');
  assert.strictEqual(got.etag, made.etag);
  const { responseBody: all } = await registry.getConfigurations();
  assert.deepStrictEqual(all.map((c) => c.id), ['winter']);
  const { responseBody: changed } = await registry.updateConfiguration({ ...got, priority: 11 });
  assert.strictEqual(changed.priority, 11);
  await assert.rejects(registry.updateConfiguration({ ...got, priority: 12 }), (e) => e.response.statusCode === 412);
  await registry.updateConfiguration({ ...got, priority: 12 }, true);
  await registry.removeConfiguration('winter');
  await assert.rejects(registry.getConfiguration('winter'), (e) => e.response.statusCode === 404);
});

test('a device hears what is desired of it when its tags change, and when the configuration goes', { timeout: 60000 }, async () => {
  await registry.addConfiguration(winter());
  const client = sdk.device(strings.cellar, 'mqtt');
  await client.open();
  const twin = await client.getTwin();
  const heard = [];
  twin.on('properties.desired', (patch) => heard.push(patch));
  await registry.updateTwin('cellar', { tags: { room: 'cellar' } }, '*');
  await hub.until(() => heard.some((p) => p.heat && p.heat.degrees === 21.5), 'what the configuration sets');
  const { responseBody: service } = await registry.getTwin('cellar');
  assert.strictEqual(service.properties.desired.$metadata.heat.degrees.$lastUpdatedBy, 'winter');
  const { responseBody: other } = await registry.getTwin('attic');
  assert.strictEqual(other.properties.desired.heat, undefined);
  await registry.removeConfiguration('winter');
  await hub.until(() => heard.some((p) => p.heat === null), 'that it goes with the configuration');
  await client.close();
});

test('the manifest of an edge device', async () => {
  await registry.create({ deviceId: 'gate', capabilities: { iotEdge: true } });
  const content = { modulesContent: { $edgeAgent: { 'properties.desired': { modules: { pump: { type: 'docker' } } } }, pump: { 'properties.desired': { rate: 2 } } } };
  await registry.applyConfigurationContentOnDevice('gate', content);
  const { responseBody: modules } = await registry.getModulesOnDevice('gate');
  assert.deepStrictEqual(modules.map((m) => m.moduleId).sort(), ['$edgeAgent', '$edgeHub', 'pump']);
  const { responseBody: twin } = await registry.getModuleTwin('gate', 'pump');
  assert.strictEqual(twin.properties.desired.rate, 2);
  await assert.rejects(registry.applyConfigurationContentOnDevice('attic', content), (e) => e.response.statusCode === 400);
});

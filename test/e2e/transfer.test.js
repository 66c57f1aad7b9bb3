// Import and export of the registry: the official service client starts, watches and cancels them; the files are in the
// hub's data folder.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { Registry, Twin } = require('azure-iothub');
const hub = require('./hub');

const folder = path.join(process.env.D2D_DATA, 'hub', 'blobs', 'box');
const container = 'https://store.blob.core.windows.net/box?sv=2026-01-01&sp=rwdl&sig=secret';
let registry;

before(async () => {
  await hub.start();
  registry = Registry.fromConnectionString(hub.info.connection_strings.iothubowner);
  await hub.devices('one', 'two', 'three');
  await registry.addModule({ deviceId: 'two', moduleId: 'm' });
  await registry.updateTwin('one', { tags: { floor: 3 }, properties: { desired: { level: 1 } } }, '*');
});

after(async () => { assert.strictEqual(await hub.stop(), 0); });

const body = (answer) => answer.responseBody || answer;
const lines = (name) => fs.readFileSync(path.join(folder, name), 'utf8').split('\r\n').filter(Boolean).map((line) => JSON.parse(line));

async function ended(job) {
  for (;;) {
    const now = body(await registry.getJob(job.jobId));
    if (['completed', 'failed', 'cancelled'].includes(now.status)) return now;
    assert.ok(['enqueued', 'running'].includes(now.status), now.status);
    await new Promise((done) => setTimeout(done, 100));
  }
}

// What the file is to hold when an import begins.
function put(entries) {
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'devices.txt'), entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
}

async function imported() {
  const job = body(await registry.importDevicesFromBlob(container, container));
  assert.strictEqual(job.type, 'import');
  assert.strictEqual((await ended(job)).status, 'completed');
}

test('the registry is exported with its keys', async () => {
  const job = body(await registry.exportDevicesToBlob(container, false));
  assert.strictEqual(job.type, 'export');
  assert.strictEqual(job.outputBlobContainerUri, 'https://store.blob.core.windows.net/box');
  const end = await ended(job);
  assert.deepStrictEqual([end.status, end.progress, end.failureReason], ['completed', 100, null]);
  const all = lines('devices.txt');
  assert.deepStrictEqual(all.map((line) => [line.id, line.moduleId]),
    [['one', undefined], ['three', undefined], ['two', undefined], ['two', 'm']]);
  const { responseBody: one } = await registry.get('one');
  assert.strictEqual(all[0].authentication.symmetricKey.primaryKey, one.authentication.symmetricKey.primaryKey);
  assert.deepStrictEqual([all[0].tags.floor, all[0].properties.desired.level], [3, 1]);
  assert.strictEqual(fs.statSync(path.join(folder, 'devices.txt')).mode & 0o77, 0);
});

test('and without them', async () => {
  assert.strictEqual((await ended(body(await registry.exportDevicesToBlob(container, true)))).status, 'completed');
  assert.ok(lines('devices.txt').every((line) => line.authentication === null));
});

test('what was exported comes back with its keys and twins', async () => {
  const { responseBody: was } = await registry.get('one');
  await ended(body(await registry.exportDevicesToBlob(container, false)));
  for (const id of ['one', 'two', 'three']) await registry.delete(id);
  await imported();
  assert.deepStrictEqual(lines('importErrors.log'), []);
  const { responseBody: is } = await registry.get('one');
  assert.deepStrictEqual(is.authentication, was.authentication);
  assert.strictEqual(body(await registry.getModule('two', 'm')).moduleId, 'm');
  const twin = (await registry.getTwin('one')).responseBody;
  assert.ok(twin instanceof Twin);
  assert.deepStrictEqual([twin.tags.floor, twin.properties.desired.level], [3, 1]);
});

test('lines change, delete and fail, each apart from the others', async () => {
  put([{ id: 'one', importMode: 'update', status: 'disabled' },
    { id: 'two', importMode: 'delete' },
    { id: 'three', importMode: 'create' },
    { id: 'four', importMode: 'createOrUpdate', authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: 'A'.repeat(40) } } }]);
  await imported();
  assert.deepStrictEqual(lines('importErrors.log').map((line) => [line.line, line.deviceId, line.errorCode]), [[3, 'three', '409001']]);
  assert.strictEqual(body(await registry.get('one')).status, 'disabled');
  assert.strictEqual(body(await registry.get('four')).authentication.type, 'selfSigned');
  await assert.rejects(registry.get('two'), { name: 'DeviceNotFoundError' });
});

test('an import that is killed goes on, and does no line twice', async () => {
  const n = 3000;
  put([...Array(n).keys()].map((i) => ({ id: `killed-${i}`, importMode: 'create', tags: { i } })));
  let job = body(await registry.importDevicesFromBlob(container, container)), kills = 0;
  for (;;) {
    job = body(await registry.getJob(job.jobId));
    if (job.status === 'completed') break;
    assert.ok(['enqueued', 'running'].includes(job.status), `${job.status}: ${job.failureReason}`);
    if (job.progress > 20 * kills && kills < 4) {
      await hub.stop('SIGKILL');
      await hub.start();
      kills++;
    }
  }
  assert.ok(kills > 0);
  assert.deepStrictEqual(lines('importErrors.log'), []);
  assert.strictEqual(body(await registry.getRegistryStatistics()).totalDeviceCount, n + 3);
});

// The official client has no method for a job with configurations; its own client of the API takes any body.
async function transfer(properties) {
  const headers = { 'Content-Type': 'application/json; charset=utf-8' };
  return new Promise((resolve, reject) => {
    registry._restApiClient.executeApiCall('POST', '/jobs/create?api-version=2021-04-12', headers, properties,
      (error, job) => (error ? reject(error) : resolve(job)));
  });
}

test('configurations are exported, deleted and imported, with a log of those that fail', async () => {
  const winter = { id: 'winter', labels: { season: 'winter' }, priority: 5, targetCondition: 'tags.floor = 3', metrics: { queries: {} },
    content: { deviceContent: { 'properties.desired.heat': 21.5 } } };
  const { responseBody: was } = await registry.addConfiguration(winter);
  const started = await transfer({ type: 'export', outputBlobContainerUri: container, includeConfigurations: true, configurationsBlobName: 'settings.txt' });
  assert.deepStrictEqual([started.includeConfigurations, started.configurationsBlobName], [true, 'settings.txt']);
  assert.strictEqual((await ended(started)).status, 'completed');
  const [line] = lines('settings.txt');
  assert.deepStrictEqual([line.id, line.etag, line.content, line.labels], ['winter', was.etag, winter.content, winter.labels]);
  await registry.removeConfiguration('winter');
  put([]);
  fs.appendFileSync(path.join(folder, 'settings.txt'), [
    { ...winter, importMode: 'create' },
    { ...winter, id: 'spring', importMode: 'createOrUpdateIfMatchETag' }].map((one) => `${JSON.stringify(one)}\n`).join(''));
  assert.strictEqual((await ended(await transfer({ type: 'import', inputBlobContainerUri: container, outputBlobContainerUri: container,
    includeConfigurations: true, configurationsBlobName: 'settings.txt' }))).status, 'completed');
  assert.deepStrictEqual(lines('importConfigErrors.log').map((one) => [one.line, one.configurationId, one.errorCode]), [[2, 'winter', '409401']]);
  assert.deepStrictEqual(body(await registry.getConfiguration('winter')).content, winter.content);
  assert.strictEqual(body(await registry.getConfiguration('spring')).priority, 5);
  await registry.updateTwin('three', { tags: { floor: 3 } }, '*');
  while (body(await registry.getTwin('three')).properties.desired.heat !== 21.5) await new Promise((done) => setTimeout(done, 100));
  await registry.removeConfiguration('winter');
  await registry.removeConfiguration('spring');
});

test('an import of configurations that is killed goes on, and makes none twice', async () => {
  put([...Array(1500).keys()].map((i) => ({ id: `beside-${i}`, importMode: 'create' })));
  fs.writeFileSync(path.join(folder, 'configurations.txt'), [...Array(90).keys()].map((i) =>
    `${JSON.stringify({ id: `c-${i}`, importMode: 'create', content: { deviceContent: { [`properties.desired.c${i}`]: i } } })}\n`).join(''));
  let job = await transfer({ type: 'import', inputBlobContainerUri: container, outputBlobContainerUri: container, includeConfigurations: true }), kills = 0;
  for (;;) {
    job = body(await registry.getJob(job.jobId));
    if (job.status === 'completed') break;
    assert.ok(['enqueued', 'running'].includes(job.status), `${job.status}: ${job.failureReason}`);
    if (job.progress > 20 * kills && kills < 5) {
      await hub.stop('SIGKILL');
      await hub.start();
      kills++;
    }
  }
  assert.ok(kills > 0);
  assert.deepStrictEqual([lines('importErrors.log'), lines('importConfigErrors.log')], [[], []]);
  assert.strictEqual(body(await registry.getConfigurations()).length, 90);
  for (let i = 0; i < 90; i++) await registry.removeConfiguration(`c-${i}`);
});

test('one at a time, cancelled, listed, unknown', async () => {
  put([...Array(20000).keys()].map((i) => ({ id: `many-${i}` })));
  const job = body(await registry.importDevicesFromBlob(container, container));
  await assert.rejects(registry.exportDevicesToBlob(container, false), (error) => error.response.statusCode === 403);
  await registry.cancelJob(job.jobId);
  assert.strictEqual(body(await registry.getJob(job.jobId)).status, 'cancelled');
  const all = body(await registry.listJobs());
  assert.strictEqual(all[all.length - 1].jobId, job.jobId);
  await assert.rejects(registry.getJob('nobody'), (error) => error.response.statusCode === 404);
});

test('a container that leads elsewhere is refused', async () => {
  for (const uri of ['https://store.test/..', 'https://store.test/box/..', 'https://store.test/%2e%2e', 'file:///etc', 'https://store.test/'])
    await assert.rejects(registry.exportDevicesToBlob(uri, false), (error) => error.response.statusCode === 400);
  assert.deepStrictEqual(fs.readdirSync(path.dirname(folder)), ['box']);
});

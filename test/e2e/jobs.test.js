// Jobs and queries: the official service client schedules, cancels and asks, devices of the official client answer.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { JobClient, Registry } = require('azure-iothub');
const hub = require('./hub');
const sdk = require('./sdk');

let strings, jobs, registry;

before(async () => {
  await hub.start();
  strings = await hub.devices('one', 'two', 'away');
  const connection = hub.info.connection_strings.iothubowner;
  jobs = JobClient.fromConnectionString(connection);
  registry = Registry.fromConnectionString(connection);
});

after(async () => { assert.strictEqual(await hub.stop(), 0); });

const body = (answer) => answer.jobStatus || answer.responseBody || answer;

// The job as it is when it has ended: no state but these comes before.
async function ended(id) {
  for (;;) {
    const job = body(await jobs.getJob(id));
    if (['completed', 'failed', 'cancelled'].includes(job.status)) return job;
    assert.ok(['queued', 'scheduled', 'running'].includes(job.status), job.status);
    await new Promise((done) => setTimeout(done, 200));
  }
}

// Without a token its next() asks for the first page again.
async function rowsOf(text) {
  const query = registry.createQuery(text, 1), rows = [];
  while (query.hasMoreResults) rows.push(...(await query.next(query.continuationToken)).result);
  return rows;
}

test('a twin is changed on the devices that a condition selects', async () => {
  const created = body(await jobs.scheduleTwinUpdate('twins', "deviceId IN ['one', 'two']",
    { etag: '*', tags: { floor: 3 }, properties: { desired: { level: 1 } } }, new Date(), 60));
  assert.strictEqual(created.status, 'queued');
  const job = await ended('twins');
  assert.strictEqual(job.status, 'completed');
  assert.deepStrictEqual(job.deviceJobStatistics,
    { deviceCount: 2, failedCount: 0, succeededCount: 2, runningCount: 0, pendingCount: 0 });
  assert.deepStrictEqual(await rowsOf('SELECT deviceId, tags.floor FROM devices WHERE tags.floor = 3 AND properties.desired.level = 1'),
    [{ deviceId: 'one', floor: 3 }, { deviceId: 'two', floor: 3 }]);
});

test('a method is called on those that are there, and on those that come in time', async () => {
  const answering = async (name) => {
    const client = sdk.device(strings[name], 'mqtt');
    await client.open();
    client.onDeviceMethod('open', (request, response) => response.send(200, { by: name, how: request.payload }));
    return client;
  };
  const one = await answering('one');
  await jobs.scheduleDeviceMethod('methods', "deviceId IN ['one', 'two', 'away']",
    { methodName: 'open', payload: 'wide', responseTimeoutInSeconds: 30 }, new Date(), 8);
  const two = await answering('two');
  const job = await ended('methods');
  assert.strictEqual(job.status, 'completed');
  assert.deepStrictEqual([job.deviceJobStatistics.succeededCount, job.deviceJobStatistics.failedCount], [2, 1]);
  const rows = await rowsOf("SELECT * FROM devices.jobs WHERE devices.jobs.jobId = 'methods'");
  assert.deepStrictEqual(rows.map((row) => [row.deviceId, row.status]), [['away', 'failed'], ['one', 'completed'], ['two', 'completed']]);
  assert.deepStrictEqual(rows[1].outcome.deviceMethodResponse, { status: 200, payload: { by: 'one', how: 'wide' } });
  await one.close();
  await two.close();
});

test('several jobs at once, and calls between them', async () => {
  const service = sdk.service(), client = sdk.device(strings.one, 'amqp');
  await client.open();
  client.onDeviceMethod('open', (request, response) => response.send(200, request.payload));
  const names = ['at-once-1', 'at-once-2', 'at-once-3'];
  await Promise.all(names.map((name) => jobs.scheduleDeviceMethod(name, "deviceId = 'one'",
    { methodName: 'open', payload: name, responseTimeoutInSeconds: 30 }, new Date(), 30)));
  for (let n = 0; n < 5; n++) {
    const { result } = await service.invokeDeviceMethod('one', { methodName: 'open', payload: n, responseTimeoutInSeconds: 15, connectTimeoutInSeconds: 15 });
    assert.strictEqual(result.payload, n);
  }
  for (const name of names) {
    assert.strictEqual((await ended(name)).status, 'completed');
    const [row] = await rowsOf(`SELECT * FROM devices.jobs WHERE devices.jobs.jobId = '${name}'`);
    assert.deepStrictEqual(row.outcome.deviceMethodResponse, { status: 200, payload: name });
  }
  await client.close();
});

test('a job that selects nobody completes', async () => {
  await jobs.scheduleTwinUpdate('nobody', "DeviceId IN ['nobody']", { etag: '*', tags: { a: 1 } }, new Date(), 60);
  const job = await ended('nobody');
  assert.deepStrictEqual([job.status, job.deviceJobStatistics.deviceCount], ['completed', 0]);
});

test('a condition that is none is taken, and its job fails with the reason', async () => {
  await jobs.scheduleTwinUpdate('whole-select', "SELECT * FROM devices WHERE deviceId = 'one'", { etag: '*', tags: { a: 1 } }, new Date(), 60);
  const job = await ended('whole-select');
  assert.strictEqual(job.status, 'failed');
  assert.ok(job.failureReason);
});

test('a job that waits for its time is cancelled', async () => {
  const start = new Date(Date.now() + 3600000);
  assert.strictEqual(body(await jobs.scheduleTwinUpdate('later', "deviceId = 'one'", { etag: '*', tags: { never: 1 } }, start, 60)).status, 'queued');
  assert.strictEqual(body(await jobs.getJob('later')).status, 'scheduled');
  assert.strictEqual(body(await jobs.cancelJob('later')).status, 'cancelled');
  assert.strictEqual(body(await jobs.getJob('later')).status, 'cancelled');
});

test('jobs are listed by type and status, in pages', async () => {
  const query = jobs.createQuery('scheduleUpdateTwin', 'cancelled', 1), ids = [];
  while (query.hasMoreResults) ids.push(...(await query.next(query.continuationToken)).result.map((job) => job.jobId));
  assert.deepStrictEqual(ids, ['later']);
});

test('rows of a query are twins of the client, in pages that end exactly', async () => {
  const query = registry.createQuery("SELECT * FROM devices WHERE deviceId IN ['one', 'two']", 2);
  const { result } = await query.nextAsTwin();
  assert.deepStrictEqual(result.map((twin) => twin.tags), [{ floor: 3 }, { floor: 3 }]);
  assert.strictEqual(result[0].properties.desired.level, 1);
  assert.ok(result[0].properties.desired.$metadata.level.$lastUpdated);
  assert.strictEqual(query.hasMoreResults, false);
});

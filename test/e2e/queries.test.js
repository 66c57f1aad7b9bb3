// Queries as programs and tools write them, asked by the official registry client: a test for each text.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { Registry } = require('azure-iothub');
const hub = require('./hub');

let registry, upper;

before(async () => {
  await hub.start();
  registry = Registry.fromConnectionString(hub.info.connection_strings.iothubowner);
  upper = (await registry.create({ deviceId: 'upper', capabilities: { iotEdge: true } })).responseBody;
  await registry.create({ deviceId: 'leaf', deviceScope: upper.deviceScope });
  await registry.addDevices(['x1', 'x2', 'x3'].map((deviceId, n) => ({
    deviceId, tags: { floor: n < 2 ? 1 : 2, 'two-words': n }, properties: { desired: { 'key-1a2b': n < 2 ? 'on' : 'off', runId: n } },
  })));
  await registry.addModule({ deviceId: 'x1', moduleId: 'pump' });
  await registry.updateTwin('x1', { properties: { desired: { 'azureiot*com^dtracing^1': { sampling_mode: 1, sampling_rate: 20 } } } }, '*');
});

after(async () => { assert.strictEqual(await hub.stop(), 0); });

async function rows(text, size) {
  const query = registry.createQuery(text, size), all = [];
  while (query.hasMoreResults) all.push(...(await query.next(query.continuationToken)).result);
  return all;
}

const ids = (...names) => names.map((deviceId) => ({ deviceId }));
const X = ids('x1', 'x2', 'x3');
const DEVICES = 5;

// What is asked, and what comes: rows, or a function that looks at them.
const TEXTS = {
  "select * from devices where deviceId = 'x1' OR deviceId = 'x3'": (all) => assert.deepStrictEqual(all.map((r) => r.deviceId), ['x1', 'x3']),
  'SELECT COUNT() as TotalNumberOfDevices FROM devices': [{ TotalNumberOfDevices: DEVICES }],
  'select count() AS numberOfDevices from devices': [{ numberOfDevices: DEVICES }],
  "select deviceId from devices where not startswith(deviceId, 'x') and not startswith(deviceId, 'leaf')": ids('upper'),
  "SELECT deviceId FROM devices WHERE STARTSWITH(id, 'x')": X,
  "SELECT deviceId FROM devices WHERE ENDSWITH(deviceId, '2')": ids('x2'),
  'SELECT deviceId, connectionState FROM devices where is_defined(properties.reported.runId)': [],
  'SELECT deviceId, connectionState FROM devices where is_defined(properties.desired.runId)':
    X.map((row) => ({ ...row, connectionState: 'Disconnected' })),
  'SELECT deviceId, moduleId, connectionState FROM devices.modules where is_defined(connectionState) and moduleId = \'pump\'':
    [{ deviceId: 'x1', moduleId: 'pump', connectionState: 'Disconnected' }],
  'SELECT * FROM devices.jobs': [],
  "SELECT deviceId FROM devices WHERE DeviceId IN ['x1', 'x2']": ids('x1', 'x2'),
  "SELECT DeviceId, Status FROM devices WHERE deviceId = 'x1'": [{ deviceId: 'x1', status: 'enabled' }],
  "SELECT deviceId AS Id FROM devices WHERE deviceId = 'x1'": [{ Id: 'x1' }],
  'SELECT properties.desired.key-1a2b AS key-1a2b, COUNT() AS numberOfDevices FROM devices  WHERE is_defined(properties.desired.key-1a2b) GROUP BY properties.desired.key-1a2b ':
    (all) => assert.deepStrictEqual(all.sort((a, b) => a.numberOfDevices - b.numberOfDevices),
      [{ 'key-1a2b': 'off', numberOfDevices: 1 }, { 'key-1a2b': 'on', numberOfDevices: 2 }]),
  'SELECT deviceId FROM devices WHERE tags.two-words = 2': ids('x3'),
  'SELECT deviceId FROM devices WHERE tags.[[two-words]] = 2': ids('x3'),
  'SELECT deviceId /* the first */ FROM devices WHERE tags.floor = 2': ids('x3'),
  "select deviceId, moduleId from devices.modules where devices.deviceId='x1'": [{ deviceId: 'x1', moduleId: 'pump' }],
  "select moduleId from devices.modules where deviceId = 'upper'": [{ moduleId: '$edgeAgent' }, { moduleId: '$edgeHub' }],
  "SELECT TOP 2 deviceId FROM devices WHERE STARTSWITH(deviceId, 'x')": ids('x1', 'x2'),
  'SELECT SUM(properties.desired.runId) AS s, MIN(properties.desired.runId) AS low, MAX(properties.desired.runId) AS high, AVG(properties.desired.runId) AS mean FROM devices':
    [{ s: 3, low: 0, high: 2, mean: 1 }],
  "SELECT deviceId FROM devices WHERE tags.floor != 1 AND STARTSWITH(deviceId, 'x')": ids('x3'),
  'SELECT deviceId FROM devices WHERE properties.desired.runId >= 1 AND properties.desired.runId < 2': ids('x2'),
  'SELECT deviceId FROM devices WHERE capabilities.iotEdge = true': ids('upper'),
  "SELECT properties.desired.[[azureiot*com^dtracing^1]].sampling_rate AS rate FROM devices WHERE deviceId = 'x1'": [{ rate: 20 }],
  'SELECT * FROM devices WHERE tags.floor = 1': (all) => {
    for (const row of all) {
      for (const member of ['authenticationType', 'x509Thumbprint', 'capabilities', 'etag', 'version', 'cloudToDeviceMessageCount'])
        assert.ok(member in row, member);
      for (const section of ['desired', 'reported'])
        assert.ok(row.properties[section].$metadata && row.properties[section].$version >= 1);
    }
    assert.strictEqual(all.length, 2);
  },
};

for (const [text, wanted] of Object.entries(TEXTS)) {
  test(`query: ${text.trim()}`, async () => {
    const all = await rows(text, 100);
    if (typeof wanted === 'function') wanted(all);
    else assert.deepStrictEqual(all, wanted);
  });
}

test('query: the children of an edge device, by array_contains', async () => {
  assert.deepStrictEqual(await rows(`select deviceId from devices where array_contains(parentScopes, '${upper.deviceScope}')`, 100), ids('leaf'));
});

test('a page holds exactly as many rows as were asked for, and the last one has no continuation', async () => {
  for (const [size, pages] of [[1, 3], [2, 2], [3, 1], [100, 1]]) {
    const query = registry.createQuery("SELECT deviceId FROM devices WHERE STARTSWITH(deviceId, 'x')", size), all = [];
    while (query.hasMoreResults) all.push((await query.next(query.continuationToken)).result);
    assert.deepStrictEqual(all.flat(), X);
    assert.deepStrictEqual([all.length, all[0].length], [pages, Math.min(size, 3)]);
  }
});

for (const text of ['SELECT * FROM', 'SELECT * FROM c', 'SELECT FROM devices', 'x'.repeat(9000)]) {
  test(`query: ${text.slice(0, 60)} is refused`, async () => {
    await assert.rejects(registry.createQuery(text, 10).next(), { name: 'ArgumentError' });
  });
}

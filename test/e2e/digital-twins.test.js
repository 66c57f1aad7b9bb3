// Digital twins: the official DigitalTwinClient and a device of the official device client that says its model.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { DigitalTwinClient, IoTHubTokenCredentials } = require('azure-iothub');
const hub = require('./hub');
const sdk = require('./sdk');

const MODEL = 'dtmi:example:Room;1';
let service, client, twin;

before(async () => {
  await hub.start();
  const strings = await hub.devices('room', 'plain');
  service = new DigitalTwinClient(new IoTHubTokenCredentials(hub.info.connection_strings.iothubowner));
  client = sdk.device(strings.room, 'mqtt');
  await client.setOptions({ modelId: MODEL });
  await client.open();
  twin = await client.getTwin();
});

after(async () => {
  await client.close();
  assert.strictEqual(await hub.stop(), 0);
});

const body = async (id) => (await service.getDigitalTwin(id)).body || (await service.getDigitalTwin(id));
const report = (patch) => new Promise((done, failed) => {
  twin.properties.reported.update(patch, (e) => (e ? failed(e) : done()));
});

test('a device has its model, properties and components', async () => {
  await report({ serial: 'a1', target: { value: 20, ac: 200, av: 1, ad: 'done' }, heater: { __t: 'c', power: 3 } });
  const room = await body('room');
  assert.strictEqual(room.$dtId, 'room');
  assert.strictEqual(room.$metadata.$model, MODEL);
  assert.strictEqual(room.serial, 'a1');
  assert.strictEqual(room.target, 20);
  assert.strictEqual(room.$metadata.target.ackCode, 200);
  assert.strictEqual(room.heater.power, 3);
  assert.ok(room.heater.$metadata.power.lastUpdateTime);
  assert.deepStrictEqual((await body('plain')).$metadata, { $model: '' });
});

test('a patch reaches the device', async () => {
  const heard = [];
  twin.on('properties.desired', (patch) => heard.push(patch));
  await service.updateDigitalTwin('room', [
    { op: 'add', path: '/target', value: 21 },
    { op: 'add', path: '/heater', value: { power: 4, $metadata: {} } },
  ]);
  const came = (p) => p.target === 21 && p.heater.power === 4 && p.heater.__t === 'c';
  await hub.until(() => heard.some(came), 'what is desired');
  assert.strictEqual((await body('room')).$metadata.target.desiredValue, 21);
  await assert.rejects(service.updateDigitalTwin('room', [{ op: 'remove', path: '/target' }], '"old"'),
    (e) => (e.statusCode || e.response.status) === 412);
});

test('commands of a device and of its component', async () => {
  client.onDeviceMethod('reboot', (request, response) => response.send(201, { after: request.payload.delay }));
  client.onDeviceMethod('heater*off', (request, response) => response.send(200, null));
  const options = { connectTimeoutInSeconds: 15, responseTimeoutInSeconds: 15 };
  const said = await service.invokeCommand('room', 'reboot', { delay: 3 }, options);
  assert.strictEqual(Number(said.xMsCommandStatuscode || said.statusCode), 201);
  assert.deepStrictEqual(said.payload || said.body, { after: 3 });
  await service.invokeComponentCommand('room', 'heater', 'off', {}, options);
});

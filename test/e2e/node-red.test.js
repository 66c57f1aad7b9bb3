// The hub nodes of Node-RED (node-red-contrib-azure-iot-hub, with the SDKs of 2016 that it pins): the code of the
// nodes themselves, run by a host that gives them what Node-RED would: events, a status, a log, credentials.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { EventEmitter } = require('node:events');
const hub = require('./hub');
const { service } = require('./sdk');

const kinds = {};
const running = [];

class Node extends EventEmitter {
  constructor(config, credentials) {
    super();
    Object.assign(this, { config, credentials, sent: [], errors: [], logged: [], shown: [] });
    running.push(this);
  }
  send(message) { this.sent.push(message); }
  error(text) { this.errors.push(text); }
  log(text) { this.logged.push(text); }
  status(what) { this.shown.push(what.text); }
}

// Where the package says that its nodes are.
const about = require('node-red-contrib-azure-iot-hub/package.json');
require(`node-red-contrib-azure-iot-hub/${about['node-red'].nodes.Azure}`)({
  nodes: {
    createNode() { },
    registerType(name, make) { kinds[name] = make; },
  },
});

function start(kind, config, credentials) {
  const node = new Node(config, credentials);
  kinds[kind].call(node, config);
  return node;
}

const { connection_strings: strings, event_hub_connection_string: eventHubString } = hub.info;
let keys;

before(async () => {
  await hub.start();
  const made = await hub.devices('red-amqp', 'red-amqpWs', 'red-mqtt', 'red-http');
  keys = Object.fromEntries(Object.entries(made).map(([id, text]) => [id, /SharedAccessKey=(.*)$/.exec(text)[1]]));
});

after(async () => {
  for (const node of running) node.emit('close');
  assert.strictEqual(await hub.stop(), 0);
});

const problem = (node) => () => `${node.errors.join('; ')} | ${node.logged.slice(-3).join('; ')}`;

async function until(condition, what, node) {
  try {
    await hub.until(condition, what, 20000);
  } catch (e) {
    throw new Error(`${e.message}: ${problem(node)()}`);
  }
}

test('Node-RED, HTTPS: the registry node makes a device', async () => {
  const node = start('azureiothubregistry', {}, { connectionString: strings.iothubowner });
  node.emit('input', { payload: '{"deviceId":"red-made"}' });
  await until(() => node.sent.length || node.errors.length, 'the device', node);
  assert.deepStrictEqual(node.errors, []);
  assert.match(node.sent[0], /^Device ID: red-made - primaryKey: .{44} - secondaryKey: .{44}$/);
});

test('Node-RED, HTTPS: the twin node lists devices', async () => {
  const node = start('azureiothubdevicetwin', {}, { connectionString: strings.iothubowner });
  node.emit('input', { payload: 'red-mqtt' });
  await until(() => node.sent.length, 'the list', node);
  assert.strictEqual(node.sent[0].error, undefined);
  assert.deepStrictEqual(node.sent[0].payload.map((twin) => twin.deviceId), ['red-mqtt']);
});

for (const protocol of ['mqtt', 'amqp', 'amqpWs', 'http']) {
  test(`Node-RED, ${protocol}: the hub node sends, the receiver node hears it`, async () => {
    const id = `red-${protocol}`;
    const receiver = start('azureiothubreceiver', {}, { connectionString: eventHubString });
    await until(() => receiver.shown.includes('Connected'), 'the receiver', receiver);
    const node = start('azureiothub', { protocol }, { hostname: 'localhost' });
    node.emit('input', { payload: { deviceId: id, key: keys[id], protocol, data: { temperature: 21, from: id } } });
    await until(() => node.shown.includes('Sent message') || node.errors.length, 'the message to be sent', node);
    assert.deepStrictEqual(node.errors, []);
    const mine = () => receiver.sent.filter((m) => m.deviceId === id);
    await until(() => mine().length, 'the event', receiver);
    assert.deepStrictEqual(mine()[0].payload, { temperature: 21, from: id });
    if (protocol !== 'http') {
      const client = service();
      await client.open();
      await client.send(id, 'open the door');
      await client.close();
      await until(() => node.sent.some((m) => m.payload && m.payload.toString() === 'open the door'), 'the command', node);
      await until(() => node.logged.some((line) => line.startsWith('Completed status')), 'its completion', node);
    }
    node.emit('close');
    receiver.emit('close');
  });
}

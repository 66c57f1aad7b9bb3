// azure-iot-device with certificates, registered with azure-iothub: self-signed by thumbprint, and signed by a CA of the hub.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { Client, Message } = require('azure-iot-device');
const { TRANSPORTS } = require('./sdk');
const { Registry } = require('azure-iothub');
const { EventHubConsumerClient, earliestEventPosition } = require('@azure/event-hubs');
const hub = require('./hub');

const folder = path.join(process.env.D2D_DATA, 'certificates');
const file = (name) => path.join(folder, name);
const run = (command, ...args) => execFileSync(command, args, { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' });
const d2d = (...args) => run(path.join(process.env.D2D_BUILD, 'd2d'), ...args);
const events = [];
let registry, consumer, subscription;

before(async () => {
  fs.mkdirSync(folder);
  await hub.start();
  registry = Registry.fromConnectionString(hub.info.connection_strings.iothubowner);
  consumer = new EventHubConsumerClient('$Default', hub.info.event_hub_connection_string);
  subscription = consumer.subscribe({
    processEvents: async (batch) => { events.push(...batch); },
    processError: async (error) => { throw error; },
  }, { startPosition: earliestEventPosition, skipParsingBodyAsJson: true });
});

after(async () => {
  await subscription.close();
  await consumer.close();
  assert.strictEqual(await hub.stop(), 0);
});

const from = (id) => events.filter((e) => e.systemProperties['iothub-connection-device-id'] === id);

// The SHA-1 thumbprint, as the portal wants it, and what the SDK wants.
function selfSigned(name) {
  const made = JSON.parse(d2d('device', 'cert', name, '--out', file(name), '-o', 'json'));
  const thumbprint = run('openssl', 'x509', '-in', made.certFile, '-noout', '-fingerprint', '-sha1')
    .trim().split('=')[1].replaceAll(':', '');
  return { thumbprint, cert: fs.readFileSync(made.certFile, 'utf8'), key: fs.readFileSync(made.keyFile, 'utf8') };
}

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

function authority(name) {
  run('openssl', 'req', '-x509', ...curve, '-keyout', file(`${name}-key.pem`), '-out', file(`${name}.pem`), '-subj', `/CN=${name}`,
    '-days', '2');
}

// Signed by `above`; `extensions` make it an authority itself.
function signed(above, name, extensions) {
  const more = [];
  run('openssl', 'req', ...curve, '-keyout', file(`${name}-key.pem`), '-out', file('request.pem'), '-subj', `/CN=${name}`);
  if (extensions) {
    fs.writeFileSync(file('extensions'), extensions);
    more.push('-extfile', file('extensions'));
  }
  run('openssl', 'x509', '-req', '-in', file('request.pem'), '-CA', file(`${above}.pem`), '-CAkey', file(`${above}-key.pem`),
    '-days', '2', '-out', file(`${name}.pem`), ...more);
}

function clientOf(deviceId, options, transport = 'mqtt') {
  const client = Client.fromConnectionString(`HostName=localhost;DeviceId=${deviceId};x509=true`, TRANSPORTS[transport]);
  client.setRetryPolicy({ shouldRetry: () => false, nextRetryTimeout: () => 0 });
  const set = client.setOptions(options).then(() => client);
  return transport === 'https' ? client : set; // that client sets them and never says so
}

async function talks(deviceId, options, transport) {
  const before = from(deviceId).length;
  const client = await clientOf(deviceId, options, transport);
  await client.open();
  await client.sendEvent(new Message('with a certificate'));
  await hub.until(() => from(deviceId).length > before, 'the message');
  return client;
}

// Over HTTPS nothing happens before the first message.
const isRefused = async (deviceId, options, transport) => {
  const client = await clientOf(deviceId, options, transport);
  await assert.rejects(client.open().then(() => client.sendEvent(new Message('x'))), (error) => /Unauthorized|Not authorized/i.test(`${error.name} ${error.message}`));
};

test('a self-signed certificate comes in by its thumbprint until that changes', async () => {
  const [one, two] = [selfSigned('one'), selfSigned('two')];
  await registry.create({
    deviceId: 'by-hash', authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: one.thumbprint.toLowerCase() } },
  });
  await isRefused('by-hash', two);
  const client = await talks('by-hash', one);
  assert.match(from('by-hash')[0].systemProperties['iothub-connection-auth-method'], /x509/i);

  const lost = new Promise((resolve) => client.on('disconnect', resolve));
  const { responseBody: device } = await registry.get('by-hash');
  device.authentication.x509Thumbprint.primaryThumbprint = two.thumbprint;
  await registry.update(device);
  await lost;
  await isRefused('by-hash', one);
  await (await talks('by-hash', two)).close();
});

test('a chain leads to a CA certificate of the hub', async () => {
  authority('root');
  signed('root', 'lower', 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign');
  signed('lower', 'by-ca');
  const chain = {
    cert: fs.readFileSync(file('by-ca.pem'), 'utf8') + fs.readFileSync(file('lower.pem'), 'utf8'),
    key: fs.readFileSync(file('by-ca-key.pem'), 'utf8'),
  };
  await registry.create({ deviceId: 'by-ca', authentication: { type: 'certificateAuthority' } });
  await isRefused('by-ca', chain);

  const added = JSON.parse(d2d('ca', 'add', 'factory', file('root.pem'), '-o', 'json'));
  await isRefused('by-ca', chain);
  signed('root', added.verificationCode);
  d2d('ca', 'verify', 'factory', file(`${added.verificationCode}.pem`));
  await isRefused('by-ca', { cert: fs.readFileSync(file('by-ca.pem'), 'utf8'), key: chain.key });
  const client = await talks('by-ca', chain);

  const lost = new Promise((resolve) => client.on('disconnect', resolve));
  d2d('ca', 'rm', 'factory');
  await lost;
  await isRefused('by-ca', chain);
});

for (const transport of Object.keys(TRANSPORTS)) {
  test(`${transport}: a certificate is checked as everywhere`, async () => {
    const id = `hash-${transport}`, [right, wrong] = [selfSigned(`right-${transport}`), selfSigned(`wrong-${transport}`)];
    await registry.create({
      deviceId: id, authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: right.thumbprint } },
    });
    await (await talks(id, right, transport)).close();
    await isRefused(id, wrong, transport);
    assert.match(from(id)[0].systemProperties['iothub-connection-auth-method'], /x509Certificate/);
  });
}

for (const transport of ['mqtt', 'mqtt-ws']) { // over AMQP this client says no model
  test(`${transport}: the model of a device with a certificate is in its twin when it is open`, async () => {
    const id = `model-${transport}`, options = selfSigned(id), modelId = `dtmi:com:example:${transport.replace('-', '_')};1`;
    await registry.create({ deviceId: id, authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: options.thumbprint } } });
    const client = await clientOf(id, { ...options, modelId }, transport);
    await client.open();
    const { responseBody: twin } = await registry.getTwin(id);
    assert.deepStrictEqual([twin.modelId, twin.authenticationType], [modelId, 'selfSigned']);
    assert.strictEqual(twin.x509Thumbprint.primaryThumbprint.toUpperCase(), options.thumbprint);
    await client.close();
  });
}

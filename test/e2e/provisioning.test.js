// azure-iot-provisioning-service enrolls, azure-iot-provisioning-device registers over each of its protocols, and the device that
// came out of it connects to the hub and sends.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const crypto = require('node:crypto');
const { ProvisioningServiceClient } = require('azure-iot-provisioning-service');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { X509Security } = require('azure-iot-security-x509');
const { Client, Message } = require('azure-iot-device');
const { Registry } = require('azure-iothub');
const { Mqtt } = require('azure-iot-device-mqtt');
const hub = require('./hub');
const sdk = require('./sdk');

const every = {
  https: require('azure-iot-provisioning-device-http').Http,
  mqtt: require('azure-iot-provisioning-device-mqtt').Mqtt,
  'mqtt-ws': require('azure-iot-provisioning-device-mqtt').MqttWs,
  amqp: require('azure-iot-provisioning-device-amqp').Amqp,
  'amqp-ws': require('azure-iot-provisioning-device-amqp').AmqpWs,
};
const transports = Object.entries(every);
const folder = path.join(process.env.D2D_DATA, 'certificates');
const file = (name) => path.join(folder, name);
const run = (command, ...args) => execFileSync(command, args, { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' });
let service, registry, events;

before(async () => {
  fs.mkdirSync(folder);
  await hub.start();
  service = ProvisioningServiceClient.fromConnectionString(hub.info.connection_strings.provisioningserviceowner);
  registry = Registry.fromConnectionString(hub.info.connection_strings.iothubowner);
  events = sdk.events();
});
after(async () => {
  await events.close();
  assert.strictEqual(await hub.stop(), 0);
});

function register(Transport, security, scope = hub.info.scope_id) {
  const client = ProvisioningDeviceClient.create('localhost', scope, new Transport(), security);
  return client.register();
}

async function sends(deviceId, options) {
  const client = !options.cert
    ? Client.fromConnectionString(`HostName=localhost;DeviceId=${deviceId};SharedAccessKey=${options.key}`, Mqtt)
    : Client.fromConnectionString(`HostName=localhost;DeviceId=${deviceId};x509=true`, Mqtt);
  if (options.cert) await client.setOptions(options);
  await client.open();
  await client.sendEvent(new Message('provisioned'));
  await client.close();
  await hub.until(() => events.from(deviceId).length > 0, 'its message');
}

// The client calls back here only when it is given a callback.
const bulk = (operation) => new Promise((resolve, reject) => service.runBulkEnrollmentOperation(operation,
  (error, responseBody) => error ? reject(error) : resolve({ responseBody })));

const derive = (groupKey, id) => crypto.createHmac('sha256', Buffer.from(groupKey, 'base64')).update(id, 'utf8').digest('base64');

function certificate(name, above) {
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  if (above) {
    run('openssl', 'req', ...curve, '-keyout', file(`${name}-key.pem`), '-out', file('request.pem'), '-subj', `/CN=${name}`);
    run('openssl', 'x509', '-req', '-in', file('request.pem'), '-CA', file(`${above}.pem`), '-CAkey', file(`${above}-key.pem`),
      '-days', '2', '-out', file(`${name}.pem`));
  } else {
    run('openssl', 'req', '-x509', ...curve, '-keyout', file(`${name}-key.pem`), '-out', file(`${name}.pem`), '-subj', `/CN=${name}`,
      '-days', '2');
  }
  return { cert: fs.readFileSync(file(`${name}.pem`), 'utf8'), key: fs.readFileSync(file(`${name}-key.pem`), 'utf8') };
}

const isRefused = (promise) => assert.rejects(promise, (error) => /Unauthori|not authori|NotFound|not found|NotConnected|401|404/i.test(`${error.name} ${error.message}`));

// Over AMQP the client waits half a minute for a link that was refused at once: the unit tests look at that.
const isRefusedSoon = (name, promise) => name.startsWith('amqp') ? undefined : isRefused(promise());

for (const [name, Transport] of transports) {
  test(`${name}: a device with a key of its own`, async () => {
    const registrationId = `own-${name}`;
    const { responseBody: made } = await service.createOrUpdateIndividualEnrollment({
      registrationId, deviceId: `device-${name}`, attestation: { type: 'symmetricKey' },
    });
    assert.strictEqual(made.provisioningStatus, 'enabled');
    const { responseBody: mechanism } = await service.getIndividualEnrollmentAttestationMechanism(registrationId);
    const key = mechanism.symmetricKey.primaryKey;
    const result = await register(Transport, new SymmetricKeySecurityClient(registrationId, key));
    assert.strictEqual(result.assignedHub, 'localhost');
    assert.strictEqual(result.deviceId, `device-${name}`);
    assert.strictEqual(result.status, 'assigned');
    await sends(`device-${name}`, { key });

    const wrong = Buffer.alloc(32, 1).toString('base64');
    await isRefused(register(Transport, new SymmetricKeySecurityClient(registrationId, wrong)));
    await isRefused(register(Transport, new SymmetricKeySecurityClient(registrationId, key), '0neNOWHERE'));
    await isRefused(register(Transport, new SymmetricKeySecurityClient('nobody', key)));
    const { responseBody: now } = await service.getIndividualEnrollment(registrationId);
    assert.strictEqual(now.registrationState.deviceId, `device-${name}`);
    await service.createOrUpdateIndividualEnrollment({ ...now, provisioningStatus: 'disabled' });
    await isRefused(register(Transport, new SymmetricKeySecurityClient(registrationId, key)));
  });

  test(`${name}: a device of a group with a derived key`, async () => {
    const enrollmentGroupId = `group-${name}`, registrationId = `sn-007-${name}`;
    await service.createOrUpdateEnrollmentGroup({ enrollmentGroupId, attestation: { type: 'symmetricKey' } });
    const { responseBody: mechanism } = await service.getEnrollmentGroupAttestationMechanism(enrollmentGroupId);
    const key = derive(mechanism.symmetricKey.secondaryKey, registrationId);
    const result = await register(Transport, new SymmetricKeySecurityClient(registrationId, key));
    assert.strictEqual(result.deviceId, registrationId);
    await sends(registrationId, { key });
    await isRefused(register(Transport, new SymmetricKeySecurityClient('sn-008', key)));
    const query = service.createEnrollmentGroupDeviceRegistrationStateQuery({ query: '' }, enrollmentGroupId, 10);
    const { responseBody: items } = await query.next();
    assert.deepStrictEqual(items.map((state) => state.registrationId), [registrationId]);
    await service.deleteEnrollmentGroup(enrollmentGroupId);
    await isRefused(register(Transport, new SymmetricKeySecurityClient(registrationId, key)));
  });

  test(`${name}: a device with a certificate of its own`, async () => {
    const registrationId = `cert-${name}`, x509 = certificate(registrationId), other = certificate(`other-${name}`);
    await service.createOrUpdateIndividualEnrollment({
      registrationId, attestation: { type: 'x509', x509: { clientCertificates: { primary: { certificate: x509.cert } } } },
    });
    const result = await register(Transport, new X509Security(registrationId, x509));
    assert.strictEqual(result.deviceId, registrationId);
    await sends(registrationId, x509);
    await isRefusedSoon(name, () => register(Transport, new X509Security(registrationId, other)));
    // Enrolled under another name than it is made out to.
    await service.createOrUpdateIndividualEnrollment({
      registrationId: `misnamed-${name}`, attestation: { type: 'x509', x509: { clientCertificates: { primary: { certificate: other.cert } } } },
    });
    await isRefusedSoon(name, () => register(Transport, new X509Security(`misnamed-${name}`, other)));
  });

  test(`${name}: a device with a certificate that the group's authority signed`, async () => {
    await service.createOrUpdateEnrollmentGroup({ enrollmentGroupId: `a-keyed-${name}`, attestation: { type: 'symmetricKey' } });
    const enrollmentGroupId = `factory-${name}`, ca = certificate(`ca-${name}`);
    const device = certificate(`made-${name}`, `ca-${name}`);
    await service.createOrUpdateEnrollmentGroup({
      enrollmentGroupId, attestation: { type: 'x509', x509: { signingCertificates: { primary: { certificate: ca.cert } } } },
    });
    const result = await register(Transport, new X509Security(`made-${name}`, device));
    assert.strictEqual(result.deviceId, `made-${name}`);
    const { responseBody: identity } = await registry.get(`made-${name}`); // what it proved, and nothing that else was tried
    assert.strictEqual(identity.authentication.type, 'selfSigned');
    assert.strictEqual(identity.authentication.symmetricKey.primaryKey, null);
    await sends(`made-${name}`, device);
    await isRefusedSoon(name, () => register(Transport, new X509Security(`made-${name}`, certificate(`made-${name}`))));
    await isRefusedSoon(name, () => register(Transport, new X509Security('another', device)));
  });
}

for (const [name, Transport] of transports) {
  test(`${name}: a device begins with the twin of its enrollment`, async () => {
    const registrationId = `twin-${name}`, key = Buffer.alloc(32, 9).toString('base64');
    await service.createOrUpdateIndividualEnrollment({ registrationId,
      attestation: { type: 'symmetricKey', symmetricKey: { primaryKey: key, secondaryKey: key } },
      initialTwin: { tags: { floor: 3 }, properties: { desired: { level: 7, deep: { list: [1, 'two'] } } } } });
    await register(Transport, new SymmetricKeySecurityClient(registrationId, key));
    const { responseBody: twin } = await registry.getTwin(registrationId);
    assert.deepStrictEqual(twin.tags, { floor: 3 });
    assert.deepStrictEqual([twin.properties.desired.level, twin.properties.desired.deep], [7, { list: [1, 'two'] }]);
    const client = Client.fromConnectionString(`HostName=localhost;DeviceId=${registrationId};SharedAccessKey=${key}`, Mqtt);
    await client.open();
    assert.strictEqual((await client.getTwin()).properties.desired.level, 7);
    await client.close();
    await registry.updateTwin(registrationId, { properties: { desired: { level: 8 } } }, '*');
    await register(Transport, new SymmetricKeySecurityClient(registrationId, key)); // again, to where it is
    assert.strictEqual((await registry.getTwin(registrationId)).responseBody.properties.desired.level, 8);
  });
}

test('https: a group that names an authority of the hub', async () => {
  const { https: Https } = every, chain = (name) => certificate(name, 'named-ca');
  certificate('named-ca');
  const enrollmentGroupId = 'named', group = {
    enrollmentGroupId, attestation: { type: 'x509', x509: { caReferences: { primary: 'our-ca' } } },
  };
  await assert.rejects(service.createOrUpdateEnrollmentGroup(group)); // the hub has none of that name
  run(path.join(process.env.D2D_BUILD, 'd2d'), 'ca', 'add', 'our-ca', file('named-ca.pem'), '--verified');
  await service.createOrUpdateEnrollmentGroup(group);
  const device = chain('by-name');
  const result = await register(Https, new X509Security('by-name', device));
  assert.strictEqual(result.deviceId, 'by-name');
  await sends('by-name', device);
  run(path.join(process.env.D2D_BUILD, 'd2d'), 'ca', 'rm', 'our-ca');
  await isRefused(register(Https, new X509Security('by-name', device)));
});

test('allocation: the only hub that there is, and one that is not linked', async () => {
  const { https: Https } = every, key = Buffer.alloc(32, 7).toString('base64');
  const enrollment = (more) => ({ registrationId: 'allocated', allocationPolicy: 'static', iotHubs: ['localhost'], ...more,
    attestation: { type: 'symmetricKey', symmetricKey: { primaryKey: key, secondaryKey: key } } });
  const { responseBody: made } = await service.createOrUpdateIndividualEnrollment(enrollment());
  assert.strictEqual((await register(Https, new SymmetricKeySecurityClient('allocated', key))).assignedHub, 'localhost');
  await service.createOrUpdateIndividualEnrollment(enrollment({ iotHubs: ['elsewhere.example'], etag: made.etag }));
  await assert.rejects(register(Https, new SymmetricKeySecurityClient('allocated', key)), /400209|failed|not assigned/i);
});

test('enrollments are made, read, queried and deleted, alone and at once', async () => {
  const one = { registrationId: 'bulk-1', attestation: { type: 'symmetricKey' } };
  const two = { registrationId: 'bulk-2', attestation: { type: 'symmetricKey' }, initialTwin: { tags: { a: 1 } } };
  const { responseBody: made } = await bulk({ mode: 'create', enrollments: [one, two] });
  assert.strictEqual(made.isSuccessful, true);
  const { responseBody: again } = await bulk({ mode: 'create', enrollments: [one] });
  assert.strictEqual(again.isSuccessful, false);
  assert.strictEqual(again.errors[0].registrationId, 'bulk-1');
  const query = service.createIndividualEnrollmentQuery({ query: "SELECT * FROM enrollments WHERE registrationId = 'bulk-2'" }, 10);
  const { responseBody: items } = await query.next();
  assert.deepStrictEqual(items.map((e) => e.registrationId), ['bulk-2']);
  assert.strictEqual(items[0].attestation.symmetricKey, undefined);
  await assert.rejects(service.createOrUpdateIndividualEnrollment(one)); // without an etag it is a create
  const { responseBody: read } = await service.getIndividualEnrollment('bulk-1');
  await service.deleteIndividualEnrollment(read);
  await assert.rejects(service.getIndividualEnrollment('bulk-1'));
  await bulk({ mode: 'delete', enrollments: [two] });
  await assert.rejects(service.getIndividualEnrollment('bulk-2'));
});

// azure-iot-security-tpm: devices whose key for the hub is made by the provisioning service and never seen outside of their chip.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { ProvisioningServiceClient } = require('azure-iot-provisioning-service');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { TpmSecurityClient } = require('azure-iot-security-tpm');
const { Client, Message } = require('azure-iot-device');
const { Registry } = require('azure-iothub');
const { Mqtt } = require('azure-iot-device-mqtt');
const { Amqp } = require('azure-iot-device-amqp');
const hub = require('./hub');
const sdk = require('./sdk');
const chips = require('./chip');

const every = {
  https: [require('azure-iot-provisioning-device-http').Http, Mqtt],
  amqp: [require('azure-iot-provisioning-device-amqp').Amqp, Amqp],
  'amqp-ws': [require('azure-iot-provisioning-device-amqp').AmqpWs, Mqtt],
};
let service, registry, events, chip, other;

before(async () => {
  chip = await chips.start('chip');
  other = await chips.start('other');
  await hub.start();
  service = ProvisioningServiceClient.fromConnectionString(hub.info.connection_strings.iothubowner);
  registry = Registry.fromConnectionString(hub.info.connection_strings.iothubowner);
  events = sdk.events();
});
after(async () => {
  await events.close();
  assert.strictEqual(await hub.stop(), 0);
  await chip.stop();
  await other.stop();
});

const endorsement = (security) => new Promise((resolve, reject) =>
  security.getEndorsementKey((error, key) => error ? reject(error) : resolve(key.toString('base64'))));

async function enroll(registrationId, security, more) {
  const endorsementKey = await endorsement(security);
  const { responseBody } = await service.createOrUpdateIndividualEnrollment(
    { registrationId, attestation: { type: 'tpm', tpm: { endorsementKey } }, ...more });
  return responseBody;
}

const register = (Transport, security) =>
  ProvisioningDeviceClient.create('localhost', hub.info.scope_id, new Transport(), security).register();

// The SDK has no provider of tokens for TPMs: the application signs one.
async function token(deviceId, security) {
  const resource = encodeURIComponent(`localhost/devices/${deviceId}`), expiry = Math.floor(Date.now() / 1000) + 3600;
  const signature = await new Promise((resolve, reject) => security.signWithIdentity(Buffer.from(`${resource}\n${expiry}`),
    (error, signed) => error ? reject(error) : resolve(signed)));
  return `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature.toString('base64'))}&se=${expiry}`;
}

async function sends(deviceId, security, Transport) {
  const client = Client.fromSharedAccessSignature(await token(deviceId, security), Transport);
  await client.open();
  await client.sendEvent(new Message(`signed in the chip by ${deviceId}`));
  await client.close();
  await hub.until(() => events.from(deviceId).length > 0, 'its message');
}

for (const [name, [Transport, DeviceTransport]] of Object.entries(every)) {
  test(`${name}: a device proves its chip, gets its key into it, and sends`, async () => {
    const id = `tpm-${name}`;
    const security = new TpmSecurityClient(id, chip.tpm());
    const made = await enroll(id, security, { deviceId: `device-${name}` });
    assert.strictEqual(made.attestation.tpm.endorsementKey, await endorsement(security));
    const { registrationState } = await register(Transport, security);
    assert.strictEqual(registrationState.status, 'assigned');
    assert.strictEqual(registrationState.assignedHub, 'localhost');
    assert.strictEqual(registrationState.deviceId, `device-${name}`);
    await sends(`device-${name}`, security, DeviceTransport);
    const first = (await registry.get(`device-${name}`)).responseBody.authentication.symmetricKey.primaryKey;

    // Again: another key, which works.
    await register(Transport, new TpmSecurityClient(id, chip.tpm()));
    const second = (await registry.get(`device-${name}`)).responseBody.authentication.symmetricKey.primaryKey;
    assert.notStrictEqual(first, second);
    await sends(`device-${name}`, security, DeviceTransport);
    await service.deleteIndividualEnrollment(id);
  });
}

test('https: the wrong chip, a disabled enrollment and nobody are refused, and their chips keep their keys', async () => {
  const { https: [Http] } = every;
  const mine = new TpmSecurityClient('guarded', chip.tpm());
  const wrong = new TpmSecurityClient('guarded', other.tpm());
  const made = await enroll('guarded', mine);
  await register(Http, mine);
  await enroll('others', wrong);
  await register(Http, new TpmSecurityClient('others', other.tpm()));
  await assert.rejects(register(Http, wrong));
  await assert.rejects(register(Http, new TpmSecurityClient('nobody', chip.tpm())));
  await service.createOrUpdateIndividualEnrollment({ ...made, etag: '*', provisioningStatus: 'disabled' });
  await assert.rejects(register(Http, new TpmSecurityClient('guarded', chip.tpm())));
  // No challenge came: both keys are still good for the hub.
  await sends('guarded', mine, Mqtt);
  await sends('others', new TpmSecurityClient('others', other.tpm()), Mqtt);
});

test('what the SDK has registered, d2d uses, and the other way round', async () => {
  const d2d = (...args) => execFileSync(path.join(process.env.D2D_BUILD, 'd2d'), [...args, '--tcti', both.tcti],
    { stdio: ['pipe', 'pipe', 'ignore'], encoding: 'utf8', input: '' });
  const both = await chips.start('both');
  const { https: [Http] } = every, security = new TpmSecurityClient('shared', both.tpm());
  try {
    await enroll('shared', security, { deviceId: 'shared-device' });
    assert.strictEqual(d2d('tpm', 'status', '--endorsement-key').trim(), await endorsement(security));
    await register(Http, security);
    fs.writeFileSync(path.join(process.env.D2D_DATA, 'shared.cs'), 'HostName=localhost;DeviceId=shared-device;Tpm=0');
    d2d('send', '--connection-string-file', path.join(process.env.D2D_DATA, 'shared.cs'), 'from d2d');
    await hub.until(() => events.from('shared-device').length === 1, 'the message of d2d');
    const string = d2d('register', '--tpm', '--slot', '0', '--id', 'shared', '--transport', 'amqp', '--replace');
    assert.strictEqual(string.trim(), 'HostName=localhost;DeviceId=shared-device;Tpm=0');
    await sends('shared-device', new TpmSecurityClient('shared', both.tpm()), Mqtt);
    await hub.until(() => events.from('shared-device').length === 2, 'the message of the SDK');
  } finally {
    await both.stop();
  }
});

test('an endorsement key is in one enrollment only', async () => {
  const security = new TpmSecurityClient('twice', chip.tpm());
  await assert.rejects(enroll('twice', security), (error) => error.response.statusCode === 409);
});

// A d2dhub for one file of tests: started before them, stopped after them, on the ports that the SDKs fix.
'use strict';
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');

const build = process.env.D2D_BUILD;
const data = process.env.D2D_DATA;
const info = JSON.parse(fs.readFileSync(path.join(data, 'hub.json'), 'utf8'));

let child;
let log = '';

async function start(...options) {
  child = spawn(path.join(build, 'd2dhub'), ['run', '--data', path.join(data, 'hub'), '-o', 'json', ...options],
    { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stderr.on('data', (text) => { log += text; });
  const lines = readline.createInterface({ input: child.stdout });
  await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`d2dhub ended with ${code}: ${log}`)));
    lines.on('line', (line) => {
      if (JSON.parse(line).event === 'ready') resolve();
    });
  });
}

async function stop(signal = 'SIGTERM') {
  const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  child.kill(signal);
  return ended;
}

// Registers devices with the official registry client; gives their connection strings by id.
async function devices(...ids) {
  const { Registry } = require('azure-iothub');
  const registry = Registry.fromConnectionString(info.connection_strings.iothubowner);
  const strings = {};
  for (const deviceId of ids) {
    const { responseBody } = await registry.create({ deviceId });
    const key = responseBody.authentication.symmetricKey.primaryKey;
    strings[deviceId] = `HostName=localhost;DeviceId=${deviceId};SharedAccessKey=${key}`;
  }
  return strings;
}

// Sends each text as one message of the device, over MQTT with the official client.
async function send(connectionString, ...messages) {
  const { Client, Message } = require('azure-iot-device');
  const { Mqtt } = require('azure-iot-device-mqtt');
  const client = Client.fromConnectionString(connectionString, Mqtt);
  await client.open();
  for (const message of messages)
    await client.sendEvent(message instanceof Message ? message : new Message(message));
  await client.close();
}

// Waits until the condition holds; the time is only there to end a test that hangs.
async function until(condition, what, ms = 30000) {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}\n${log}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

module.exports = { info, start, stop, devices, send, until, log: () => log };

// azure-event-hubs 0.2: the old client, with an Event Hubs string and by the redirect of an IoT Hub string.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { EventHubClient, EventPosition } = require('azure-event-hubs');
const hub = require('./hub');

const COUNT = 10;
let string;

before(async () => {
  await hub.start();
  string = (await hub.devices('dev-1'))['dev-1'];
  await hub.send(string, ...Array.from({ length: COUNT }, (_, n) => JSON.stringify(`m${n}`)));
});
after(async () => assert.strictEqual(await hub.stop(), 0));

async function read(client, count, options) {
  const events = [];
  let failure;
  const handlers = (await client.getPartitionIds()).map((id) => client.receive(id,
    (event) => events.push(event), (error) => { failure ??= error; }, options));
  await hub.until(() => { if (failure) throw failure; return events.length >= count; }, `${count} events`);
  await Promise.all(handlers.map((handler) => handler.stop()));
  return events;
}

const both = {
  'an Event Hubs string': async () =>
    EventHubClient.createFromConnectionString(hub.info.event_hub_connection_string, hub.info.entity_path),
  'the redirect of an IoT Hub string': async () =>
    EventHubClient.createFromIotHubConnectionString(hub.info.connection_strings.service),
};

for (const [how, connect] of Object.entries(both)) {
  test(`events from every position, with ${how}`, async () => {
    const client = await connect();
    const all = await read(client, COUNT, { eventPosition: EventPosition.fromStart() });
    assert.deepStrictEqual(all.map((e) => e.body), Array.from({ length: COUNT }, (_, n) => `m${n}`));
    assert.strictEqual(all[0].annotations['iothub-connection-device-id'], 'dev-1');

    const after_ = await read(client, COUNT - 4, { eventPosition: EventPosition.fromOffset(all[3].offset) });
    assert.deepStrictEqual(after_.map((e) => e.body), all.slice(4).map((e) => e.body));

    const bySequence = await read(client, COUNT - 3, { eventPosition: EventPosition.fromSequenceNumber(3, true) });
    assert.deepStrictEqual(bySequence.map((e) => e.body), all.slice(3).map((e) => e.body));

    const byTime = await read(client, COUNT,
      { eventPosition: EventPosition.fromEnqueuedTime(all[0].enqueuedTimeUtc.getTime() - 1) });
    assert.strictEqual(byTime.length, COUNT);

    const second = await read(client, COUNT, { consumerGroup: 'second', eventPosition: EventPosition.fromStart() });
    assert.strictEqual(second.length, COUNT);

    const information = await client.getHubRuntimeInformation();
    assert.strictEqual(information.partitionCount, 4);
    await client.close();
  });
}

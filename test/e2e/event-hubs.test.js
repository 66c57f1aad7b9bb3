// @azure/event-hubs 6: the hub's events from every position, in two groups, by many receivers at once.
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { EventHubConsumerClient, earliestEventPosition, latestEventPosition } = require('@azure/event-hubs');
const hub = require('./hub');

const COUNT = 20;
let string, partition, all;

// Reads a partition (or all) from a position until `count` events came; gives them.
async function read(count, startPosition, { group = '$Default', partitionId, ...options } = {}) {
  const client = new EventHubConsumerClient(group, hub.info.event_hub_connection_string);
  const events = [];
  let failure;
  const handlers = {
    processEvents: async (batch) => { events.push(...batch); },
    processError: async (error) => { failure ??= error; },
  };
  const subscription = partitionId === undefined ? client.subscribe(handlers, { startPosition, ...options })
    : client.subscribe(partitionId, handlers, { startPosition, ...options });
  try {
    await hub.until(() => { if (failure) throw failure; return events.length >= count; }, `${count} events`);
  } finally {
    await subscription.close();
    await client.close();
  }
  return events;
}

const texts = (events) => events.map((e) => e.body);

before(async () => {
  await hub.start();
  string = (await hub.devices('dev-1'))['dev-1'];
  await hub.send(string, ...Array.from({ length: COUNT }, (_, n) => JSON.stringify(`m${n}`)));
  all = await read(COUNT, earliestEventPosition);
  const client = new EventHubConsumerClient('$Default', hub.info.event_hub_connection_string);
  for (const id of await client.getPartitionIds())
    if (!(await client.getPartitionProperties(id)).isEmpty) partition = id;
  await client.close();
});
after(async () => assert.strictEqual(await hub.stop(), 0));

test('the hub and its partitions describe themselves', async () => {
  const client = new EventHubConsumerClient('$Default', hub.info.event_hub_connection_string);
  const properties = await client.getEventHubProperties();
  assert.strictEqual(properties.name, hub.info.entity_path);
  assert.deepStrictEqual(properties.partitionIds, ['0', '1', '2', '3']);
  assert.ok(properties.createdOn instanceof Date);
  const used = await client.getPartitionProperties(partition);
  assert.strictEqual(used.beginningSequenceNumber, 0);
  assert.strictEqual(used.lastEnqueuedSequenceNumber, COUNT - 1);
  assert.strictEqual(String(used.lastEnqueuedOffset), String(all[COUNT - 1].offset));
  assert.strictEqual(used.lastEnqueuedOnUtc.getTime(), all[COUNT - 1].enqueuedTimeUtc.getTime());
  await client.close();
});

test('from the earliest: all, in order, with consecutive numbers', () => {
  assert.deepStrictEqual(texts(all), Array.from({ length: COUNT }, (_, n) => `m${n}`));
  assert.deepStrictEqual(all.map((e) => e.sequenceNumber), Array.from({ length: COUNT }, (_, n) => n));
});

for (const isInclusive of [false, true]) {
  const first = isInclusive ? 7 : 8;
  const rest = () => texts(all).slice(first);

  test(`from an offset, inclusive: ${isInclusive}`, async () => {
    const events = await read(COUNT - first, { offset: all[7].offset, isInclusive }, { partitionId: partition });
    assert.deepStrictEqual(texts(events), rest());
  });

  test(`from a sequence number, inclusive: ${isInclusive}`, async () => {
    const events = await read(COUNT - first, { sequenceNumber: 7, isInclusive }, { partitionId: partition });
    assert.deepStrictEqual(texts(events), rest());
  });
}

test('from a time', async () => {
  const enqueuedOn = all[7].enqueuedTimeUtc;
  const wanted = all.filter((e) => e.enqueuedTimeUtc > enqueuedOn);
  if (wanted.length === 0) return; // all in one millisecond
  const events = await read(wanted.length, { enqueuedOn }, { partitionId: partition });
  assert.deepStrictEqual(texts(events), texts(wanted));
});

test('from the latest: only what comes afterwards', async () => {
  const client = new EventHubConsumerClient('$Default', hub.info.event_hub_connection_string);
  const events = [];
  let rounds = 0;
  const subscription = client.subscribe(partition, {
    processEvents: async (batch) => { rounds++; events.push(...batch); },
    processError: async (error) => { throw error; },
  }, { startPosition: latestEventPosition, maxWaitTimeInSeconds: 1 });
  await hub.until(() => rounds > 0, 'a round without events: the link is attached');
  assert.strictEqual(events.length, 0);
  await hub.send(string, '"late"');
  await hub.until(() => events.length === 1, 'the late event');
  assert.deepStrictEqual(texts(events), ['late']);
  await subscription.close();
  await client.close();
});

test('a second group reads for itself; an unknown one is refused', async () => {
  const events = await read(COUNT, earliestEventPosition, { group: 'second' });
  assert.deepStrictEqual(texts(events).slice(0, COUNT), texts(all));
  await assert.rejects(read(1, earliestEventPosition, { group: 'third', partitionId: partition }),
    { code: 'MessagingEntityNotFoundError' });
});

test('thirty receivers on one partition each get everything', async () => {
  const each = await Promise.all(Array.from({ length: 30 }, () =>
    read(COUNT, earliestEventPosition, { partitionId: partition })));
  for (const events of each) assert.deepStrictEqual(texts(events).slice(0, COUNT), texts(all));
});

test('a higher owner level takes over, a lower one is refused', async () => {
  const client = new EventHubConsumerClient('$Default', hub.info.event_hub_connection_string);
  let stolen;
  const low = client.subscribe(partition, {
    processEvents: async () => {},
    processError: async (error) => { stolen ??= error; },
  }, { startPosition: earliestEventPosition, ownerLevel: 1 });
  await new Promise((resolve) => setTimeout(resolve, 500));
  await read(COUNT, earliestEventPosition, { partitionId: partition, ownerLevel: 2 });
  await hub.until(() => stolen, 'the first receiver to be told');
  assert.strictEqual(stolen.code, 'ReceiverDisconnectedError');
  await low.close();
  await client.close();
});

test('runtime information comes with the events when asked for', async () => {
  const client = new EventHubConsumerClient('second', hub.info.event_hub_connection_string);
  let seen;
  const subscription = client.subscribe(partition, {
    processEvents: async (batch, context) => { if (batch.length) seen ??= context.lastEnqueuedEventProperties; },
    processError: async (error) => { throw error; },
  }, { startPosition: earliestEventPosition, trackLastEnqueuedEventProperties: true });
  await hub.until(() => seen, 'an event');
  assert.ok(seen.sequenceNumber >= COUNT - 1);
  await subscription.close();
  await client.close();
});

test('a wrong key and a policy without the right are refused', async () => {
  const wrong = hub.info.event_hub_connection_string.replace(/SharedAccessKey=[^;]+/,
    `SharedAccessKey=${Buffer.alloc(32, 1).toString('base64')}`);
  const client = new EventHubConsumerClient('$Default', wrong, { retryOptions: { maxRetries: 0 } });
  await assert.rejects(client.getPartitionIds(), { code: 'UnauthorizedError' });
  await client.close();
});

test('events come in a WebSocket too', async () => {
  const options = { webSocketOptions: { webSocket: require('ws') } };
  const client = new EventHubConsumerClient('$Default', hub.info.event_hub_connection_string, options);
  const events = [];
  const subscription = client.subscribe(partition, {
    processEvents: async (batch) => { events.push(...batch); },
    processError: async (error) => { throw error; },
  }, { startPosition: earliestEventPosition });
  await hub.until(() => events.length >= COUNT, 'all events');
  assert.deepStrictEqual(texts(events.slice(0, COUNT)), texts(all));
  await subscription.close();
  await client.close();
});

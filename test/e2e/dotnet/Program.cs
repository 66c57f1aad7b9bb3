using System.Text;
using Amqp;
using Amqp.Framing;
using Azure.Messaging.EventHubs;
using Azure.Messaging.EventHubs.Consumer;
using Azure.Messaging.EventHubs.Producer;

// Programs as they stand in the field, with packages of today, against a hub that was just made. Each test prints a line of TAP.
int number = 0, failed = 0;

async Task Test(string name, Func<Task> run)
{
    number++;
    try
    {
        await run().WaitAsync(TimeSpan.FromSeconds(60));
        Console.WriteLine($"ok {number} - {name}");
    }
    catch (Exception e)
    {
        failed++;
        Console.WriteLine($"not ok {number} - {name}\n  # {e.ToString().ReplaceLineEndings("\n  # ")}");
    }
}

static void Equal<T>(T wanted, T got, string what)
{
    if (!Equals(wanted, got)) throw new Exception($"{what}: {got}, not {wanted}");
}

static Message Event(string text, params (string, object)[] properties)
{
    var message = new Message
    {
        BodySection = new Data { Binary = Encoding.UTF8.GetBytes(text) },
        Properties = new Properties { MessageId = "id of " + text },
        ApplicationProperties = new ApplicationProperties(),
    };
    foreach ((string name, object value) in properties) message.ApplicationProperties[name] = value;
    return message;
}

foreach ((string way, string url) in new[] {
    ("AMQP", $"amqps://{Hub.Host}:5671"),
    ("AMQP in WebSockets", $"wss://{Hub.Host}:443/$iothub/websocket") })
{
    await Test($"AMQPNetLite, {way}: the classic arrangement", () => Classic(url, way.Replace(' ', '-')));
}

// Device a says open; a service reads the partitions, keeps what a said and tells b, which opens the door and says so.
static async Task Classic(string url, string suffix)
{
    string a = $"motion-{suffix}", b = $"door-{suffix}";
    string keyOfA = await Hub.Register(a), keyOfB = await Hub.Register(b);
    DateTimeOffset begin = DateTimeOffset.UtcNow.AddSeconds(-1);

    await using Wire deviceA = await Wire.Open(url), deviceB = await Wire.Open(url), service = await Wire.Open(url);
    string resourceOfA = $"{Hub.Host}/devices/{a}", resourceOfB = $"{Hub.Host}/devices/{b}";
    Equal(200, await deviceA.PutToken(resourceOfA, Hub.Token(resourceOfA, keyOfA)), "put-token of a");
    Equal(200, await deviceB.PutToken(resourceOfB, Hub.Token(resourceOfB, keyOfB)), "put-token of b");
    Equal(200, await service.PutToken(Hub.Host, Hub.Token(Hub.Host, Hub.PolicyKey("service"), "service")), "put-token of the service");
    ReceiverLink mailbox = deviceB.Receiver($"/devices/{b}/messages/deviceBound");
    ReceiverLink feedback = service.Receiver("/messages/serviceBound/feedback");

    await deviceA.Send($"/devices/{a}/messages/events", Event("open", ("door", "garage"), ("temperature", "21")));
    await deviceB.Send($"/devices/{b}/messages/events", Event("not for you"));

    // The service reads each partition with the login of the policy and a selector.
    await using Wire reader = await Wire.OpenAsPolicy("service", Hub.PolicyKey("service"));
    Message? seen = null;
    DateTimeOffset patience = DateTimeOffset.UtcNow.AddSeconds(20);
    for (int turn = 0; seen == null && DateTimeOffset.UtcNow < patience; turn++)
    {
        int partition = turn % 4;
        ReceiverLink events = reader.Partition(partition, $"amqp.annotation.x-opt-enqueued-time > '{begin.ToUnixTimeMilliseconds()}'");
        Message? m;
        while (seen == null && (m = await events.ReceiveAsync(TimeSpan.FromMilliseconds(300))) != null)
        {
            events.Accept(m);
            if (Wire.Annotation(m, "iothub-connection-device-id") == a) seen = m;
        }
        await events.CloseAsync();
    }
    if (seen == null) throw new Exception("the event of device a never came");
    Equal("open", Wire.Text(seen), "the event");
    Equal("garage", seen.ApplicationProperties["door"], "its property");
    Equal("id of open", seen.Properties.MessageId, "its message id");

    Message command = Event("open the door", ("by", a));
    command.Properties.To = $"/devices/{b}/messages/deviceBound";
    command.ApplicationProperties["iothub-ack"] = "full";
    await service.Send("/messages/devicebound", command);

    Message got = await Wire.Next(mailbox, "the command");
    Equal("open the door", Wire.Text(got), "the command");
    Equal(a, got.ApplicationProperties["by"], "its property");
    Equal($"/devices/{b}/messages/deviceBound", got.Properties.To, "whom it is for");
    mailbox.Accept(got);

    Message news = await Wire.Next(feedback, "feedback");
    feedback.Accept(news);
    string records = Wire.Text(news);
    if (!records.Contains("\"Success\"") || !records.Contains("id of open the door") || !records.Contains(b))
        throw new Exception($"feedback: {records}");
}

await Test("AMQPNetLite, AMQP: either type of put-token, a wrong key is told with 401, and the right one still comes in", async () =>
{
    string key = await Hub.Register("types"), resource = $"{Hub.Host}/devices/types";
    string wrong = Convert.ToBase64String(new byte[32]);
    await using Wire device = await Wire.Open($"amqps://{Hub.Host}:5671");
    foreach (string type in new[] { "azure-devices.net:sastoken", "servicebus.windows.net:sastoken", "Azure-Devices.net:SasToken" })
    {
        Equal(401, await device.PutToken(resource, Hub.Token(resource, wrong), type), $"a wrong key as {type}");
        Equal(200, await device.PutToken(resource, Hub.Token(resource, key), type), type);
    }
    await device.Send("/devices/types/messages/events", Event("in"));
});

await Test("AMQPNetLite, AMQP: SASL PLAIN with a wrong key is refused as unauthorized", async () =>
{
    try
    {
        await using Wire reader = await Wire.OpenAsPolicy("service", Convert.ToBase64String(new byte[32]));
    }
    catch (AmqpException e) when (e.Error.Condition == ErrorCode.UnauthorizedAccess)
    {
        return;
    }
    throw new Exception("it was let in");
});

foreach ((string way, EventHubsTransportType transport) in new[] {
    ("AMQP", EventHubsTransportType.AmqpTcp), ("AMQP in WebSockets", EventHubsTransportType.AmqpWebSockets) })
{
    await Test($"Azure.Messaging.EventHubs, {way}: a consumer reads what devices said, from the beginning and as it comes", async () =>
    {
        string id = $"consumed-{way.Replace(' ', '-')}", key = await Hub.Register(id), resource = $"{Hub.Host}/devices/{id}";
        await using Wire device = await Wire.Open($"amqps://{Hub.Host}:5671");
        Equal(200, await device.PutToken(resource, Hub.Token(resource, key)), "put-token");
        await device.Send($"/devices/{id}/messages/events", Event("before", ("n", "1")));

        await using var consumer = new EventHubConsumerClient(EventHubConsumerClient.DefaultConsumerGroupName, Hub.EventHubs,
            new EventHubConsumerClientOptions { ConnectionOptions = new EventHubConnectionOptions { TransportType = transport } });
        EventHubProperties about = await consumer.GetEventHubPropertiesAsync();
        Equal(Hub.Entity, about.Name, "the name of the event hub");
        Equal(4, about.PartitionIds.Length, "its partitions");

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var heard = new List<string>();
        await foreach (PartitionEvent e in consumer.ReadEventsAsync(startReadingAtEarliestEvent: true, cancellationToken: patience.Token))
        {
            if (e.Data.SystemProperties["iothub-connection-device-id"].ToString() != id) continue;
            heard.Add(e.Data.EventBody.ToString());
            if (heard.Count == 1)
            {
                Equal("1", e.Data.Properties["n"].ToString(), "its property");
                Equal("id of before", e.Data.MessageId, "its message id");
                await device.Send($"/devices/{id}/messages/events", Event("after"));
                continue;
            }
            PartitionProperties p = await consumer.GetPartitionPropertiesAsync(e.Partition.PartitionId);
            Equal(e.Data.SequenceNumber, p.LastEnqueuedSequenceNumber, "the last sequence number of the partition");
            break;
        }
        Equal("before,after", string.Join(',', heard), "what was heard");
    });
}

await Test("Azure.Messaging.EventHubs, AMQP: a partition receiver with an owner level takes the partition from an earlier one", async () =>
{
    await using var first = new EventHubConsumerClient("second", Hub.EventHubs);
    await using var later = new EventHubConsumerClient("second", Hub.EventHubs);
    using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
    async Task Read(EventHubConsumerClient consumer, long level, TaskCompletionSource? began)
    {
        var options = new ReadEventOptions { OwnerLevel = level, MaximumWaitTime = TimeSpan.FromMilliseconds(200) };
        await foreach (PartitionEvent e in consumer.ReadEventsFromPartitionAsync("0", EventPosition.Latest, options, patience.Token))
        {
            if (began == null) return;
            began.TrySetResult();
        }
    }
    var began = new TaskCompletionSource();
    Task reading = Read(first, 1, began);
    await began.Task;
    await Read(later, 2, null);
    try
    {
        await reading;
    }
    catch (EventHubsException e) when (e.Reason == EventHubsException.FailureReason.ConsumerDisconnected)
    {
        return;
    }
    throw new Exception("the earlier one goes on");
});

await Test("Azure.Messaging.EventHubs, AMQP: what a hub does not take, sending to the event hub, is refused with a reason", async () =>
{
    await using var producer = new EventHubProducerClient(Hub.EventHubs,
        new EventHubProducerClientOptions { RetryOptions = new EventHubsRetryOptions { MaximumRetries = 0 } });
    try
    {
        await producer.SendAsync([new EventData("no")]);
    }
    catch (Exception e) when (e is UnauthorizedAccessException or EventHubsException or InvalidOperationException)
    {
        return;
    }
    throw new Exception("it was taken");
});

Console.WriteLine($"1..{number}");
Console.WriteLine($"{number - failed} passed, {failed} failed");
return failed == 0 ? 0 : 1;

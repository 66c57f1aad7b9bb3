using Amqp;
using Amqp.Framing;
using Amqp.Types;

/// <summary>What a program does by hand with AMQPNetLite to talk to a hub: tokens, links, selectors.</summary>
sealed class Wire : IAsyncDisposable
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    readonly Connection connection;
    public Session Session { get; }

    Wire(Connection connection)
    {
        this.connection = connection;
        Session = new Session(connection);
    }

    /// <summary>Without SASL credentials: who it is comes by a token.</summary>
    public static async Task<Wire> Open(string url) => new(await Connect(new Address(url)));

    /// <summary>SASL PLAIN with a policy and its key, as for an event hub.</summary>
    public static async Task<Wire> OpenAsPolicy(string policy, string key) =>
        new(await Connect(new Address(Hub.Host, 5671, policy, key)));

    static async Task<Connection> Connect(Address address) =>
        await (address.Scheme.StartsWith("ws") ? new WebSocketConnections() : new ConnectionFactory()).CreateAsync(address);

    sealed class WebSocketConnections : ConnectionFactory
    {
        public WebSocketConnections() : base([new WebSocketTransportFactory()]) { }
    }

    /// <summary>Puts a token; gives the status of the answer.</summary>
    public async Task<int> PutToken(string audience, string token, string type = "azure-devices.net:sastoken")
    {
        string replyTo = "cbs-reply-" + Guid.NewGuid();
        var session = new Session(connection);
        var answers = new ReceiverLink(session, replyTo, "$cbs");
        var asks = new SenderLink(session, "cbs-ask-" + Guid.NewGuid(), "$cbs");
        var request = new Message(token)
        {
            Properties = new Properties { MessageId = Guid.NewGuid().ToString(), ReplyTo = replyTo },
            ApplicationProperties = new ApplicationProperties { ["operation"] = "put-token", ["type"] = type, ["name"] = audience },
        };
        await asks.SendAsync(request);
        Message answer = await answers.ReceiveAsync(Patience) ?? throw new Exception("put-token was not answered");
        answers.Accept(answer);
        await session.CloseAsync();
        return (int)answer.ApplicationProperties["status-code"];
    }

    public async Task Send(string address, Message message)
    {
        var link = new SenderLink(Session, "send-" + Guid.NewGuid(), address);
        await link.SendAsync(message, Patience);
        await link.CloseAsync();
    }

    public ReceiverLink Receiver(string address) => new(Session, "receive-" + Guid.NewGuid(), address);

    /// <summary>Of one partition of the event hub, from what the selector says.</summary>
    public ReceiverLink Partition(int partition, string selector)
    {
        var source = new Source
        {
            Address = $"{Hub.Entity}/ConsumerGroups/$Default/Partitions/{partition}",
            FilterSet = new Map
            {
                [new Symbol("apache.org:selector-filter:string")] =
                    new DescribedValue(new Symbol("apache.org:selector-filter:string"), selector),
            },
        };
        return new ReceiverLink(Session, "read-" + Guid.NewGuid(), source, null);
    }

    public static string? Annotation(Message message, string name) => message.MessageAnnotations?[new Symbol(name)]?.ToString();

    public static string Text(Message message) => System.Text.Encoding.UTF8.GetString(
        message.BodySection is Data data ? data.Binary : throw new Exception("the body is no data"));

    public static async Task<Message> Next(ReceiverLink link, string what)
    {
        return await link.ReceiveAsync(Patience) ?? throw new Exception($"waited in vain for {what}");
    }

    public async ValueTask DisposeAsync() => await connection.CloseAsync();
}

using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

/// <summary>The hub that these tests are run against: what `d2dhub init -o json` has told, and what an operator does by REST.</summary>
static class Hub
{
    static readonly JsonElement facts = JsonDocument.Parse(File.ReadAllText(Environment.GetEnvironmentVariable("D2D_DATA") + "/hub.json")).RootElement;
    static readonly HttpClient https = new();

    public const string Host = "localhost";
    public static string Entity => facts.GetProperty("entity_path").GetString()!;
    public static string EventHubs => facts.GetProperty("event_hub_connection_string").GetString()!;

    public static string PolicyKey(string policy) =>
        Part(facts.GetProperty("connection_strings").GetProperty(policy).GetString()!, "SharedAccessKey");

    public static string Part(string connectionString, string name) =>
        connectionString.Split(';').First(part => part.StartsWith(name + "=")).Substring(name.Length + 1);

    public static string Token(string resource, string key, string? policy = null, int minutes = 60)
    {
        string escaped = Uri.EscapeDataString(resource);
        long expires = DateTimeOffset.UtcNow.AddMinutes(minutes).ToUnixTimeSeconds();
        byte[] mac = HMACSHA256.HashData(Convert.FromBase64String(key), Encoding.UTF8.GetBytes($"{escaped}\n{expires}"));
        string token = $"SharedAccessSignature sr={escaped}&sig={Uri.EscapeDataString(Convert.ToBase64String(mac))}&se={expires}";
        return policy == null ? token : $"{token}&skn={policy}";
    }

    /// <summary>Registers a device; gives its key.</summary>
    public static async Task<string> Register(string id)
    {
        var request = new HttpRequestMessage(HttpMethod.Put, $"https://{Host}/devices/{id}?api-version=2021-04-12")
        {
            Content = new StringContent($$"""{"deviceId":"{{id}}"}""", Encoding.UTF8, "application/json"),
        };
        request.Headers.TryAddWithoutValidation("Authorization", Token(Host, PolicyKey("iothubowner"), "iothubowner"));
        HttpResponseMessage answer = await https.SendAsync(request);
        string body = await answer.Content.ReadAsStringAsync();
        if (!answer.IsSuccessStatusCode) throw new Exception($"device {id} was not registered: {(int)answer.StatusCode} {body}");
        return JsonDocument.Parse(body).RootElement.GetProperty("authentication").GetProperty("symmetricKey")
            .GetProperty("primaryKey").GetString()!;
    }
}

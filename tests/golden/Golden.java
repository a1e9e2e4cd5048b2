import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.impl.AMQContentHeader;
import com.rabbitmq.client.impl.AMQImpl;
import com.rabbitmq.client.impl.LongStringHelper;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TimeZone;
import software.amazon.event.ruler.Ruler;

/**
 * Writes what Lambda's trigger makes of messages and filter patterns, with the libraries that AWS builds it
 * from:
 *
 * <pre>mvn -q -f tests/golden/pom.xml compile exec:java</pre>
 *
 * reads messages.json and patterns.json and writes events.json and verdicts.json beside them. AWS's
 * documented sample and Gson's output for the RabbitMQ Java client's properties are equal field for field.
 */
public final class Golden {
  /** Gson's reflection reads the client's private fields; the properties go once over the wire, as there. */
  private static final Gson GSON = new GsonBuilder().serializeNulls().create();

  public static void main(String[] args) throws Exception {
    // Lambda's clock; Gson writes dates in the default zone, in en_US.
    TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
    Locale.setDefault(Locale.US);
    Path folder = Path.of(args[0]);
    write(folder.resolve("events.json"), events(read(folder.resolve("messages.json"))));
    write(folder.resolve("verdicts.json"), verdicts(read(folder.resolve("patterns.json"))));
  }

  private static List<String> events(JsonArray messages) throws Exception {
    List<String> events = new ArrayList<>();
    for (JsonElement each : messages) {
      JsonObject message = each.getAsJsonObject();
      byte[] body = message.get("body").getAsString().getBytes("UTF-8");
      AMQP.BasicProperties sent = properties(message.getAsJsonObject("properties"), message);
      Map<String, Object> item = new LinkedHashMap<>();
      item.put("basicProperties", overTheWire(sent, body.length));
      item.put("redelivered", message.has("redelivered"));
      item.put("data", Base64.getEncoder().encodeToString(body));

      Map<String, Object> byQueue = new LinkedHashMap<>();
      byQueue.put("events.test::/shop", List.of(item));
      Map<String, Object> event = new LinkedHashMap<>();
      event.put("eventSource", "aws:rmq");
      event.put("eventSourceArn", "arn:aws:mq:us-east-1:000000000000:broker:warren-host:b-0");
      event.put("rmqMessagesByQueue", byQueue);
      events.add(GSON.toJson(event));
    }
    return events;
  }

  private static AMQContentHeader overTheWire(AMQP.BasicProperties sent, int size) throws Exception {
    byte[] frame = sent.toFrame(1, size).getPayload();
    return AMQImpl.readContentHeaderFrom(new DataInputStream(new ByteArrayInputStream(frame)));
  }

  private static AMQP.BasicProperties properties(JsonObject all, JsonObject message) {
    AMQP.BasicProperties.Builder made =
        new AMQP.BasicProperties.Builder()
            .contentType(text(all, "contentType"))
            .contentEncoding(text(all, "contentEncoding"))
            .correlationId(text(all, "correlationId"))
            .replyTo(text(all, "replyTo"))
            .expiration(text(all, "expiration"))
            .messageId(text(all, "messageId"))
            .type(text(all, "type"))
            .appId(text(all, "appId"));
    if (all.has("deliveryMode")) made.deliveryMode(all.get("deliveryMode").getAsInt());
    if (all.has("priority")) made.priority(all.get("priority").getAsInt());
    if (all.has("timestamp")) made.timestamp(new Date(1000 * all.get("timestamp").getAsLong()));
    if (message.has("headers")) made.headers(table(message.getAsJsonObject("headers")));
    return made.build();
  }

  private static Map<String, Object> table(JsonObject given) {
    Map<String, Object> table = new LinkedHashMap<>();
    for (String key : given.keySet()) table.put(key, value(given.get(key)));
    return table;
  }

  /** JSON, but for what JSON cannot say: that is an object of amqplib's notation, with its type under "!". */
  private static Object value(JsonElement given) {
    if (given.isJsonNull()) return null;
    if (given.isJsonArray()) {
      List<Object> array = new ArrayList<>();
      for (JsonElement each : given.getAsJsonArray()) array.add(value(each));
      return array;
    }
    if (given.isJsonPrimitive()) {
      if (given.getAsJsonPrimitive().isBoolean()) return given.getAsBoolean();
      if (given.getAsJsonPrimitive().isString()) return LongStringHelper.asLongString(given.getAsString());
      if (given.getAsString().contains(".")) return given.getAsDouble();
      long number = given.getAsLong();
      return (int) number == number ? (Object) (int) number : number;
    }
    JsonObject object = given.getAsJsonObject();
    if (!object.has("!")) return table(object);
    JsonElement inner = object.get("value");
    switch (object.get("!").getAsString()) {
      case "timestamp":
        return new Date(1000 * inner.getAsLong());
      case "long":
        return inner.getAsLong();
      case "float":
        return inner.getAsFloat();
      case "bytes":
        return Base64.getDecoder().decode(inner.getAsString());
      case "decimal":
        JsonObject decimal = inner.getAsJsonObject();
        return new BigDecimal(
            BigInteger.valueOf(decimal.get("digits").getAsLong()), decimal.get("places").getAsInt());
      default:
        throw new IllegalArgumentException("no such type: " + object);
    }
  }

  /** For each pattern what Ruler says of each body, as Lambda shows it under the key `data`; or its complaint. */
  private static List<String> verdicts(JsonArray patterns) {
    List<String> verdicts = new ArrayList<>();
    for (JsonElement each : patterns) {
      JsonObject given = each.getAsJsonObject();
      JsonObject verdict = new JsonObject();
      JsonArray matches = new JsonArray();
      verdict.add("data", given.get("data"));
      try {
        for (JsonElement body : given.getAsJsonArray("bodies")) {
          String event = "{\"data\":" + body.getAsString() + "}";
          JsonArray match = new JsonArray();
          match.add(body);
          match.add(Ruler.matchesRule(event, "{\"data\":" + GSON.toJson(given.get("data")) + "}"));
          matches.add(match);
        }
        verdict.add("matches", matches);
      } catch (Exception refused) {
        verdict.addProperty("refused", refused.getMessage().lines().findFirst().orElse(""));
      }
      verdicts.add(GSON.toJson(verdict));
    }
    return verdicts;
  }

  private static String text(JsonObject from, String key) {
    return from.has(key) ? from.get(key).getAsString() : null;
  }

  private static JsonArray read(Path file) throws Exception {
    return JsonParser.parseString(Files.readString(file)).getAsJsonArray();
  }

  /** One to a line, as Gson wrote them. */
  private static void write(Path file, List<String> golden) throws Exception {
    Files.writeString(file, "[\n" + String.join(",\n", golden) + "\n]\n");
  }
}

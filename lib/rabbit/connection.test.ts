import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { rabbitConnection } from "./connection.ts";

/** AMQP 0-9-1: class and method of what this server says and hears. */
const START = [10, 10] as const;
const START_OK = "10.11";
const TUNE = [10, 30] as const;
const OPEN = "10.40";
const OPEN_OK = [10, 41] as const;
const CLOSE = [10, 50] as const;
const CLOSE_OK = [10, 51] as const;
const CHANNEL_OPEN = "20.10";
const CHANNEL_OPEN_OK = [20, 11] as const;
const CHANNEL_CLOSE = "20.40";
const CHANNEL_CLOSE_OK = [20, 41] as const;

const server = createServer();
let connections = 0;

beforeEach(async () => {
  connections = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(() => {
  server.removeAllListeners("connection");
  server.close();
});

test("a connection that the broker closes in the breath that opened it is followed by another", async () => {
  serve((socket) => {
    const opened = frame(0, OPEN_OK, [0]);
    const closed = frame(0, CLOSE, [
      ...short(320),
      ...shortText("going down"),
      ...short(0),
      ...short(0),
    ]);
    // In one write, so that the client reads both before anybody can listen to its "close".
    socket.write(connections === 1 ? Buffer.concat([opened, closed]) : opened);
  });
  const { port } = server.address() as AddressInfo;
  const connection = rabbitConnection({ url: `amqp://127.0.0.1:${port}`, name: "test" });

  await connection.channel(AbortSignal.timeout(1_500));
  expect(connections).toBe(2);
  await connection.close();
});

/** Shakes hands; `opening` answers the client's wish to open the connection. */
function serve(opening: (socket: Socket) => void): void {
  server.on("connection", (socket) => {
    connections += 1;
    let rest = Buffer.alloc(0);
    let greeted = false;
    socket.on("error", () => {});
    socket.on("data", (data) => {
      rest = Buffer.concat([rest, data]);
      if (!greeted) {
        greeted = true;
        rest = rest.subarray(8);
        const said = [0, 9, ...long(0), ...longText("PLAIN"), ...longText("en_US")];
        socket.write(frame(0, START, said));
      }
      for (let method = take(); method !== undefined; method = take()) answer(method);
    });

    function take(): string | undefined {
      if (rest.length < 8) return undefined;
      const size = rest.readUInt32BE(3);
      if (rest.length < size + 8) return undefined;
      const isMethod = rest[0] === 1;
      const name = `${rest.readUInt16BE(7)}.${size < 4 ? 0 : rest.readUInt16BE(9)}`;
      rest = rest.subarray(size + 8);
      return isMethod ? name : "";
    }

    function answer(method: string): void {
      const tuned = [...short(100), ...long(131_072), ...short(0)];
      if (method === START_OK) socket.write(frame(0, TUNE, tuned));
      if (method === OPEN) opening(socket);
      if (method === CHANNEL_OPEN) socket.write(frame(1, CHANNEL_OPEN_OK, long(0)));
      if (method === CHANNEL_CLOSE) socket.write(frame(1, CHANNEL_CLOSE_OK, []));
      if (method === CLOSE.join(".")) socket.write(frame(0, CLOSE_OK, []));
    }
  });
}

function frame(channel: number, [kind, method]: readonly [number, number], said: number[]): Buffer {
  const payload = [...short(kind), ...short(method), ...said];
  return Buffer.from([1, ...short(channel), ...long(payload.length), ...payload, 0xce]);
}

function short(number: number): number[] {
  return [number >> 8, number & 0xff];
}

function long(number: number): number[] {
  return [...short(number >>> 16), ...short(number & 0xffff)];
}

function shortText(text: string): number[] {
  return [text.length, ...Buffer.from(text)];
}

function longText(text: string): number[] {
  return [...long(text.length), ...Buffer.from(text)];
}

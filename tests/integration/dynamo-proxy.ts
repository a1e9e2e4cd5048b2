import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

/** One request on its way to the server; a fault passes it on, alters it, or leaves it be. */
export type Exchange = {
  /** The DynamoDB operation, such as `BatchGetItem`. */
  operation: string;
  body: Record<string, unknown>;
  /** Asks the server; the answer is not yet with the client. */
  forward: (body?: Record<string, unknown>) => Promise<Record<string, unknown>>;
  answer: (status: number, body: Record<string, unknown>) => void;
  hangUp: () => void;
};

export type Fault = (exchange: Exchange) => Promise<void> | void;

/** Stands before DynamoDB and does to requests what a test wants done; the server behind is real. */
export async function dynamoProxy(endpoint: string) {
  let faults: Fault[] = [];
  let always: Fault = passOn;
  const operations: string[] = [];

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      // A client that hangs up before it has sent its request asks for nothing.
      if (!request.destroyed) throw error;
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = (await json(request)) as Record<string, unknown>;
    const headers = Object.fromEntries(
      ["x-amz-target", "content-type", "authorization", "x-amz-date"].map((name) => [
        name,
        String(request.headers[name]),
      ]),
    );
    const operation = headers["x-amz-target"]!.split(".")[1]!;
    operations.push(operation);
    const fault = faults.shift() ?? always;
    await fault({
      operation,
      body,
      async forward(changed = body) {
        const answer = await fetch(endpoint, {
          method: "POST",
          headers,
          body: JSON.stringify(changed),
          signal: AbortSignal.timeout(10_000),
        });
        return (await answer.json()) as Record<string, unknown>;
      },
      answer(status, content) {
        response.writeHead(status, { "content-type": "application/x-amz-json-1.0" });
        response.end(JSON.stringify(content));
      },
      hangUp: () => void request.socket.destroy(),
    });
  }

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Every operation asked for since `play`. */
    operations,
    /** The next requests meet these faults, one each; those after them are passed on. */
    play(...next: Fault[]): void {
      faults = next;
      always = passOn;
      operations.length = 0;
    },
    /** Every request from now on meets this fault. */
    playOn(fault: Fault): void {
      faults = [];
      always = fault;
      operations.length = 0;
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export async function passOn({ forward, answer }: Exchange): Promise<void> {
  answer(200, await forward());
}

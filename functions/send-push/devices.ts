import { v5 } from "uuid";
import { contactOf, isOptedOut, type PushSubscription, userKey } from "../../kit/people/contact.ts";
import type { Directory } from "../../kit/people/directory.ts";
import {
  nowhere,
  probe,
  readUser,
  type Recipients,
  type Request,
} from "../../kit/sending/recipients.ts";
import { canonicalJson } from "../../lib/envelope/envelope.ts";
import type { Transport } from "../../kit/sending/transport.ts";
import { GoneError } from "./web-push.ts";

/** Of the ids of requests to one device. */
const NAMESPACE = "0f6a1c2e-6c0b-4c5e-9d0a-5b8e2f7c1a44";

/**
 * A user has several devices, and what becomes of one says nothing about another. So a request to a
 * user becomes a request to each of his devices, with an id that the user's request and the device make: each
 * is sent once, however often the first is expanded.
 */
export function devices({
  directory,
  publish,
}: {
  directory: Pick<Directory, "read">;
  /** Resolves once the broker has the request. */
  publish: (request: Request) => Promise<void>;
}): Recipients<PushSubscription> {
  return {
    async find(request, signal) {
      const { kind, to } = request.data;
      const user = await readUser(directory, { tenant: request.tenant_id, to }, signal);
      const { push_subscriptions: subscriptions, locale } = user.contact;
      if (isOptedOut([user.document], { channel: "push", kind })) return "opted out";

      if ("endpoint" in to) {
        const found = subscriptions?.find(({ endpoint }) => endpoint === to.endpoint);
        if (found === undefined) return "gone";
        return { to: found, name: user.id ?? "", locale: locale ?? undefined };
      }
      if (!subscriptions?.length)
        return nowhere(user, subscriptions === undefined ? undefined : null);
      const endpoints = new Set(subscriptions.map(({ endpoint }) => endpoint));
      await Promise.all([...endpoints].map((endpoint) => publish(toDevice(request, endpoint))));
      return "expanded";
    },
    probe: (signal) => probe(directory, signal),
  };
}

/** The request for one of the devices, always the same one. */
export function toDevice(request: Request, endpoint: string): Request {
  const { id, source, tenant_id, data } = request;
  return {
    ...request,
    id: v5(canonicalJson([tenant_id, source, id, endpoint]), NAMESPACE),
    data: { ...data, to: { ...data.to, endpoint } },
  } as Request;
}

/** Forgets a device whose subscription is gone: that nobody is there any more is no failure. */
export function forgetting(
  transport: Transport<PushSubscription>,
  {
    directory,
    onGone,
  }: { directory: Pick<Directory, "read" | "merge">; onGone: (kind: string) => void },
): Transport<PushSubscription> {
  return {
    ...transport,
    async send(message, signal) {
      try {
        await transport.send(message, signal);
      } catch (error) {
        if (!(error instanceof GoneError)) throw error;
        await forget(message, signal);
        onGone(message.kind);
      }
    },
  };

  async function forget(
    { tenant, recipient, to }: { tenant: string; recipient: string; to: PushSubscription },
    signal: AbortSignal,
  ): Promise<void> {
    const key = userKey(tenant, recipient);
    const [document] = await directory.read([key], signal);
    const field = document?.["push_subscriptions"];
    const left = contactOf(document).push_subscriptions?.filter(
      ({ endpoint }) => endpoint !== to.endpoint,
    );
    if (field === undefined || left === undefined) return;
    // Newer than the list it was found in, older than whatever the user's browser says next.
    const change = { push_subscriptions: { stamp: `${field.stamp}~`, value: left } };
    await directory.merge([{ key, fields: change }], signal);
  }
}

import type { EventOfType, EventType } from "../../events/catalogue.ts";
import type { Channel } from "../../kit/people/contact.ts";

/** One line of rules.ts. */
export type Rule<Type extends EventType = EventType> = {
  on: Type;
  /** Why the message is sent, and the name of its template: `order.shipped`. */
  kind: string;
  /** A user in several parties is notified once. */
  to: readonly Party[];
  /** The field with a user who is never notified, such as the author. */
  except?: string;
  /** The channels for users. A literal address decides its channel. */
  channels: readonly Channel[];
  /** The event's fields that the template gets. */
  with: readonly string[];
};

/** The possible recipients. parties.ts finds them. */
export type Party = "user" | "customer" | "owner" | "watchers" | "mentioned" | "shop";

/** A rule for one event. A field or party that the event does not have is a type error. */
export function rule<const Type extends EventType>(
  on: Type,
  terms: {
    kind: string;
    to: readonly [PartyOf<DataOf<Type>>, ...PartyOf<DataOf<Type>>[]];
    except?: FieldOf<DataOf<Type>>;
    channels: readonly [Channel, ...Channel[]];
    with: readonly FieldOf<DataOf<Type>>[];
  },
): Rule<Type> {
  return { on, ...terms };
}

type DataOf<Type extends EventType> = EventOfType<Type>["data"];

/** The fields that the schema names, without the unknown ones that it keeps. */
type FieldOf<Data> = Extract<
  keyof { [Name in keyof Data as string extends Name ? never : Name]: Data[Name] },
  string
>;

type PartyOf<Data> =
  | "shop"
  | (Data extends { user_id: string } ? "user" : never)
  | (Data extends { order_id: string } ? "customer" : never)
  | (Data extends { ticket_id: string } ? "owner" | "watchers" : never)
  | (Data extends { ticket_id: string; content: string } ? "mentioned" : never);

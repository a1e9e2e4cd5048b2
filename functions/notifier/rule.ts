import type { EventOfType, EventType } from "../../events/catalogue.ts";
import type { Channel } from "../../kit/people/contact.ts";

/** One line of rules.ts. */
export type Rule<Type extends EventType = EventType> = {
  on: Type;
  /** Why the message is sent, and the name of its template: `order.shipped`. */
  kind: string;
  /** Nobody is told twice, whatever parties they are. */
  to: readonly Party[];
  /** The field with the user who is not told, whatever party it is: the author knows. */
  except?: string;
  /** How a user is told. A recipient that is a literal address is told there. */
  channels: readonly Channel[];
  /** The event's fields that the template gets. */
  with: readonly string[];
};

/** Who can be told; parties.ts says how they are found. */
export type Party = "user" | "customer" | "owner" | "watchers" | "mentioned" | "shop";

/** A rule that fits its event: a field or a party that it does not have is a type error. */
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

/** The fields that the schema names: it keeps any others too. */
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

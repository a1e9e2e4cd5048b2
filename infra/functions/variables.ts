import * as z from "zod";
import type { Env } from "../../lib/config-aliases.ts";

/** A variable of the environment, as a function's config declares it. */
export type Variable = {
  name: string;
  /** The type of the value. `required` is false if the config has a default or the variable is optional. */
  schema: z.ZodType;
  required: boolean;
  /** The default as a value of the environment variable. */
  default: string | undefined;
  /** The text of `.describe(…)`. */
  description: string | undefined;
  /** The function reads the variable only if another one has this value, such as `LEDGER` `redis`. */
  onlyWith: { name: string; value: string } | undefined;
};

/**
 * The variables that a config reads, in its order. Supports objects, `.and`, transforms, `preprocess`, and
 * discriminated unions, whose discriminator is also a variable. Throws for anything else: otherwise a
 * variable could be missing from the docs.
 */
export function variablesOf(config: z.ZodType): Variable[] {
  const found = new Map<string, Variable>();
  for (const one of walk(config, {})) if (!found.has(one.name)) found.set(one.name, one);
  return [...found.values()];
}

/** The variables that a function reads in this environment. Omits those of choices that `env` does not make. */
export function readIn(env: Env, variables: readonly Variable[]): Variable[] {
  return variables.filter(({ onlyWith }) => {
    if (onlyWith === undefined) return true;
    const decides = variables.find(({ name }) => name === onlyWith.name);
    return (env[onlyWith.name] || decides?.default) === onlyWith.value;
  });
}

/** `defaults`: what a `preprocess` adds to an empty environment. */
function walk(schema: z.ZodType, defaults: Record<string, unknown>): Variable[] {
  if (schema instanceof z.ZodObject) return fieldsOf(schema);
  if (schema instanceof z.ZodIntersection) {
    const { left, right } = schema.def;
    return [left, right].flatMap((side) => walk(side as z.ZodType, defaults));
  }
  if (schema instanceof z.ZodDiscriminatedUnion) return choiceOf(schema, defaults);
  if (schema instanceof z.ZodPipe) {
    const { in: before, out } = schema;
    if (!(before instanceof z.ZodTransform)) return walk(before as z.ZodType, defaults);
    return walk(out as z.ZodType, before.parse({}) as Record<string, unknown>);
  }
  throw new Error(`a config cannot contain ${schema.type}: see infra/functions/variables.ts`);
}

function fieldsOf({ shape }: z.ZodObject, onlyWith?: Variable["onlyWith"]): Variable[] {
  return Object.entries(shape as Record<string, z.ZodType>).map(([name, schema]) => ({
    name,
    schema,
    required: !schema.safeParse(undefined).success,
    default: defaultOf(schema),
    description: descriptionOf(schema),
    onlyWith,
  }));
}

function choiceOf(union: z.ZodDiscriminatedUnion, defaults: Record<string, unknown>): Variable[] {
  const { discriminator: name, error } = union.def;
  const options = union.options as readonly z.ZodObject[];
  const valueOf = ({ shape }: z.ZodObject) => String((shape[name] as z.ZodLiteral<string>).value);
  const chosen = {
    name,
    schema: z.enum(options.map(valueOf), { error: error as z.core.$ZodErrorMap }),
    required: defaults[name] === undefined,
    default: textOf(defaults[name]),
    description: descriptionOf(union),
    onlyWith: undefined,
  };
  const belonging = options.flatMap((option) => {
    const fields = fieldsOf(option, { name, value: valueOf(option) });
    return fields.filter((field) => field.name !== name);
  });
  return [chosen, ...belonging];
}

/** The outermost default wins, as in parsing. */
function defaultOf(schema: z.ZodType): string | undefined {
  const isDefault = schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  if (isDefault) return textOf(schema.def.defaultValue);
  const inner = innerOf(schema);
  return inner && defaultOf(inner);
}

function descriptionOf(schema: z.ZodType): string | undefined {
  const inner = innerOf(schema);
  return schema.description ?? (inner && descriptionOf(inner));
}

/** Unwraps `optional`, `default` or a transform: returns the schema that reads the environment. */
function innerOf(schema: z.ZodType): z.ZodType | undefined {
  const { innerType, in: before } = schema.def as { innerType?: z.ZodType; in?: z.ZodType };
  return innerType ?? before;
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  return JSON.stringify(value);
}

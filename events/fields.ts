import * as z from "zod";

/** Names an entity within its tenant. Numbers become strings: 100 and "100" are one product. */
export const entityId = z
  .union([z.string().regex(/^[^\p{Cc}]{1,200}$/u), z.int().nonnegative()], {
    error: "must be a string of 1 to 200 characters or a whole number",
  })
  .transform(String);

/** One line for people. */
export const line = z.string().min(1).max(500);

/** Only the shape: whether an address works is found out by writing to it. */
export const email = z
  .string()
  .regex(/^[^\s@]{1,64}@[^\s@]{1,189}$/, "must look like name@example.com");

import { createECDH, hash } from "node:crypto";

/** What the ends let in. It guards nothing: they forward nothing, and listen to this machine alone. */
export const LOGIN = { user: "warren", token: "local" };

/** A key pair for Web Push, always the same one, base64url. */
export function localVapidKeys(): { publicKey: string; privateKey: string } {
  const pair = createECDH("prime256v1");
  pair.setPrivateKey(hash("sha256", "warren, on this machine", "buffer"));
  return {
    publicKey: pair.getPublicKey("base64url"),
    privateKey: pair.getPrivateKey("base64url"),
  };
}

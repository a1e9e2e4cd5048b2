import { createECDH, hash } from "node:crypto";

/** The login of the test providers. It protects nothing: they forward nothing and listen on this machine only. */
export const LOGIN = { user: "warren", token: "local" };

/** A fixed key pair for Web Push, base64url. */
export function localVapidKeys(): { publicKey: string; privateKey: string } {
  const pair = createECDH("prime256v1");
  pair.setPrivateKey(hash("sha256", "warren, on this machine", "buffer"));
  return {
    publicKey: pair.getPublicKey("base64url"),
    privateKey: pair.getPrivateKey("base64url"),
  };
}

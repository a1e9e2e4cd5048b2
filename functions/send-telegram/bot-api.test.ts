import { LOGIN } from "../../infra/providers/login.ts";
import { transportContract } from "../../tests/contract/transport.ts";
import { botApi } from "./bot-api.ts";

transportContract("botApi", {
  to: () => "-1001234567",
  secret: "1234567",
  open: (port) => botApi({ url: `http://127.0.0.1:${port}`, token: LOGIN.token, now: Date.now }),
});

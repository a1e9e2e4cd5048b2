import { LOGIN } from "../../infra/providers/login.ts";
import { transportContract } from "../../tests/contract/transport.ts";
import { twilio } from "./twilio.ts";

transportContract("twilio", {
  to: () => "+380441234567",
  secret: "1234567",
  open: (port) =>
    twilio({
      url: `http://127.0.0.1:${port}`,
      account: LOGIN.user,
      token: LOGIN.token,
      from: "Shop",
      now: Date.now,
    }),
});

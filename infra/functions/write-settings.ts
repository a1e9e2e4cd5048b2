import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../service/instance.ts";
import { settingsPage } from "./settings.ts";

await writeFile(join(ROOT, "docs/settings.md"), await settingsPage());

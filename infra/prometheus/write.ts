import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { alertsFile } from "./rules.ts";

const file = join(import.meta.dirname, "alerts.yml");
await writeFile(file, alertsFile());
console.log(`wrote ${file}`);

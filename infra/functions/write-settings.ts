import { writeSettings } from "./settings.ts";

await writeSettings();

import { directoryContract } from "./directory.ts";
import { memoryDirectory } from "./memory-directory.ts";

const directory = memoryDirectory();

directoryContract("memoryDirectory", () => directory);

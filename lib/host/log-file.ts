import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import type { Logger } from "../log.ts";

const FILES = 5;
const MAX_BYTES = 10_000_000;
const CHECK_MS = 1_000;

/** Rotates a file as long as this process lives. It does not keep the process alive. */
export function keepSmall(file: string, log: Logger): void {
  const look = () => {
    try {
      rotate(file, MAX_BYTES);
    } catch (err) {
      log.warn({ err }, "the log file cannot be rotated");
    }
  };
  setInterval(look, CHECK_MS).unref();
}

/** Renames `log` to `log.1`, `log.1` to `log.2` and so on; the oldest of five is lost. */
export function shiftLogs(file: string): void {
  shiftOlder(file);
  if (existsSync(file)) renameSync(file, `${file}.1`);
}

/**
 * Moves the content of a file that has grown beyond `maxBytes` to `log.1`. Supervisor and workers hold
 * the file open as stdout, so it is copied and emptied: they append, and go on at its new end. All in
 * one tick, so the supervisor loses nothing; of a worker only a line between the last read, which
 * finds nothing more, and the call after it.
 */
export function rotate(file: string, maxBytes: number): void {
  if (statSync(file).size <= maxBytes) return;
  shiftOlder(file);
  const from = openSync(file, "r+");
  const to = openSync(`${file}.1`, "w", 0o600);
  try {
    const chunk = Buffer.alloc(1_000_000);
    for (let bytes = 0; (bytes = readSync(from, chunk)) > 0;)
      writeAll(to, chunk.subarray(0, bytes));
    ftruncateSync(from);
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

function shiftOlder(file: string): void {
  for (let number = FILES - 2; number > 0; number -= 1) {
    const older = `${file}.${number}`;
    if (existsSync(older)) renameSync(older, `${file}.${number + 1}`);
  }
}

function writeAll(to: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length;) written += writeSync(to, bytes, written);
}

/** Tells how far something is: one line that is redrawn on a terminal, a line now and then elsewhere. */
type Progress = {
  update: (done: number, note?: string) => void;
  end: (text: string) => void;
};

const REDRAW_MS = 100;
const LINE_MS = 5_000;
const WIDTH = 30;

export function progress(title: string, total: number): Progress {
  const { isTTY, columns } = process.stdout;
  const startedAt = performance.now();
  let shownAt = isTTY ? 0 : startedAt;

  return {
    update(done, note = "") {
      const now = performance.now();
      if (now - shownAt < (isTTY ? REDRAW_MS : LINE_MS)) return;
      shownAt = now;
      const filled = Math.round((WIDTH * Math.min(done, total)) / total);
      const bar = "█".repeat(filled).padEnd(WIDTH, "░");
      const seconds = `${Math.round((now - startedAt) / 1_000)} s`;
      const text = `${title} ${bar} ${done}/${total}, ${seconds} ${note}`;
      if (isTTY) process.stdout.write(`\r${text.slice(0, columns - 1)}\u001b[K`);
      else console.log(text);
    },
    end(text) {
      if (isTTY) process.stdout.write("\r\u001b[K");
      console.log(text);
    },
  };
}

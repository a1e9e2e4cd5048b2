import { expect, test } from "vitest";
import type { Embedder } from "../../kit/embedding/embedder.ts";

const never = new AbortController().signal;

/** What every `Embedder` promises (kit/embedding/embedder.ts). */
export function embedderContract(name: string, open: () => Embedder): void {
  test(`${name} gives each text its vector, in the order of the texts`, async () => {
    const embedder = open();
    const [chair, desk, again] = await embedder.embed(
      ["Oak chair", "A long desk", "Oak chair"],
      never,
    );

    expect([chair!.length, desk!.length]).toEqual([embedder.dimensions, embedder.dimensions]);
    expect(again).toEqual(chair);
    expect(desk).not.toEqual(chair);
    expect(await embedder.embed(["A long desk"], never)).toEqual([desk]);
    expect(await embedder.embed([], never)).toEqual([]);
  });

  test(`${name} gives the zero vector to a text without words`, async () => {
    const embedder = open();
    const zero = Array.from({ length: embedder.dimensions }, () => 0);
    expect(await embedder.embed(["", " "], never)).toEqual([zero, zero]);
  });

  test(`${name} keeps no vector that a caller can change`, async () => {
    const embedder = open();
    const [vector] = await embedder.embed(["Oak chair"], never);
    const before = [...vector!];
    vector!.fill(9);
    expect(await embedder.embed(["Oak chair", "Oak chair"], never)).toEqual([before, before]);
  });
}

import { distance } from "fastest-levenshtein";

/** The names in `known` of which `given` may be a misspelling, nearest first, at most three. */
export function nearest(given: string, known: readonly string[]): string[] {
  const far = Math.max(2, given.length / 3);
  return known
    .map((name) => ({ name, off: distance(given, name) }))
    .filter(({ off }) => off <= far)
    .sort((a, b) => a.off - b.off)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** The hint for a wrong name: the nearest names, or all if none is near. */
export function known(given: string, names: readonly string[]): string {
  const near = nearest(given, names);
  return near.length > 0 ? `did you mean ${near.join(" or ")}?` : `there are ${names.join(", ")}`;
}

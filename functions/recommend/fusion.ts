/** What one signal thinks best, the best first; each at most once. */
export type Ranking = { signal: string; ids: readonly string[] };

export type Fused = { id: string; score: number; signals: string[] };

/** Of the paper below: how little the first places count for more than those behind them. */
const K = 60;

/**
 * Reciprocal rank fusion (Cormack, Clarke, Büttcher 2009): rankings whose scores have nothing in common
 * are joined by places. Whatever two signals name comes before what only one does at such a place.
 */
export function fuse(rankings: readonly Ranking[]): Fused[] {
  const fused = new Map<string, Fused>();
  for (const { signal, ids } of rankings) {
    for (const [place, id] of ids.entries()) {
      const one = fused.get(id) ?? { id, score: 0, signals: [] };
      one.score += 1 / (K + place + 1);
      one.signals.push(signal);
      fused.set(id, one);
    }
  }
  // By id where they are equal, so that the same facts give the same answer.
  return [...fused.values()].sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
}

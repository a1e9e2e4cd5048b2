/** What one signal thinks best, the best first; each at most once. */
type Ranking = { signal: string; said: readonly Said[] };
/** How sure the signal is of it: from 0 to 1. */
type Said = { id: string; confidence: number };

type Fused = { id: string; score: number; signals: string[] };

/** Of the paper below: how little the first places count for more than those behind them. */
const K = 60;

/**
 * Reciprocal rank fusion (Cormack, Clarke, Büttcher 2009): rankings whose scores have nothing in common
 * are joined by places. Places alone would let a coincidence at the top of one ranking stand as high as a
 * certainty at the top of another, so each counts for as much as its signal is sure of it.
 */
export function fuse(rankings: readonly Ranking[]): Fused[] {
  const fused = new Map<string, Fused>();
  for (const { signal, said } of rankings) {
    for (const [place, { id, confidence }] of said.entries()) {
      const one = fused.get(id) ?? { id, score: 0, signals: [] };
      one.score += confidence / (K + place + 1);
      one.signals.push(signal);
      fused.set(id, one);
    }
  }
  // By id where they are equal, so that the same facts give the same answer.
  return [...fused.values()].sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
}

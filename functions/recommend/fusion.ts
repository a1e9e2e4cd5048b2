/** The ranking of one signal, best first; each id at most once. */
type Ranking = { signal: string; said: readonly Said[] };
/** The signal's confidence in it, from 0 to 1. */
type Said = { id: string; confidence: number };

type Fused = { id: string; score: number; signals: string[] };

/** The constant of the paper below: the larger, the less the first ranks count. */
const K = 60;

/**
 * Reciprocal rank fusion (Cormack, Clarke, Büttcher 2009) combines rankings without a common score by
 * rank. With ranks alone, a coincidence at the top of one ranking would equal a certainty at the top of
 * another. So each rank is weighted by the signal's confidence.
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
  // Equal scores are ordered by id, so that the same facts give the same answer.
  return [...fused.values()].sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
}

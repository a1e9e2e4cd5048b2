/** Makes texts comparable: vectors of near texts are near. */
export type Embedder = {
  /** Whose vectors they are: those of two models are not comparable. */
  model: string;
  dimensions: number;
  /** One vector for each text, in their order. */
  embed(texts: readonly string[], signal: AbortSignal): Promise<number[][]>;
};

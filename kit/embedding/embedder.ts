/** Turns texts into vectors. Similar texts have near vectors. */
export type Embedder = {
  /** The model. Vectors of two models are not comparable. */
  model: string;
  dimensions: number;
  /** One vector for each text, in order. */
  embed(texts: readonly string[], signal: AbortSignal): Promise<number[][]>;
};

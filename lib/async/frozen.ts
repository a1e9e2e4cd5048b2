/**
 * Tells how many ms have passed since it was last called. A process that stood still (a frozen Lambda
 * environment) is not told of connections that ended meanwhile: after a long pause, open new ones.
 * `now` is the wall clock, since the monotonic one may stand still with the machine.
 */
export function pauseSince(now: () => number): () => number {
  let seen = now();
  return () => {
    const pause = now() - seen;
    seen += pause;
    return pause;
  };
}

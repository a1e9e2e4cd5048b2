/** First in, first out, in constant time at both ends (Array.shift moves everything that is left). */
export function fifo<T>() {
  let items: (T | undefined)[] = [];
  let head = 0;

  return {
    push(item: T): void {
      items.push(item);
    },
    peek(): T | undefined {
      return items[head];
    },
    shift(): T | undefined {
      const item = items[head];
      if (item === undefined) return undefined;
      items[head] = undefined;
      head += 1;
      if (head >= 1_024 && head * 2 >= items.length) {
        items = items.slice(head);
        head = 0;
      }
      return item;
    },
  };
}

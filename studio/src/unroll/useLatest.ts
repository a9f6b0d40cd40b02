/** Calls of an asynchronous action, one at a time: while one runs, only the latest value is kept for the next. */
import { useState } from 'preact/hooks';

export function useLatest<T>(act: (value: T) => Promise<unknown>): (value: T) => void {
  const [queue] = useState<{ running: boolean; next: { value: T } | null }>({ running: false, next: null });
  return (value) => {
    queue.next = { value };
    if (queue.running) return;
    queue.running = true;
    void (async () => {
      while (queue.next) {
        const { value: latest } = queue.next;
        queue.next = null;
        await act(latest);
      }
      queue.running = false;
    })();
  };
}

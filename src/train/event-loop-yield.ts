/** Milliseconds between two yields. */
const INTERVAL = 30;

/** The time of the last yield, of all trainings: many short ones after one another yield, too. */
let last = 0;

/**
 * Yields to the event loop at intervals. Updates on a CPU backend never wait for anything, so a loop of them would block
 * Ctrl-C, and a page's clicks and repaints. A yield costs more than a small update, so not every update makes one. Returns
 * undefined if none is due.
 */
export function yieldToEventLoop(): Promise<void> | undefined {
  if (performance.now() - last < INTERVAL) return;
  return new Promise<void>((resolve) => {
    const resume = (): void => {
      last = performance.now();
      resolve();
    };
    if (typeof setImmediate === 'function') setImmediate(resume);
    else setTimeout(resume, 0);
  });
}

/** Milliseconds between two yields. */
const INTERVAL = 30;

/** The time of the last yield, of all trainings: many short ones after one another yield, too. */
let last = 0;

/**
 * Yields to the event loop at intervals. Updates on a CPU backend never wait for anything, so a loop of them would block
 * Ctrl-C, and a page's clicks and repaints. A yield costs more than a small update, so not every update makes one.
 */
export async function yieldToEventLoop(): Promise<void> {
  if (performance.now() - last < INTERVAL) return;
  await new Promise<void>((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
  last = performance.now();
}

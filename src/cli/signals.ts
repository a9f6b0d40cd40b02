/** Signals that end a command. */

/** Ctrl-C, `kill`, a closed terminal or broken connection, a limit of processor time, and Ctrl-Break. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGXCPU', 'SIGBREAK'] as const;

/** A terminal and npx pass on one Ctrl-C, so that it may arrive twice. */
const ONE_KEY_MS = 300;

/**
 * Aborts `stop` at the first signal, so that the command can save what it has; a second Ctrl-C ends the process immediately. Other
 * signals do not: a closed terminal sends several. Returns a function that stops listening.
 */
export function stopOnSignal(stop: AbortController): () => void {
  let stoppedAt = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (stop.signal.aborted && signal === 'SIGINT' && now - stoppedAt > ONE_KEY_MS) process.exit(1);
    if (stop.signal.aborted) return;
    stoppedAt = now;
    stop.abort();
  };
  const known = SIGNALS.filter((signal) => listen(signal, onSignal));
  return () => {
    for (const signal of known) process.off(signal, onSignal);
  };
}

/** Not every system has every signal. */
function listen(signal: NodeJS.Signals, listener: NodeJS.SignalsListener): boolean {
  try {
    process.on(signal, listener);
    return true;
  } catch {
    return false;
  }
}

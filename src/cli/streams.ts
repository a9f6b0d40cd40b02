/** What happens if stdout or stderr cannot be written: its reader has ended, its terminal was closed, or its disk is full. */

type WriteError = NodeJS.ErrnoException;

/** Whether the reader has ended, as `| head` does, or the terminal was closed: then the missing output is not a failure. */
const isGone = ({ code }: WriteError): boolean =>
  code === 'EPIPE' ||
  code === 'ECONNRESET' ||
  code === 'ERR_STREAM_DESTROYED' ||
  (code === 'EIO' && process.stdout.isTTY);

const messageOf = ({ code }: WriteError): string =>
  code === 'ENOSPC' || code === 'EDQUOT' ? `the disk is full (${code})` : (code ?? 'unknown error');

/** The output of the process. */
export interface OutputWatch {
  /** From now on, a failed write does not end the command, because it also saves files. */
  continueAnyway(): void;
  /** Waits until everything is written. Returns whether that failed. */
  finish(): Promise<boolean>;
}

/** Calls `onError` for every failed write: an event in Node and Bun, an exception in Deno. */
function onWriteError(stream: NodeJS.WriteStream, onError: (error: WriteError) => void): void {
  stream.on('error', onError);
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = (...args: unknown[]): boolean => {
    try {
      return write(...args);
    } catch (error) {
      onError(error as WriteError);
      return false;
    }
  };
}

/**
 * Handles failed writes, which would otherwise end the process with a stack trace. Unless the command saves files, a failed write
 * ends it: with exit code 0 if the reader has gone, else with a message and exit code 1.
 */
export function watchOutput(): OutputWatch {
  let [continues, failed] = [false, false];
  onWriteError(process.stderr, () => {}); // a message has no other place
  onWriteError(process.stdout, (error) => {
    if (isGone(error)) {
      if (!continues) process.exit(0);
      return;
    }
    if (!failed) {
      const rest = continues ? ' The command continues, because it also saves files.' : '';
      process.stderr.write(`unspool: cannot write the output: ${messageOf(error)}.${rest}\n`);
    }
    failed = true;
    if (!continues) process.exit(1);
  });
  return {
    continueAnyway: () => {
      continues = true;
    },
    finish: async () => {
      const { stdout } = process;
      if (stdout.writableLength > 0) await new Promise<void>((done) => stdout.write('', () => done()));
      await new Promise((done) => setImmediate(done)); // errors are reported after the callback
      return failed;
    },
  };
}
